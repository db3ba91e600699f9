"""JSB chorales, full training run: valid NLL of one head, fidelity and control.

    python benchmarks/jsb.py --head joint --fidelity nominal --seed 0

Set NEUROMORPH_DATA to the folder that holds polyphonic/JSB_Chorales.mat.  The
test part is not read.  Interrupted, the same command resumes from its run folder.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

from shipped_models import blocks_for, library_hash

from neuromorph.figures import Figure, record
from neuromorph.music.datasets import load_dataset
from neuromorph.network.config import FeatureConfig, LearningConfig, NetworkConfig
from neuromorph.network.stream import shuffled_frames
from neuromorph.tasks.evaluate import Evaluation, evaluate
from neuromorph.tasks.run import Run, RunFacts, Schedule, load_run, log_odds, new_run
from neuromorph.tasks.train import Progress, train

RESULTS = Path(__file__).parent / "results" / "music.json"
MUST = {("independent", "ideal"): (8.60, 8.45), ("independent", "nominal"): (8.85, 8.60)}
MUST |= {("joint", "ideal"): (5.90, 5.71), ("joint", "nominal"): (6.20, 5.90)}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--head", choices=("independent", "joint"), default="independent")
    parser.add_argument("--fidelity", choices=("ideal", "nominal"), default="ideal")
    parser.add_argument("--control", choices=("none", "no_memory", "shuffled", "no_features"), default="none")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=16, help="%(default)s by default")
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("--rate-decay", type=float, default=0.85)
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="BLOCK.NAME=VALUE", help="change a nominal parameter"
    )
    parser.add_argument("--runs", type=Path, default=Path("out/runs"), help="where run folders go")
    parser.add_argument("--no-row", action="store_true", help="print only, do not write a result row")
    return parser.parse_args()


def configuration(args: argparse.Namespace) -> NetworkConfig:
    return NetworkConfig(
        joint=args.head == "joint",
        memory=args.control != "no_memory",
        features=FeatureConfig(neurons=1 if args.control == "no_features" else FeatureConfig.neurons),
        learning=LearningConfig(dropout=args.dropout),
    )


def start(args: argparse.Namespace, pieces: list) -> Run:
    config = configuration(args)
    schedule = Schedule(args.epochs, args.rate, args.rate_decay, shuffled=args.control == "shuffled")
    path = args.runs / f"jsb_{args.head}_{args.fidelity}_{args.control}_{args.seed}"
    if (path / "run.json").exists() and not args.no_row:
        run = load_run(
            path, blocks_for(args.fidelity, config.frame, args.set), library_hash=library_hash(args.fidelity)
        )
        return replace(run, facts=replace(run.facts, schedule=schedule))
    odds, digest = log_odds(pieces).tolist(), library_hash(args.fidelity)
    facts = RunFacts(config, args.seed, schedule, args.fidelity, odds, digest)
    return new_run(path, facts, blocks_for(args.fidelity, config.frame, args.set))


def report(args: argparse.Namespace, run: Run, result: Evaluation, seconds: float) -> None:
    must, goal = MUST[args.head, args.fidelity] if args.control == "none" else (None, None)
    command = "python benchmarks/jsb.py " + " ".join(sys.argv[1:])
    claim = f"JSB valid NLL, {args.head} outputs, {args.fidelity}"
    claim += "" if args.control == "none" else f", control {args.control}"
    figure = Figure(
        claim,
        round(result.nll, 4),
        "nats per frame",
        must,
        goal,
        seeds=(args.seed,),
        details={
            "accuracy_best_threshold": round(result.accuracy, 4),
            "threshold": result.threshold,
            "epochs": run.facts.schedule.epochs,
            "library": run.facts.library_hash[:16],
            "valid_by_epoch": [round(note["valid_nll"], 4) for note in run.facts.history],
            "events_per_frame": {name: round(value, 2) for name, value in result.events.items()},
            "train_seconds": round(seconds, 1),
        },
    )
    if not args.no_row:
        record(RESULTS, [figure], command)
    print(f"{claim} = {result.nll:.4f}; passes {figure.details['valid_by_epoch']}")


def show(run: Run, began: float):
    def tell(at: Progress) -> None:
        left = (time.time() - began) * (at.total_frames / at.frames - 1)
        print(
            f"\repoch {at.epoch + 1}  {at.nll:.3f} nats  {left:.0f} s left ",
            end="",
            file=sys.stderr,
            flush=True,
        )

    return tell


def main() -> None:
    args = arguments()
    data = load_dataset("jsb")
    pieces, valid = [r.frames for r in data.train], [r.frames for r in data.valid]
    run, began = start(args, pieces), time.time()
    run = train(run, pieces, valid=valid, progress=show(run, began))
    held_out = shuffled_frames(valid, args.seed) if args.control == "shuffled" else valid
    report(args, run, evaluate(run.network, run.state, held_out), time.time() - began)


if __name__ == "__main__":
    main()
