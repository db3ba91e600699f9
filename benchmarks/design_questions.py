"""What a designer would ask the music about: bits of a slow weight, a worse leakage floor.

    python benchmarks/design_questions.py

Nominal hardware with one property changed learns JSB's training part from nothing, joint outputs, a few passes, seed 0; the
loss is that of the valid part over the unchanged hardware's.  Set NEUROMORPH_DATA.  How many tubes a transistor needs is
read from the rows of ``vs_ideal.py``: four times as many tubes are half the mismatch.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from shipped_models import blocks_for

from neuromorph.errors import LearningDiverged
from neuromorph.figures import Figure, record
from neuromorph.library import Library
from neuromorph.music.datasets import load_dataset
from neuromorph.network.config import LearningConfig, NetworkConfig
from neuromorph.tasks.evaluate import evaluate
from neuromorph.tasks.run import RunFacts, Schedule, log_odds, new_run
from neuromorph.tasks.train import train

RESULTS = Path(__file__).parent / "results" / "variation.json"
BITS = (3, 4, 5, 7, 8)
WORSE = (10.0, 100.0)
LEAKS = {
    "fast weights": ("eligibility_synapse.drift",),
    "cells": (
        "memory_cell.i_hold",
        "memory_cell.i_wait",
        "memory_cell.g_wait",
        "memory_cell.i_floor",
        "memory_cell.f_floor",
        "memory_cell.o_floor",
    ),
}
"""Parameters that go with the off-current of transistors."""


def leaks(factor: float, *parts: str) -> list[str]:
    """Changes of the leaks of some parts by a factor."""
    models = Library.shipped().models()
    names = [name for part in parts for name in LEAKS[part]]
    return [f"{name}={factor * models[name.split('.')[0]][name.split('.')[1]]!r}" for name in names]


def questions() -> dict[str, list[str]]:
    """Settings by what is asked."""
    asked = {
        f"slow weights of {bits} bits for 6": [f"weight_store.levels={2 ** (bits - 1)}"] for bits in BITS
    }
    for factor in WORSE:
        for part in LEAKS:
            asked[f"leak of the {part} {factor:g} times as large"] = leaks(factor, part)
        asked[f"all leaks {factor:g} times as large"] = leaks(factor, *LEAKS)
    return asked


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    data, config = load_dataset("jsb"), NetworkConfig(joint=True, learning=LearningConfig(dropout=0.3))
    pieces, valid = [r.frames for r in data.train], [r.frames for r in data.valid]

    def loss(changes: list[str]) -> float:
        schedule, odds = Schedule(args.passes, 0.1, 0.85), log_odds(pieces).tolist()
        facts = RunFacts(config, args.seed, schedule, "nominal", odds)
        with tempfile.TemporaryDirectory() as folder:
            run = new_run(Path(folder) / "run", facts, blocks_for("nominal", config.frame, changes))
            run = train(run, pieces)
            return evaluate(run.network, run.state, valid).nll

    usual = loss([])
    for name, changes in questions().items():
        try:
            cost = round(loss(changes) - usual, 4)
        except LearningDiverged as error:
            print(f"{name}: {error}", flush=True)
            cost = float("nan")
        print(f"{name:50s} {cost:+.4f}", flush=True)
        claim = f"design: cost on JSB valid, joint outputs, {args.passes} passes, of {name}"
        figure = Figure(claim, cost, "nats per frame", better="lower", seeds=(args.seed,),
                        details={"usual": round(usual, 4), "changes": changes})  # fmt: skip
        record(RESULTS, [figure], " ".join(["python benchmarks/design_questions.py", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
