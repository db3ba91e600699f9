"""W4, the learning music network, in this library: one JSON object on the last line.

    python benchmarks/peers/neuromorph_music.py out/peers/w4.npz                 # --form plain: every synapse at every tick

Seconds are those of the whole call of ``simulate``, records and all; the first call, which compiles, stands apart.
"""

from __future__ import annotations

import argparse
import json
import os

os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"

import sys
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from music_workload import learn_on, own, statistics
from peak_memory import peak_mib
from plain_form import plain_form

import neuromorph


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--form", choices=("events", "plain"), default="events")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    with np.load(args.file) as data:
        work = dict(data)
    network, state, stream = own(work)
    seconds = []
    with plain_form() if args.form == "plain" else nullcontext():
        for _ in range(args.runs + 1):
            began = time.perf_counter()
            after, seen = learn_on(network, state, stream)
            seconds.append(time.perf_counter() - began)
    found = statistics(after, seen)
    print(json.dumps({
        "simulator": f"neuromorph, {args.form}", "version": neuromorph.__version__, "workload": args.file.stem,
        "seconds": seconds[1:], "compile_seconds": seconds[0] - min(seconds[1:]), "peak_mib": peak_mib(), **found,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
