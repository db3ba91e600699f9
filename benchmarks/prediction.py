"""Full training run on a public set: valid NLL of one head, fidelity and control, frozen and plastic.

    python benchmarks/prediction.py --data jsb --head joint --fidelity nominal --seeds 0 1 2

Set NEUROMORPH_DATA to the folder that holds polyphonic/*.mat.  The test part is not read.  The row is the mean
over the seeds, its spread their sample standard deviation.  Interrupted, the same command resumes from its run
folders; a finished run is only evaluated again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from shipped_models import blocks_for, library_hash

from neuromorph.figures import Figure, record
from neuromorph.music.datasets import load_dataset
from neuromorph.network.config import FeatureConfig, LearningConfig, NetworkConfig
from neuromorph.network.stream import shuffled_frames
from neuromorph.tasks.evaluate import evaluate
from neuromorph.tasks.run import Run, RunFacts, Schedule, load_run, log_odds, new_run, read_facts
from neuromorph.tasks.train import Progress, noted, train
from neuromorph.tasks.transfer import transferred

RESULTS = Path(__file__).parent / "results" / "music.json"
NAMES = {"jsb": "JSB", "nottingham": "Nottingham", "piano_midi": "Piano-midi"}
SCHEDULES = {
    "jsb": Schedule(16, 0.1, 0.85), "nottingham": Schedule(6, 0.1, 0.6), "piano_midi": Schedule(8, 0.1, 0.75),
}  # fmt: skip
PLASTIC_RATES = (0.003, 0.01, 0.03, 0.1)
WATCHED = 40
"""Held-out pieces whose loss is noted after every pass; all of them count at the end."""
LIMITS = {
    ("jsb", "independent", "ideal"): (8.50, 8.25), ("jsb", "independent", "nominal"): (8.60, 8.27),
    ("jsb", "joint", "ideal"): (5.85, 5.50), ("jsb", "joint", "nominal"): (6.00, 5.50),
    ("nottingham", "independent", "ideal"): (4.10, 3.40), ("nottingham", "independent", "nominal"): (4.35, 3.40),
    ("nottingham", "joint", "ideal"): (3.00, 2.40), ("nottingham", "joint", "nominal"): (3.25, 2.40),
    ("piano_midi", "joint", "ideal"): (None, 7.05), ("piano_midi", "joint", "nominal"): (None, 7.05),
}  # fmt: skip
PLASTIC_LIMITS = {
    ("nottingham", "independent", "ideal"): (3.85, 3.20), ("nottingham", "independent", "nominal"): (4.10, 3.20),
    ("nottingham", "joint", "ideal"): (2.40, 2.10), ("nottingham", "joint", "nominal"): (2.65, 2.10),
}  # fmt: skip


def network_arguments(parser: argparse.ArgumentParser) -> None:
    """Which networks, and where their runs are kept."""
    parser.add_argument("--data", choices=tuple(NAMES), default="jsb")
    parser.add_argument("--head", choices=("independent", "joint"), default="independent")
    parser.add_argument("--fidelity", choices=("ideal", "nominal"), default="ideal")
    parser.add_argument("--noise", action="store_true", help="thermal and shot noise on the state nodes")
    parser.add_argument("--control", choices=("none", "no_memory", "shuffled", "no_features"), default="none")
    parser.add_argument("--cells", type=int, default=128)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--runs", type=Path, default=Path("out/runs"), help="where run folders are")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    network_arguments(parser)
    parser.add_argument("--epochs", type=int, help="the data set's own by default")
    parser.add_argument(
        "--rate", type=float, help="learning rate of the first pass, by default the set's own"
    )
    parser.add_argument("--rate-decay", type=float, help="its factor a pass, by default the set's own")
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument(
        "--from-ideal", action="store_true", help="start from the weights of the ideal run of the same seed"
    )
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="BLOCK.NAME=VALUE", help="change a nominal parameter"
    )
    parser.add_argument("--no-row", action="store_true", help="print only, do not write a result row")
    return parser.parse_args()


def configuration(args: argparse.Namespace) -> NetworkConfig:
    return NetworkConfig(
        cells=args.cells,
        joint=args.head == "joint",
        memory=args.control != "no_memory",
        features=FeatureConfig(neurons=1 if args.control == "no_features" else FeatureConfig.neurons),
        learning=LearningConfig(dropout=args.dropout),
    )


def schedule_of(args: argparse.Namespace) -> Schedule:
    changes = {"epochs": args.epochs, "rate": args.rate, "rate_decay": args.rate_decay}
    given = {name: value for name, value in changes.items() if value is not None}
    return replace(SCHEDULES[args.data], shuffled=args.control == "shuffled", **given)


def run_path(args: argparse.Namespace, seed: int) -> Path:
    """Where a network's run is kept."""
    fidelity = args.fidelity + ("_noise" if args.noise else "")
    origin = "_from_ideal" if getattr(args, "from_ideal", False) else ""
    changed = "".join(f"_{change}" for change in getattr(args, "set", []))
    return (
        args.runs / f"{args.data}_{args.head}_{fidelity}_{args.control}_{args.cells}_{seed}{origin}{changed}"
    )


