"""What mismatch costs a network that learns: chips beside the ideal network of the same seed and budget.

    python benchmarks/mismatch.py --head joint --mismatch 0.2 --chips 10 --noise
    python benchmarks/mismatch.py --mismatch 0.05 --chips 3 --epochs 4
    python benchmarks/mismatch.py --scale eligibility_synapse=0.25 delta_synapse=0.25     # 16 times as many tubes there

Every chip is a draw of all transistors and learns JSB's training part from nothing, with seed 0; the loss is that of the
valid part over the ideal network's.  A chip whose learning diverges counts as tossing coins.  Set NEUROMORPH_DATA.
Interrupted, finished chips are kept (under --runs) and training goes on from its checkpoint.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from neuromorph.errors import LearningDiverged
from neuromorph.figures import Figure, record, table, write_json
from neuromorph.library import Library
from neuromorph.models.mismatch import Chip
from neuromorph.music.datasets import load_dataset
from neuromorph.network.config import LearningConfig, NetworkConfig
from neuromorph.tasks.evaluate import evaluate
from neuromorph.tasks.hardware import network_blocks
from neuromorph.tasks.run import RunFacts, Schedule, load_run, log_odds, new_run
from neuromorph.tasks.train import train

RESULTS = Path(__file__).parent / "results" / "variation.json"
LIMITS = {"independent": (0.15, 0.05), "joint": (0.25, 0.08)}
"""Loss against ideal at 20 % mismatch with noise, mean of ten chips: must and goal, nats."""
WORST = (0.5, 0.15)
SEED = 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--head", choices=tuple(LIMITS), default="joint")
    parser.add_argument("--mismatch", type=float, default=0.2)
    parser.add_argument("--chips", type=int, default=10)
    parser.add_argument("--noise", action="store_true", help="thermal and shot noise on the state nodes")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--cells", type=int, default=128)
    parser.add_argument(
        "--scale", nargs="*", default=[], metavar="BLOCK=FACTOR", help="factors of single blocks' mismatch"
    )
    parser.add_argument("--runs", type=Path, default=Path("out/chips"))
    parser.add_argument("--no-row", action="store_true", help="print only")
    return parser.parse_args()


class Chips:
    """Trainings on JSB, each kept in a folder of its own."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, data = args, load_dataset("jsb")
        self.pieces, self.valid = [r.frames for r in data.train], [r.frames for r in data.valid]
        self.config = NetworkConfig(
            cells=args.cells, joint=args.head == "joint", learning=LearningConfig(dropout=0.3)
        )
        self.scale = {name: float(factor) for name, factor in (pair.split("=") for pair in args.scale)}

    def loss(self, fidelity: str, number: int = 0) -> float:
        """Valid NLL, nats a frame, after the schedule."""
        args = self.args
        chip = Chip(args.mismatch, number, self.scale) if fidelity == "mismatch" else None
        noise = args.noise and fidelity != "ideal"
        blocks, digest = network_blocks(self.config, fidelity, Library.shipped(), noise, chip)
        place = f"{fidelity}_{args.mismatch:g}_{number}" if chip else fidelity
        scaled = "".join(f"_{name}_{factor:g}" for name, factor in self.scale.items()) if chip else ""
        path = (
            args.runs / f"{args.head}_{args.cells}_{args.epochs}_{place}{'_noise' if noise else ''}{scaled}"
        )
        facts = RunFacts(
            self.config, SEED, Schedule(args.epochs, 0.1, 0.85), fidelity, log_odds(self.pieces).tolist(), digest,
            noise=noise, mismatch=args.mismatch if chip else 0.0, chip=number,
        )  # fmt: skip
        done = path / "loss.json"
        if done.exists() and json.loads(done.read_text())["library"] == digest:
            return float(json.loads(done.read_text())["nll"])
        begun = (path / "run.json").exists()
        try:
            run = load_run(path, blocks, library_hash=digest) if begun else new_run(path, facts, blocks)
            run = train(run, self.pieces)
            nll = evaluate(run.network, run.state, self.valid).nll
        except LearningDiverged as error:
            print(f"  {error}", file=sys.stderr, flush=True)
            nll = self.config.notes * float(np.log(2.0))
        nll = min(nll, self.config.notes * float(np.log(2.0)))
        write_json(done, {"nll": nll, "library": digest})
        print(f"{path.name}: {nll:.4f}", file=sys.stderr, flush=True)
        return nll


def main() -> None:
    args = arguments()
    chips = Chips(args)
    ideal, nominal = chips.loss("ideal"), chips.loss("nominal")
    losses = [chips.loss("mismatch", number) - ideal for number in range(args.chips)]
    scaled = f", {' '.join(args.scale)}" if args.scale else ""
    what = f"{100 * args.mismatch:g} % mismatch{' with noise' if args.noise else ''}{scaled}, {args.head} outputs"
    whole = args.mismatch == 0.2 and args.noise and args.chips >= 10 and args.epochs == 16 and not scaled
    must, goal = LIMITS[args.head] if whole else (None, None)
    details = {
        "ideal": round(ideal, 4),
        "nominal_over_ideal": round(nominal - ideal, 4),
        "passes": args.epochs,
    }
    figures = [
        Figure.over_seeds(f"JSB valid NLL over ideal, {what}, {args.epochs} passes: mean of chips", losses,
                          range(args.chips), "nats per frame", must=must, goal=goal, better="lower", details=details),
        Figure(f"JSB valid NLL over ideal, {what}, {args.epochs} passes: worst chip", round(max(losses), 4),
               "nats per frame", *(WORST if whole else (None, None)), better="lower",
               seeds=tuple(range(args.chips))),
    ]  # fmt: skip
    print(table(figures))
    if not args.no_row:
        record(RESULTS, figures, " ".join(["python benchmarks/mismatch.py", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
