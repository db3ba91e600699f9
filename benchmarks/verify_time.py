"""How long the whole of verification takes: all blocks and three small networks in ngspice, from nothing and once more.

    python benchmarks/verify_time.py

Two processes at a time, one core each, a block or a network after the other.  The second round finds held-out curves and
networks where the first has left them, and scores the models anew.  Wall-clock time: on a busy machine the rows are upper
bounds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from neuromorph.characterization.recipes import recipe_names
from neuromorph.figures import Figure, record, table

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).parent / "results" / "fidelity.json"
LANES = 2
DEAR = (
    "stdp_synapse",
    "memory_cell",
    "axon_hillock",
    "eligibility_synapse",
    "gate_synapse",
    "winner_take_all",
    "feature_neuron",
    "noise_source",
    "inhibitory_synapse",
)
"""Blocks that took longest, two to twelve minutes each: they go first, so that both lanes end together."""
MISSED = 1
"""Status of a verification that was made, and found a limit missed."""
LIMITS = {"from nothing": (60.0, 20.0), "with what ngspice answered kept": (10.0, 5.0)}
"""Must and goal, minutes."""


def commands(folder: Path) -> dict[str, list[str]]:
    """What verification consists of, the longest part first; answers are kept in ``folder``."""
    networks = [
        str(ROOT / "benchmarks" / "small_networks.py"),
        "--no-row",
        "--kept",
        str(folder / "networks"),
    ]
    block = ["-m", "neuromorph", "verify", "--quiet", "--jobs", "1", "--references", str(folder / "blocks")]
    others = [name for name in recipe_names() if name not in DEAR]
    return {
        "feature layer of 4 neurons": [*networks, "--network", "features", "--neurons", "4"],
        "memory of a cell": [*networks, "--network", "memory"],
        "feature layer of 2 neurons": [*networks, "--network", "features", "--neurons", "2"],
        **{name: [*block, name] for name in (*DEAR, *others)},
    }


def seconds(name: str, command: list[str]) -> float:
    """Wall-clock time of a part.

    Raises
    ------
    SystemExit
        When it failed: a time counts only where something was verified.
    """
    began = time.perf_counter()
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
    if done.returncode not in (0, MISSED) or not done.stdout:
        raise SystemExit(f"{name} failed ({done.returncode}): {done.stderr[-2000:]}")
    took = time.perf_counter() - began
    print(f"  {name}: {took:.0f} s", flush=True)
    return took


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        parts = commands(Path(folder))
        for what, (must, goal) in LIMITS.items():
            print(what, flush=True)
            began = time.perf_counter()
            with ThreadPoolExecutor(LANES) as pool:
                took = dict(zip(parts, pool.map(seconds, parts, parts.values()), strict=True))
            rows.append(
                Figure(f"verification of all blocks and three small networks, 2 cores: {what}",
                       (time.perf_counter() - began) / 60, "min", must, goal,
                       details={"seconds": {name: round(value, 1) for name, value in took.items()}})
            )  # fmt: skip
    print(table(rows))
    record(RESULTS, rows, "python benchmarks/verify_time.py")


if __name__ == "__main__":
    main()
