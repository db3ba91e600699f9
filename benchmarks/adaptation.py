"""A chorale network that hears folk tunes: how fast it adapts, and what it forgets.

    python benchmarks/adaptation.py --fidelity ideal --seeds 0 1 2

Loads the runs that ``benchmarks/prediction.py --data jsb --head independent`` left in out/runs and streams
Nottingham's valid part through ``neuromorph.tasks.listen`` (each tune once, learning on).  Running NLL at n frames is
the mean of the last half of the n frames; the gap is from the frozen network on the same frames down to the offline
LSTM's row (``benchmarks/lstm.py --data nottingham``).  ``--part train`` is for choosing rates; it writes no row.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from shipped_models import blocks_for, library_hash

from neuromorph.figures import Figure, record
from neuromorph.music.datasets import load_dataset
from neuromorph.network.stream import stream_of
from neuromorph.tasks.evaluate import evaluate
from neuromorph.tasks.listen import Listening, listen
from neuromorph.tasks.run import Run, load_run, read_facts

RESULTS = Path(__file__).parent / "results" / "music.json"
ADAPTED, FOREIGN = 4096, 16_384
MARKS = (512, 1024, 2048, 4096, 8192, 16_384)
LSTM = "Nottingham valid NLL, independent outputs, reference: LSTM 128 by BPTT"
HELD_OUT = 12


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fidelity", choices=("ideal", "nominal"), default="ideal")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--part", choices=("train", "valid"), default="valid")
    parser.add_argument("--rate", type=float, default=Listening.rate)
    parser.add_argument("--quiet-rate", type=float, default=Listening.quiet_rate)
    parser.add_argument("--margin", type=float, default=Listening.margin)
    parser.add_argument("--consolidation", type=float, default=Listening.consolidation)
    parser.add_argument("--unguarded", action="store_true", help="plain learning, for comparison; no row")
    parser.add_argument("--runs", type=Path, default=Path("out/runs"))
    return parser.parse_args()


def listening(args: argparse.Namespace) -> Listening:
    return Listening(
        args.rate, args.quiet_rate, args.margin, consolidation=args.consolidation, guarded=not args.unguarded
    )


def trained(args: argparse.Namespace, seed: int) -> Run:
    path = args.runs / f"jsb_independent_{args.fidelity}_none_128_{seed}"
    blocks = blocks_for(args.fidelity, read_facts(path).config.frame)
    return load_run(path, blocks, library_hash=library_hash(args.fidelity))


def tunes(part: str, seed: int) -> list[np.ndarray]:
    """Tunes of Nottingham in an order of their own, ``FOREIGN`` frames in all."""
    pieces = [roll.frames for roll in load_dataset("nottingham").parts()[part]]
    order = np.random.default_rng([seed, 11]).permutation(len(pieces))
    chosen, frames = [], 0
    for k in order:
        piece = pieces[k][: FOREIGN - frames + 1]
        if len(piece) > 1:
            chosen.append(piece)
            frames += len(piece) - 1
    return chosen


def running(nll: np.ndarray, frames: int) -> float:
    """Mean of the last half of the first ``frames``."""
    return float(nll[frames // 2 : frames].mean())


def measured(args: argparse.Namespace, seed: int) -> dict[str, Any]:
    run, pieces = trained(args, seed), tunes(args.part, seed)
    own = [roll.frames for roll in load_dataset("jsb").valid]
    held_out = [roll.frames for roll in load_dataset("nottingham").valid[:HELD_OUT]]
    before = evaluate(run.network, run.state, own).nll
    frozen = evaluate(run.network, run.state, pieces).nll_by_frame[: len(stream_of(pieces))]
    after, heard = listen(run, pieces, listening(args), seed=seed, save=False)
    adapted = replace(after.state, slow=after.state.fast)
    _, back = listen(restarted(after), own, listening(args), usual_nll=before, seed=seed, save=False)
    result = {
        "own_before": before,
        "own_after": evaluate(run.network, after.state, own).nll,
        "own_after_fast_weights": evaluate(run.network, adapted, own).nll,
        "own_plastic_on_return": float(back.nll.mean()),
        "foreign_frozen": running(frozen, ADAPTED),
        "foreign_held_out_fast_weights": evaluate(run.network, adapted, held_out).nll,
        "recalls": heard.recalls,
        "running": {str(n): round(running(heard.nll, n), 3) for n in MARKS},
        "mean_rate": float(np.mean(heard.rates)),
    }
    print(f"seed {seed}: {result}", file=sys.stderr, flush=True)
    return result


def restarted(run: Run) -> Run:
    """The run as one that has heard nothing yet and goes on to other music."""
    return replace(run, facts=replace(run.facts, listening={}))


def main() -> None:
    args = arguments()
    seeds = [measured(args, seed) for seed in args.seeds]
    if args.unguarded or args.part == "train":
        return
    lstm = [row["value"] for row in json.loads(RESULTS.read_text()) if row["claim"] == LSTM]
    if not lstm:
        raise SystemExit(f"no row {LSTM!r}: run benchmarks/lstm.py --data nottingham first")
    share = [
        100 * (s["foreign_frozen"] - s["running"][str(ADAPTED)]) / (s["foreign_frozen"] - min(lstm))
        for s in seeds
    ]
    forgot = [s["own_after"] - s["own_before"] for s in seeds]
    plastic = [s["own_plastic_on_return"] - s["own_before"] for s in seeds]
    name = f"adaptation JSB to Nottingham, independent outputs, {args.fidelity}"
    must = {"ideal": 80.0, "nominal": 70.0}[args.fidelity]
    rows = [
        ("share of the gap to the offline LSTM closed at 4,096 frames", share, "%", must, 92.0, "higher"),
        (
            "JSB loss after 16,384 foreign frames over that before",
            forgot,
            "nats per frame",
            None,
            0.2,
            "lower",
        ),
        (
            "JSB heard again with plasticity on, over frozen before",
            plastic,
            "nats per frame",
            None,
            None,
            "lower",
        ),
    ]
    how = {"listening": vars(listening(args)), "measured": seeds}
    figures = [
        Figure.over_seeds(
            f"{name}: {what}",
            values,
            args.seeds,
            unit,
            must=limit,
            goal=goal,
            better=better,
            details=how if k == 0 else {},
        )
        for k, (what, values, unit, limit, goal, better) in enumerate(rows)
    ]
    record(RESULTS, figures, "python benchmarks/adaptation.py " + " ".join(sys.argv[1:]))
    for figure in figures:
        print(f"{figure.claim} = {figure.value}")


if __name__ == "__main__":
    main()