def start(args: argparse.Namespace, seed: int, pieces: list[np.ndarray]) -> Run:
    config, schedule, digest = configuration(args), schedule_of(args), library_hash(args.fidelity)
    path = run_path(args, seed)
    blocks = blocks_for(args.fidelity, config.frame, args.set, args.noise)
    if (path / "run.json").exists():
        run = load_run(path, blocks, library_hash=digest)
        asked, kept = replace(schedule, epochs=0), replace(run.facts.schedule, epochs=0)
        if (config, asked) != (run.facts.config, kept):
            raise SystemExit(
                f"{path}: a run of other settings is here ({run.facts.config.learning}, {run.facts.schedule}); "
                "give this one a folder of its own with --runs"
            )
        return replace(run, facts=replace(run.facts, schedule=schedule))
    if args.from_ideal:
        ideal = run_path(
            argparse.Namespace(
                **vars(args) | {"fidelity": "ideal", "noise": False, "from_ideal": False, "set": []}
            ),
            seed,
        )
        source = load_run(ideal, blocks_for("ideal", read_facts(ideal).config.frame))
        return transferred(
            source, path, blocks, fidelity=args.fidelity, schedule=schedule, seed=seed, library_hash=digest,
            noise=args.noise, data=args.data,
        )  # fmt: skip
    facts = RunFacts(
        config, seed, schedule, args.fidelity, log_odds(pieces).tolist(), digest, noise=args.noise
    )
    return new_run(path, facts, blocks)


def measured(args: argparse.Namespace, seed: int, pieces: list, valid: list) -> dict[str, Any]:
    """One seed, trained to the end of its schedule and evaluated."""
    run, began = start(args, seed, pieces), time.time()
    if args.from_ideal and not run.facts.history:
        run = noted(run, valid[:WATCHED], -1)
        print(
            f"seed {seed}: {run.facts.history[0]['valid_nll']:.4f} at transfer", file=sys.stderr, flush=True
        )
    run = train(run, pieces, valid=valid[:WATCHED], progress=show(began))
    seconds = time.time() - began
    held_out = shuffled_frames(valid, seed) if args.control == "shuffled" else valid
    frozen = evaluate(run.network, run.state, held_out)
    plastic = {
        rate: evaluate(run.network, run.state, held_out, plastic=True, rate=rate).nll
        for rate in (PLASTIC_RATES if args.control == "none" else ())
    }
    print(f"seed {seed}: {frozen.nll:.4f}; plastic {plastic}", file=sys.stderr, flush=True)
    return {
        "nll": frozen.nll, "plastic": plastic, "accuracy": frozen.accuracy, "events": frozen.events,
        "frames": schedule_of(args).epochs * sum(len(piece) for piece in pieces),
        "by_epoch": [round(note["valid_nll"], 4) for note in run.facts.history], "seconds": seconds,
    }  # fmt: skip


