"""Many independent streams of W1 on all cores, beside Brian2 with a process a core.

    python benchmarks/streams.py                       # 32 streams

Ours: ``SpikingNetwork.run_streams``, one process, a thread a core; arrays in and out included.  Brian2: its quickest form
(``vs_peers.py``), a standalone program a core, run again and again; its simulation loops alone are counted, and the core
that ends last.  Rounds interleave; every stream must give the spikes of a single run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from neuromorph.errors import NeuromorphError
from neuromorph.figures import Figure, record, table

sys.path.insert(0, str(Path(__file__).resolve().parent))
from workload_networks import NETWORKS
from workloads import kept

RESULTS = Path(__file__).parent / "results" / "peers.json"
SCRIPT = Path(__file__).parent / "peers" / "brian2_workloads.py"
MUST, GOAL = 2.0, 3.0


def own(file: Path, streams: int, cores: int) -> tuple[float, list[int]]:
    """Seconds of all streams, and the spikes of each."""
    with np.load(file) as data:
        work = dict(data)
    net, inputs = NETWORKS["w1"](work)
    seconds = int(work["steps"]) * net.dt
    net.run(seconds, inputs)
    began = time.perf_counter()
    runs = net.run_streams(seconds, [inputs] * streams, workers=cores)
    return time.perf_counter() - began, [int(run.counts["E"].sum()) for run in runs]


def brian2(python: Path, file: Path, folder: Path, each: int, cores: list[int]) -> tuple[float, list[int]]:
    """Seconds of the core that ends last, and the spikes of each core's last stream."""
    jobs = [
        subprocess.Popen(
            [str(python), str(SCRIPT), "w1", str(file), "--idiom", "neuron", "--precision", "float32", "--mode",
             "standalone", "--folder", str(folder / f"streams-{core}"), "--runs", str(each)],
            stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        for core in cores
    ]  # fmt: skip
    for job, core in zip(jobs, cores, strict=True):
        os.sched_setaffinity(
            job.pid, {core}
        )  # before it has loaded anything; a fork beside JAX's threads may lock up
    reports = []
    for job in jobs:
        said, _ = job.communicate()
        if job.returncode:
            raise NeuromorphError(f"Brian2 failed ({job.returncode})")
        reports.append(json.loads(said.strip().splitlines()[-1]))
    return max(sum(r["seconds"]) for r in reports), [r["counts"]["E"] for r in reports]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", type=Path, default=Path("out/peers"), help="environments and workloads")
    args = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    file, python = kept("w1", args.peers), args.peers / "brian2" / "bin" / "python"
    ours, theirs = [], []
    for n in range(args.rounds):
        seconds, spikes = own(file, args.streams, len(cores))
        if len(set(spikes)) > 1:
            print(f"streams differ: {sorted(set(spikes))}", file=sys.stderr)
            return 1
        ours.append(seconds)
        if python.exists():
            found, counts = brian2(python, file, args.peers / "built", -(-args.streams // len(cores)), cores)
            if any(abs(count / spikes[0] - 1) > 0.005 for count in counts):
                print(f"does not count: Brian2 has {counts} spikes, we {spikes[0]}", file=sys.stderr)
                return 1
            theirs.append(found)
        print(f"round {n + 1} of {args.rounds}: {ours[-1]:.3f} s, Brian2 {theirs[-1:]} s", flush=True)
    if not theirs:
        print("Brian2 is not installed (sh benchmarks/peers/setup.sh brian2)")
        return 0
    ratios = [b / o for b, o in zip(theirs, ours, strict=True)]
    made = [Figure(
        f"W1, {args.streams} streams on {len(cores)} cores: neuromorph over Brian2 with a process a core",
        statistics.median(theirs) / statistics.median(ours), "x", MUST, GOAL, "higher", spread=statistics.pstdev(ratios),
        details={"seconds": ours, "Brian2 seconds": theirs},
    )]  # fmt: skip
    print(table(made))
    record(RESULTS, made, " ".join(["python benchmarks/streams.py", *sys.argv[1:]]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
