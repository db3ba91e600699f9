"""How far the engine is from what this machine's caches allow, on W1 and W2.

    python benchmarks/roofline.py

The bound is the traffic that an event-driven simulator cannot avoid, over the bandwidth of one core in a set of 3 MiB, as
the networks are (a sum of two arrays into a third, measured in the same run): all states of neurons read and written in
every step, rows of lines that spike, columns of neurons that fire.  A column's weights lie in lines of 64 bytes each, of
which 4 are used: with whole lines counted the bound is ``in_lines``.  The time is that of the whole call.
"""

# ruff: noqa: E402
from __future__ import annotations

import argparse
import os

os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import sys
import time
from pathlib import Path

import numpy as np

from neuromorph.figures import Figure, record, table

sys.path.insert(0, str(Path(__file__).resolve().parent))
from workload_networks import NETWORKS
from workloads import kept

RESULTS = Path(__file__).parent / "results" / "peers.json"
LIMITS = {"w1": (6.0, 3.0), "w2": (8.0, 3.0)}
SET_BYTES = 3 * 1024**2
FLOAT, LINE = 4, 64


def bandwidth(rounds: int = 200) -> float:
    """Bytes a second of ``a + b`` into c, all three in a set of 3 MiB; the best of the rounds."""
    a, b, c = (np.ones(SET_BYTES // 3 // FLOAT, np.float32) for _ in range(3))
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        np.add(a, b, out=c)
        times.append(time.perf_counter() - began)
    return SET_BYTES / min(times)


def traffic(work: dict[str, np.ndarray], name: str, spikes: dict[str, int]) -> tuple[int, int]:
    """Bytes of the workload: those used, and with whole lines for columns."""
    steps, events = int(work["steps"]), len(work["at"])
    inputs, first = work["w"].shape
    both = 2 * FLOAT  # read and written
    columns = spikes["E" if name == "w1" else "A"] * inputs
    if name == "w1":  # E: v, ge, gi, theta; I: v, ge; ends of refractory times are read
        state = steps * first * (4 + 2) * both + 2 * steps * first * FLOAT
        rows, moved, far = events * first * FLOAT, 0, columns
    else:
        second = work["r"].shape[0]
        # v, i, raised of both, the trace of R; ends of refractory times are read
        state = steps * (first * 3 + second * 4) * both + steps * (first + second) * FLOAT
        rows = (events * first + (spikes["A"] + spikes["R"]) * second) * FLOAT
        moved, far = spikes["R"] * second * (both + FLOAT), columns + spikes["R"] * second
    used = state + rows + moved + far * (both + FLOAT)
    return used, used + far * 2 * (LINE - FLOAT)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--peers", type=Path, default=Path("out/peers"), help="folder of the workloads")
    args = parser.parse_args()
    made = []
    for name, limits in LIMITS.items():
        with np.load(kept(name, args.peers)) as data:
            work = dict(data)
        net, given = NETWORKS[name](work)
        seconds, times, speeds = int(work["steps"]) * net.dt, [], []
        run = net.run(seconds, given, backend="native")
        for _ in range(args.runs):
            speeds.append(bandwidth(50))
            began = time.perf_counter()
            net.run(seconds, given, backend="native")
            times.append(time.perf_counter() - began)
        used, lines = traffic(work, name, {k: int(c.sum()) for k, c in run.counts.items()})
        speed, took = max(speeds), float(np.median(times))
        made.append(Figure(
            f"{name.upper()}: time over the roofline's", took * speed / used, "x", *limits,
            details={"seconds": took, "GB_per_s": speed / 1e9, "bytes": used, "in_lines": took * speed / lines},
        ))  # fmt: skip
    print(table(made))
    record(RESULTS, made, " ".join(["python benchmarks/roofline.py", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