def subject_of(args: argparse.Namespace) -> str:
    """What a row is about, after the data set."""
    noise = " with noise" if args.noise else ""
    cells = f", {args.cells} cells" if args.cells != 128 else ""
    return f"{args.head} outputs, {args.fidelity}{noise}{cells}"


def start_of(args: argparse.Namespace, seeds: list[dict[str, Any]]) -> dict[str, Any]:
    """Of a network that started from ideal weights: frames learned from on the hardware, losses at transfer."""
    if not args.from_ideal:
        return {}
    return {
        "frames_after_transfer": seeds[0]["frames"],
        "nll_at_transfer": [round(s["by_epoch"][0], 4) for s in seeds],
    }


def figures_of(args: argparse.Namespace, seeds: list[dict[str, Any]]) -> list[Figure]:
    """Frozen and, for a network that is no control, plastic at the best of a few rates."""
    subject = subject_of(args)
    control = "" if args.control == "none" else f", control {args.control}"
    key, plain = (
        (args.data, args.head, args.fidelity),
        args.control == "none" and args.cells == 128 and not args.noise,
    )
    limits, plastic_limits = (
        table.get(key, (None, None)) if plain else (None, None) for table in (LIMITS, PLASTIC_LIMITS)
    )
    passes = {"epochs": schedule_of(args).epochs, **start_of(args, seeds)}
    frozen = Figure.over_seeds(
        f"{NAMES[args.data]} valid NLL, {subject}{control}", [s["nll"] for s in seeds], args.seeds, "nats per frame",
        must=limits[0], goal=limits[1], details={
            **passes, "accuracy_best_threshold": round(float(np.mean([s["accuracy"] for s in seeds])), 4),
            "library": library_hash(args.fidelity)[:16], "valid_by_epoch": [s["by_epoch"] for s in seeds],
            "events_per_frame": {name: round(value, 2) for name, value in seeds[0]["events"].items()},
            "train_seconds": [round(s["seconds"], 1) for s in seeds],
        },
    )  # fmt: skip
    if not seeds[0]["plastic"]:
        return [frozen]
    means = {rate: float(np.mean([s["plastic"][rate] for s in seeds])) for rate in PLASTIC_RATES}
    best = min(means, key=means.__getitem__)
    plastic = Figure.over_seeds(
        f"{NAMES[args.data]} valid NLL, plastic while it listens, {subject}",
        [s["plastic"][best] for s in seeds], args.seeds, "nats per frame",
        must=plastic_limits[0], goal=plastic_limits[1],
        details={**passes, "rate": best, "by_rate": {str(rate): round(value, 4) for rate, value in means.items()}},
    )  # fmt: skip
    return [frozen, plastic]


def show(began: float) -> Callable[[Progress], None]:
    def tell(at: Progress) -> None:
        left = (time.time() - began) * (at.total_frames / at.frames - 1)
        print(
            f"\rpass {at.epoch + 1}  {at.nll:.3f} nats  {left:.0f} s left ",
            end="",
            file=sys.stderr,
            flush=True,
        )

    return tell


def main() -> None:
    args = arguments()
    data = load_dataset(args.data)
    pieces, valid = [r.frames for r in data.train], [r.frames for r in data.valid]
    figures = figures_of(args, [measured(args, seed, pieces, valid) for seed in args.seeds])
    if not args.no_row:
        record(RESULTS, figures, "python benchmarks/prediction.py " + " ".join(sys.argv[1:]))
    for figure in figures:
        print(f"{figure.claim} = {figure.value:.4f} {figure.details['by_seed']}")


if __name__ == "__main__":
    main()
