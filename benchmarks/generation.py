"""Does what the network plays resemble chorales: 40 continuations of held-out pieces beside the pieces themselves.

    python benchmarks/generation.py --fidelity ideal --seeds 0 1 2

Loads the joint runs that ``benchmarks/prediction.py --data jsb --head joint`` left in out/runs; primes each of 40
valid pieces, drawn by a fixed seed, with 8 frames and lets the network play 60.  Divergences and copies count the prime,
too.  The reference is the whole valid part; the 40 pieces' own distance from it is the noise floor.  The last row tells
how often a continuation's pitch classes are nearer to those of its own piece than to another one's.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from shipped_models import blocks_for, library_hash

from neuromorph.figures import Figure, record
from neuromorph.music.datasets import load_dataset
from neuromorph.music.metrics import generation_metrics, pitch_class_counts
from neuromorph.music.pianoroll import PianoRoll
from neuromorph.tasks.generate import generate
from neuromorph.tasks.run import Run, load_run, read_facts

RESULTS = Path(__file__).parent / "results" / "music.json"
PIECES, PRIME, FRAMES = 40, 8, 60


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fidelity", choices=("ideal", "nominal"), default="ideal")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--runs", type=Path, default=Path("out/runs"))
    return parser.parse_args()


def trained(args: argparse.Namespace, seed: int) -> Run:
    path = args.runs / f"jsb_joint_{args.fidelity}_none_128_{seed}"
    blocks = blocks_for(args.fidelity, read_facts(path).config.frame)
    return load_run(path, blocks, library_hash=library_hash(args.fidelity))


def continuations(run: Run, pieces: list[PianoRoll], seed: int, temperature: float) -> list[PianoRoll]:
    """Prime and continuation of every piece."""
    played = []
    for n, piece in enumerate(pieces):
        prime = piece.frames[:PRIME]
        frames = generate(
            run.network, run.state, prime, FRAMES, seed=1000 * seed + n, temperature=temperature
        )
        played.append(PianoRoll(np.vstack([prime, frames.astype(np.uint8)]), piece.frame_seconds, piece.name))
    return played


def nearer_to_its_own(played: list[PianoRoll], pieces: list[PianoRoll]) -> float:
    """Share of pairs in which a continuation (prime left out) is nearer to its own piece than to another."""
    ours, theirs = (
        np.array([_spread(pitch_class_counts([roll])) for roll in rolls])
        for rolls in ([roll[PRIME:] for roll in played], [roll[PRIME:] for roll in pieces])
    )
    distance = np.abs(ours[:, None] - theirs[None]).sum(axis=2)
    own, other = np.diag(distance), ~np.eye(len(ours), dtype=bool)
    return 100.0 * float(np.mean((own[:, None] < distance)[other]))


def _spread(counts: np.ndarray) -> np.ndarray:
    return counts / max(counts.sum(), 1.0)


def main() -> None:
    args = arguments()
    data = load_dataset("jsb")
    long = [piece for piece in data.valid if len(piece) > 2 * PRIME]
    pieces = [long[n] for n in sorted(np.random.default_rng(17).permutation(len(long))[:PIECES])]
    real = generation_metrics(pieces, data.valid, data.train)
    tables, own = [], []
    for seed in args.seeds:
        played = continuations(trained(args, seed), pieces, seed, args.temperature)
        tables.append(generation_metrics(played, data.valid, data.train))
        own.append(nearer_to_its_own(played, pieces))
        print(f"seed {seed}: {tables[-1]} own {own[-1]:.1f}", file=sys.stderr, flush=True)

    def row(
        what: str, values: list[float], unit: str, must: float | None, goal: float | None, floor: float
    ) -> Figure:
        strict = must if args.fidelity == "ideal" else None
        return Figure.over_seeds(
            f"generation, joint outputs, T = {args.temperature:g}, {args.fidelity}: {what}", values, args.seeds, unit,
            must=strict, goal=goal, details={"real": round(floor, 4)},
        )  # fmt: skip

    consonance = [100 * abs(t["consonance_share"] - real["consonance_share"]) for t in tables]
    figures = [
        row("consonance, distance from real", consonance, "points", 2.0, 1.0, 100 * real["consonance_share"]),
        row(
            "interval KL",
            [t["interval_class_kl"] for t in tables],
            "nats",
            0.01,
            0.005,
            real["interval_class_kl"],
        ),
        row(
            "pitch-class KL",
            [t["pitch_class_kl"] for t in tables],
            "nats",
            0.12,
            0.02,
            real["pitch_class_kl"],
        ),
        row(
            "8-frame copies",
            [100 * t["copied_share"] for t in tables],
            "%",
            2.0,
            2.0,
            100 * real["copied_share"],
        ),
        row("notes a frame", [t["notes_per_frame"] for t in tables], "", None, None, real["notes_per_frame"]),
    ]
    nearer = Figure.over_seeds(
        f"generation, joint outputs, T = {args.temperature:g}, {args.fidelity}: nearer to its own piece than to another",
        own, args.seeds, "% of pairs", must=50.0 if args.fidelity == "ideal" else None, better="higher",
    )  # fmt: skip
    figures.append(nearer)
    record(RESULTS, figures, "python benchmarks/generation.py " + " ".join(sys.argv[1:]))
    for figure in figures:
        print(f"{figure.claim} = {figure.value} {figure.unit} (real {figure.details.get('real')})")


if __name__ == "__main__":
    main()
