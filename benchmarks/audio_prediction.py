"""Predicting the next log-mel frame of rendered chorales: what has no memory to learn with.

Persistence and ridge regression on the last 1, 4 and 16 frames, fitted on the
train files and measured on the valid third of them or, with ``--test``, on the
test files.  Mean squared error over the variance of the target, all bands and
frames pooled.  Needs ``audio_chorales`` under ``NEUROMORPH_DATA``.

    python benchmarks/audio_prediction.py --frame 0.4 --json audio_prediction.json
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import AudioError, NeuromorphError
from neuromorph.music import log_mel_frames, read_audio
from neuromorph.music.files import atomic_path

ORDERS = (1, 4, 16)
RIDGES = (0.1, 1.0, 10.0, 100.0, 1000.0)
VALID_EVERY = 5  # every fifth train file chooses the ridge

Frames = NDArray[np.float64]


def main() -> None:
    """Print the table and write it where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frame", type=float, default=0.4, help="frame length [s]")
    parser.add_argument("--test", action="store_true", help="read the test files")
    parser.add_argument("--json", type=Path, help="file to write")
    options = parser.parse_args()
    try:
        table = measure(options.frame, options.test)
    except NeuromorphError as error:
        raise SystemExit(str(error)) from None
    for name, value in table.items():
        print(f"{name:12s} {value:.3f}")
    if options.json:
        result = {"frame_seconds": options.frame, "part": "test" if options.test else "valid", "nmse": table}
        with atomic_path(options.json) as partial:
            partial.write_text(json.dumps(result, indent=1))


def measure(frame_seconds: float, test: bool) -> dict[str, float]:
    """Normalised mean squared error of each predictor."""
    train = spectrograms("train", frame_seconds)
    fit = [piece for i, piece in enumerate(train) if i % VALID_EVERY]
    valid = train[::VALID_EVERY]
    mean = np.concatenate(fit).mean(axis=0)
    scale = np.concatenate(fit).std()
    fit, valid = ([(piece - mean) / scale for piece in part] for part in (fit, valid))
    held_out = [(piece - mean) / scale for piece in spectrograms("test", frame_seconds)] if test else valid
    before, after = windows(held_out, 1)
    table = {"persistence": error(before, after)}
    for order in ORDERS:
        weights = [ridge(*windows(fit, order), strength) for strength in RIDGES]
        past, target = windows(valid, order)
        best = min(weights, key=lambda w, past=past, target=target: error(past @ w, target))
        past, target = windows(held_out, order)
        table[f"ridge AR{order}"] = error(past @ best, target)
    return table


def spectrograms(part: str, frame_seconds: float) -> list[Frames]:
    """Log mel frames of the files of one part, each [T, 32]."""
    folder = Path(os.environ.get("NEUROMORPH_DATA", "")) / "audio_chorales"
    paths = sorted(folder.glob(f"jsb_{part}_*.flac"))
    if not paths:
        raise AudioError(f"no jsb_{part}_*.flac", where=folder, remedy="set NEUROMORPH_DATA")
    return [log_mel_frames(read_audio(path), frame_seconds).astype(float) for path in paths]


def windows(pieces: list[Frames], order: int) -> tuple[Frames, Frames]:
    """The last ``order`` frames (silence before the first) and the next frame, over all pieces."""
    past, target = [], []
    for piece in pieces:
        padded = np.concatenate([np.repeat(piece[:1], order - 1, axis=0), piece])
        past.append(np.concatenate([padded[i : i + len(piece) - 1] for i in range(order)], axis=1))
        target.append(piece[1:])
    return np.concatenate(past), np.concatenate(target)


def ridge(past: Frames, target: Frames, strength: float) -> Frames:
    """Least squares with a penalty on the squared weights."""
    return np.linalg.solve(past.T @ past + strength * np.eye(past.shape[1]), past.T @ target)


def error(guess: Frames, target: Frames) -> float:
    """Mean squared error over the variance of each band's target, pooled."""
    return float(((guess - target) ** 2).sum() / ((target - target.mean(axis=0)) ** 2).sum())


if __name__ == "__main__":
    main()
