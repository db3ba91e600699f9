"""How long until something happens: import, help, the first result of a small network; each in a new process.

    python benchmarks/startup.py

Medians of five processes after a first one that fills the caches (byte code, the native engine, what JAX compiled).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

from neuromorph.figures import Figure, record, table

RESULTS = Path(__file__).parent / "results" / "peers.json"
_NETWORK = (
    "import numpy as np; from neuromorph.spiking import *;"
    "net = SpikingNetwork(dt=1e-3); net.population('N', 100, LIF(tau=0.02, rest=1.2, threshold=1.0, start=0.0));"
    "net.project('N', 'N', Dense(np.full((100, 100), 1e-3)));"
    "assert net.run(0.1, backend={backend!r}).counts['N'].sum()"
)
WAYS = {
    "import neuromorph": (["-c", "import neuromorph"], 0.5),
    "neuromorph --help": (["-m", "neuromorph", "--help"], 0.5),
    "first result of 100 neurons, native": (["-c", _NETWORK.format(backend="native")], 3.0),
    "first result of 100 neurons, JAX": (["-c", _NETWORK.format(backend="jax")], 3.0),
}


def median_seconds(arguments: list[str], rounds: int) -> float:
    """Of ``rounds`` processes after a first one."""
    times = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    made = [
        Figure(f"start-up: {what}", median_seconds(arguments, args.rounds), "s", must)
        for what, (arguments, must) in WAYS.items()
    ]
    print(table(made))
    record(RESULTS, made, " ".join(["python benchmarks/startup.py", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
