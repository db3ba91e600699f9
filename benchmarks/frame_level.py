"""The ideal network at frame level, after the music study: valid NLL on JSB, the yardstick of circuit time.

    python benchmarks/frame_level.py --head independent --seed 0

Needs polyphonic/JSB_Chorales.mat under NEUROMORPH_DATA; the test part is not read.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from neuromorph.figures import Figure, record
from neuromorph.music.datasets import load_dataset
from neuromorph.network.frame_level import FrameLevelConfig, frozen, initial_state, run
from neuromorph.network.stream import stream_of
from neuromorph.tasks.run import log_odds

RESULTS = Path(__file__).parent / "results" / "music.json"
CHUNK = 1024
MUST = {"independent": (8.42, 8.25), "joint": (5.85, 5.50)}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--head", choices=("independent", "joint"), default="independent")
    parser.add_argument("--control", choices=("none", "no_memory"), default="none")
    parser.add_argument("--feedback", choices=("symmetric", "mirrored", "random"), default="symmetric")
    parser.add_argument("--spikes", type=int, default=8, help="spikes of a cell a frame; 0 is a rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--rate-decay", type=float, default=0.85)
    return parser.parse_args()


def main() -> None:
    args = arguments()
    config = FrameLevelConfig(
        joint=args.head == "joint", memory=args.control == "none", feedback=args.feedback, spikes=args.spikes
    )
    data = load_dataset("jsb")
    pieces = [roll.frames for roll in data.train]
    valid = stream_of([roll.frames for roll in data.valid]).padded(CHUNK)
    state = initial_state(config, args.seed, log_odds(pieces))
    began, by_epoch = time.time(), []
    for epoch in range(args.epochs):
        order = np.random.default_rng([args.seed, 7, epoch]).permutation(len(pieces))
        stream = stream_of([pieces[k] for k in order]).padded(CHUNK)
        rate = args.rate * args.rate_decay**epoch
        state, _ = run(
            config, state, stream, rate=rate, dropout=config.dropout, seed=1000 * args.seed + epoch
        )
        by_epoch.append(float(run(config, frozen(state), valid, rate=0.0, dropout=0.0, seed=0)[1].mean()))
        print(f"pass {epoch + 1}: {by_epoch[-1]:.4f}", file=sys.stderr, flush=True)
    whole = args.feedback == "symmetric" and args.spikes == 8 and args.control == "none"
    must, goal = MUST[args.head] if whole else (None, None)
    claim = f"JSB valid NLL, {args.head} outputs, frame level, {args.feedback} feedback, {args.spikes} spikes"
    claim += "" if args.control == "none" else ", control no_memory"
    figure = Figure(
        claim, round(by_epoch[-1], 4), "nats per frame", must, goal, seeds=(args.seed,),
        details={
            "epochs": args.epochs, "valid_by_epoch": [round(v, 4) for v in by_epoch],
            "train_seconds": round(time.time() - began, 1),
        },
    )  # fmt: skip
    record(RESULTS, [figure], "python benchmarks/frame_level.py " + " ".join(sys.argv[1:]))
    print(f"{claim} = {by_epoch[-1]:.4f}")


if __name__ == "__main__":
    main()
