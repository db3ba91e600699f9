"""Workloads of this library, timed as the peers' scripts time theirs: one JSON object on the last line.

    python benchmarks/peers/neuromorph_workloads.py w1 out/peers/w1.npz --backend native

Seconds are those of the whole call ``SpikingNetwork.run``: arrays in and out included, for Brian2 only its loop is counted.
The first call, which compiles, stands apart.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from peak_memory import peak_mib
from workload_networks import NETWORKS

import neuromorph

LAYERS = {"w1": {"E": ["E"], "I": ["I"]}, "w2": {"A": ["A"], "R": ["R"]}, "w3": {"all": ["E", "I"]}}
WEIGHTS = {"w1": {"w": "input->E"}, "w2": {"w": "input->A", "r": "plastic"}, "w3": {}}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("workload", choices=tuple(NETWORKS))
    parser.add_argument("file", type=Path)
    parser.add_argument("--backend", choices=("native", "jax"), default="native")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    with np.load(args.file) as data:
        work = dict(data)
    net, inputs = NETWORKS[args.workload](work)
    del work
    steps, seconds = int(np.load(args.file)["steps"]), []
    for _ in range(args.runs + 1):
        began = time.perf_counter()
        run = net.run(steps * net.dt, inputs, backend=args.backend)
        seconds.append(time.perf_counter() - began)
    name = args.workload[:2]
    print(json.dumps({
        "simulator": f"neuromorph, {args.backend}", "version": neuromorph.__version__, "workload": args.workload,
        "seconds": seconds[1:], "compile_seconds": seconds[0] - min(seconds[1:]),
        "peak_mib": peak_mib(),
        "counts": {k: int(sum(run.counts[p].sum() for p in parts)) for k, parts in LAYERS[name].items()},
        "mean_weight": {k: float(run.weights(link).mean(dtype=float)) for k, link in WEIGHTS[name].items()},
    }))  # fmt: skip


if __name__ == "__main__":
    main()
