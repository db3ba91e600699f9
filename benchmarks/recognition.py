"""Music, speech or noise: the network's recognition head beside a logistic regression, on the same folds.

    python benchmarks/recognition.py --fidelity ideal --seeds 0 1 2 3 4

Needs audio_msn under NEUROMORPH_DATA.  Five folds grouped by file, one network a fold and seed: it hears the files of
the other folds once, learning to predict (no labels), then its head learns their classes; the fold's files are heard
frozen.  Decisions fall once a second; accuracy is balanced over classes.  The logistic regression sees mean, spread and
mean absolute change of the same bands in each second (its penalty is the best of three on these very folds, which
favours it).  Interrupted, finished folds are kept.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from shipped_models import blocks_for, library_hash

from neuromorph.figures import Figure, record, write_json
from neuromorph.music.audio import read_audio
from neuromorph.music.frontend import FrontEnd
from neuromorph.tasks.hear import hearing_config
from neuromorph.tasks.recognize import activity, recognition, summaries, train_head
from neuromorph.tasks.run import RunFacts, Schedule, log_odds, new_run
from neuromorph.tasks.train import train

RESULTS = Path(__file__).parent / "results" / "music.json"
CLASSES = ("music", "noise", "speech")
FOLDS = 5
LEVELS = 3
PENALTIES = (3e-3, 1e-2, 3e-2)
EAR = FrontEnd(0.02, 32, 2.0)
BINS = 10


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fidelity", choices=("ideal", "nominal"), default="ideal")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--runs", type=Path, default=Path("out/runs/recognition"))
    return parser.parse_args()


def sounds() -> tuple[list[np.ndarray], np.ndarray]:
    """Levels [T, bands] of every file, and its class."""
    folder = Path(os.environ["NEUROMORPH_DATA"]) / "audio_msn"
    paths = [(path, k) for k, name in enumerate(CLASSES) for path in sorted((folder / name).glob("*.flac"))]
    return [EAR.levels(read_audio(path)) for path, _ in paths], np.array([k for _, k in paths])


def folds(classes: np.ndarray, seed: int) -> np.ndarray:
    """Fold of every file, classes spread evenly."""
    draw, fold = np.random.default_rng([seed, 13]), np.zeros(len(classes), int)
    for k in range(len(CLASSES)):
        order = draw.permutation(np.flatnonzero(classes == k))
        fold[order] = np.arange(len(order)) % FOLDS
    return fold


def balanced(truth: np.ndarray, said: np.ndarray) -> float:
    return 100.0 * float(np.mean([np.mean(said[truth == k] == k) for k in range(len(CLASSES))]))


def stem(args: argparse.Namespace, seed: int, fold: int) -> str:
    """Name of what is kept of a fold; that of another library is another."""
    return f"{args.fidelity}_{seed}_{fold}_{library_hash(args.fidelity)[:12] or 'none'}"


def hear(args: argparse.Namespace, seed: int, fold: int, levels: list, known: list[int]) -> list[np.ndarray]:
    """Summaries [seconds, channels] of all files by a network that has heard the ``known`` ones."""
    ear = EAR.fitted([levels[n] for n in known], LEVELS)
    config = hearing_config(ear)
    lines = [ear.lines(levels[n]) for n in known]
    facts = RunFacts(
        config, seed, Schedule(1, 0.01, 1.0), args.fidelity, log_odds(lines).tolist(), library_hash(args.fidelity),
        front_end=ear.to_dict(),
    )  # fmt: skip
    path = args.runs / stem(args, seed, fold)
    run = train(new_run(path, facts, blocks_for(args.fidelity, config.frame)), lines)
    return [summaries(c, ear.frame_seconds) for c in activity(run.network, run.state, ear, levels)]


def one_fold(
    args: argparse.Namespace, seed: int, fold: int, levels: list, classes: np.ndarray
) -> dict[str, Any]:
    """What the network says about the files of one fold."""
    file = args.runs / f"{stem(args, seed, fold)}.json"
    if file.exists():
        return json.loads(file.read_text())
    where = folds(classes, seed)
    known, asked = (list(map(int, np.flatnonzero(pick))) for pick in (where != fold, where == fold))
    heard = hear(args, seed, fold, levels, known)
    head = train_head(
        {name: [heard[n] for n in known if classes[n] == k] for k, name in enumerate(CLASSES)}, seed=seed
    )
    said = [recognition(head, heard[n]) for n in asked]
    result = {
        "files": asked, "by_second": [s.by_second.tolist() for s in said], "whole": [s.whole.tolist() for s in said],
    }  # fmt: skip
    write_json(file, result)
    return result


def network(args: argparse.Namespace, seed: int, levels: list, classes: np.ndarray) -> dict[str, Any]:
    rows = [one_fold(args, seed, fold, levels, classes) for fold in range(FOLDS)]
    pairs = [
        (n, np.array(p), np.array(w))
        for r in rows
        for n, p, w in zip(r["files"], r["by_second"], r["whole"], strict=True)
    ]
    p = np.concatenate([rows for _, rows, _ in pairs])
    truth = np.concatenate([np.full(len(rows), classes[n]) for n, rows, _ in pairs])
    order = [n for n, _, _ in pairs]
    whole = np.array([w for _, _, w in pairs])
    return {
        "seconds": balanced(truth, p.argmax(axis=1)),
        "files": balanced(classes[order], whole.argmax(axis=1)),
        "calibration": calibration_error(p, truth),
        "recall": [
            round(100 * float(np.mean(p.argmax(axis=1)[truth == k] == k)), 1) for k in range(len(CLASSES))
        ],
    }


def calibration_error(p: np.ndarray, truth: np.ndarray) -> float:
    """Expected calibration error: |confidence - share right|, averaged over ten bins of confidence, in points."""
    confidence, right = p.max(axis=1), p.argmax(axis=1) == truth
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    parts = [
        (np.mean(bins == b), confidence[bins == b].mean() - right[bins == b].mean()) for b in np.unique(bins)
    ]
    return 100.0 * float(sum(share * abs(gap) for share, gap in parts))


def windows(levels: np.ndarray) -> np.ndarray:
    """Mean, spread and mean absolute change of the bands in each second, [seconds, 96]."""
    every = round(1.0 / EAR.frame_seconds)
    seconds = [levels[t : t + every] for t in range(0, len(levels) - every + 1, every)] or [levels]
    return np.array([np.r_[w.mean(0), w.std(0), np.abs(np.diff(w, axis=0)).mean(0)] for w in seconds])


def logistic_regression(features: np.ndarray, classes: np.ndarray, penalty: float) -> Any:
    """Multinomial logistic regression, classes weighing alike; returns a function to logits."""
    mean, scale = features.mean(0), features.std(0) + 1e-6
    target = np.eye(len(CLASSES))[classes]
    weight = (1.0 / np.bincount(classes))[classes] / len(CLASSES)

    def lines(x: np.ndarray) -> np.ndarray:
        return np.c_[(x - mean) / scale, np.ones(len(x))]

    inputs = lines(features)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = flat.reshape(-1, len(CLASSES))
        logits = inputs @ w
        logits -= logits.max(axis=1, keepdims=True)
        p = np.exp(logits)
        p /= p.sum(axis=1, keepdims=True)
        value = -float(weight @ np.log((p * target).sum(axis=1) + 1e-12)) + penalty * float(
            (w[:-1] ** 2).sum()
        )
        slope = inputs.T @ ((p - target) * weight[:, None])
        slope[:-1] += 2 * penalty * w[:-1]
        return value, slope.ravel()

    start = np.zeros(inputs.shape[1] * len(CLASSES))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return lambda x: lines(x) @ found.x.reshape(-1, len(CLASSES))


def baseline(seed: int, levels: list, classes: np.ndarray) -> dict[str, float]:
    features, where = [windows(piece) for piece in levels], folds(classes, seed)
    scores = []
    for penalty in PENALTIES:
        truth, said, whole = [], [], np.zeros(len(classes), int)
        for fold in range(FOLDS):
            known, asked = np.flatnonzero(where != fold), np.flatnonzero(where == fold)
            model = logistic_regression(
                np.concatenate([features[n] for n in known]),
                np.concatenate([np.full(len(features[n]), classes[n]) for n in known]),
                penalty,
            )
            for n in asked:
                logits = model(features[n])
                truth.append(np.full(len(logits), classes[n]))
                said.append(logits.argmax(axis=1))
                whole[n] = (logits - np.logaddexp.reduce(logits, axis=1)[:, None]).mean(axis=0).argmax()
        scores.append((balanced(np.concatenate(truth), np.concatenate(said)), balanced(classes, whole)))
    best = max(scores)
    return {"seconds": best[0], "files": best[1]}


def main() -> None:
    args = arguments()
    levels, classes = sounds()
    ours, theirs = [], []
    for seed in args.seeds:
        began = time.time()
        ours.append(network(args, seed, levels, classes))
        theirs.append(baseline(seed, levels, classes))
        print(
            f"seed {seed}: {ours[-1]} logistic {theirs[-1]} {time.time() - began:.0f} s",
            file=sys.stderr,
            flush=True,
        )
    gain = [a["seconds"] - b["seconds"] for a, b in zip(ours, theirs, strict=True)]
    must = {"ideal": -2.0, "nominal": -4.0}[args.fidelity]
    recalls = dict(zip(CLASSES, np.mean([o["recall"] for o in ours], axis=0).round(1).tolist(), strict=True))
    logistic = {f"logistic_{name}": [round(t[name], 2) for t in theirs] for name in ("seconds", "files")}

    def figure(what: str, values: list[float], unit: str, **more: Any) -> Figure:
        claim = f"music, speech or noise, balanced, grouped by file, {args.fidelity}: {what}"
        return Figure.over_seeds(claim, values, args.seeds, unit, **more)

    figures = [
        figure(
            "seconds",
            [o["seconds"] for o in ours],
            "%",
            goal=94.0,
            better="higher",
            details={"recall": recalls},
        ),
        figure("files", [o["files"] for o in ours], "%", better="higher"),
        figure(
            "seconds, over the logistic regression",
            gain,
            "points",
            must=must,
            better="higher",
            details=logistic,
        ),
        figure("calibration error of the confidence", [o["calibration"] for o in ours], "points"),
    ]
    record(RESULTS, figures, "python benchmarks/recognition.py " + " ".join(sys.argv[1:]))
    for row in figures:
        print(f"{row.claim} = {row.value} {row.unit} {row.details['by_seed']}")


if __name__ == "__main__":
    main()
