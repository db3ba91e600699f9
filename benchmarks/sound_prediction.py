"""The next log-mel frame of rendered chorales, predicted by a network that hears thermometer lines.

    python benchmarks/sound_prediction.py --fidelity ideal --seeds 0 1 2

The network first hears JSB's training pieces, rendered, then the train files of audio_chorales (every fifth is held out
as valid, as in benchmarks/audio_prediction.py); frozen and plastic (learning while it predicts).  Error is normalised
as there.  Persistence and ridge regressions are measured on the same frames.  Needs NEUROMORPH_DATA; the test files are
not read.  Interrupted, the same command resumes.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
from audio_prediction import ORDERS, RIDGES, VALID_EVERY, error, ridge, spectrograms, windows
from shipped_models import blocks_for, library_hash

from neuromorph.figures import Figure, record
from neuromorph.music.datasets import load_dataset
from neuromorph.music.frontend import FrontEnd
from neuromorph.music.sounds import rendered_levels
from neuromorph.network.simulate import simulate, with_slow_weights
from neuromorph.network.stream import stream_of
from neuromorph.tasks.hear import hearing_config
from neuromorph.tasks.run import Run, RunFacts, Schedule, load_run, log_odds, new_run
from neuromorph.tasks.train import train

RESULTS = Path(__file__).parent / "results" / "music.json"
FRAME, LEVELS, CELLS = 0.4, 6, 128
RENDERED = Schedule(6, 0.01, 0.85)
FILES = Schedule(6, 0.005, 0.85, chunk_frames=1024)
PLASTIC_RATES = (0.001, 0.003, 0.01)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fidelity", choices=("ideal", "nominal"), default="ideal")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--runs", type=Path, default=Path("out/runs"))
    return parser.parse_args()


def trained(
    args: argparse.Namespace, seed: int, ear: FrontEnd, phases: list[tuple[str, list, Schedule]]
) -> Run:
    """A network that has heard one set of lines after the other."""
    config, run = hearing_config(ear, cells=CELLS), None
    blocks, digest = blocks_for(args.fidelity, config.frame), library_hash(args.fidelity)
    for name, lines, schedule in phases:
        path = args.runs / f"sound_{name}_{args.fidelity}_{seed}"
        odds = log_odds(lines).tolist()
        facts = RunFacts(config, seed, schedule, args.fidelity, odds, digest, front_end=ear.to_dict())
        fresh = new_run(path, facts, blocks)
        if (path / "run.json").exists():
            fresh = load_run(path, blocks, library_hash=digest)
        elif run is not None:
            fresh = replace(fresh, state=run.state)
        run = train(
            fresh, lines, progress=lambda at: print(f"\rpass {at.epoch + 1} ", end="", file=sys.stderr)
        )
    return run


def predicted(run: Run, ear: FrontEnd, pieces: list[np.ndarray], rate: float) -> np.ndarray:
    """Expected levels of frames 2 to T of every piece, all in one array; learning where ``rate`` is not zero."""
    stream = stream_of([ear.lines(piece) for piece in pieces])
    state = run.state if rate else with_slow_weights(run.state)
    _, seen = simulate(
        run.network, state, stream, plasticity=float(rate > 0), rate=rate, key=jax.random.key(0)
    )
    return ear.expected(seen["probability"])


def measured(args: argparse.Namespace, seed: int, rendered: list, fit: list, valid: list) -> dict[str, float]:
    ear = FrontEnd(FRAME).fitted(fit, LEVELS)
    phases = [
        ("rendered", [ear.lines(piece) for piece in rendered], RENDERED),
        ("files", [ear.lines(piece) for piece in fit], FILES),
    ]
    run, target = trained(args, seed, ear, phases), np.concatenate([piece[1:] for piece in valid])
    rows = {"frozen": error(predicted(run, ear, valid, 0.0), target)}
    plastic = {rate: error(predicted(run, ear, valid, rate), target) for rate in PLASTIC_RATES}
    print(f"seed {seed}: {rows} plastic {plastic}", file=sys.stderr, flush=True)
    return rows | {"plastic": min(plastic.values())}


def baselines(fit: list, valid: list) -> dict[str, float]:
    """Persistence and the best ridge of each order, its penalty chosen on these frames."""
    before, after = windows(valid, 1)
    table = {"persistence": error(before, after)}
    for order in ORDERS:
        past, target = windows(valid, order)
        table[f"ridge AR{order}"] = min(
            error(past @ ridge(*windows(fit, order), strength), target) for strength in RIDGES
        )
    return table


def main() -> None:
    args, began = arguments(), time.time()
    files = spectrograms("train", FRAME)
    fit, valid = [piece for n, piece in enumerate(files) if n % VALID_EVERY], files[::VALID_EVERY]
    rendered = [sound.levels for sound in rendered_levels(load_dataset("jsb").train, FrontEnd(FRAME))]
    mean, scale = np.concatenate(fit).mean(axis=0), np.concatenate(fit).std()
    simple = baselines(*([(piece - mean) / scale for piece in part] for part in (fit, valid)))
    seeds = [measured(args, seed, rendered, fit, valid) for seed in args.seeds]
    details = {name: round(value, 4) for name, value in simple.items()} | {
        "seconds": round(time.time() - began)
    }
    figures = [
        Figure.over_seeds(
            f"next log-mel frame at 400 ms, normalised squared error, valid, {args.fidelity}, {reading}",
            [s[reading] for s in seeds], args.seeds, "1",
            must=round(simple["persistence"], 4) if reading == "frozen" else None, goal=0.58,
            note="must: persistence on the same frames", details=details,
        )
        for reading in ("frozen", "plastic")
    ]  # fmt: skip
    record(RESULTS, figures, "python benchmarks/sound_prediction.py " + " ".join(sys.argv[1:]))
    for figure in figures:
        print(f"{figure.claim} = {figure.value} (persistence {figure.must}, {details})")


if __name__ == "__main__":
    main()
