"""Pairs of rows: memory against none, hardware against ideal, local learning against an LSTM by backpropagation.

    python benchmarks/pairs.py

Reads what ``benchmarks/prediction.py`` (with and without ``--control``) and ``benchmarks/lstm.py`` wrote; no
network is run.  Networks are paired seed by seed and left out where they are of different libraries of models, or were
not trained for as many passes, unless the hardware went on from the weights of the ideal network.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from neuromorph.figures import Figure, record, table

RESULTS = Path(__file__).parent / "results" / "music.json"
GAIN = {
    "JSB": {"ideal": (0.10, 0.3), "nominal": (0.05, 0.3)},
    "Nottingham": {"ideal": (0.3, 1.0), "nominal": (0.2, 1.0)},
}
LOSS = {"independent": (0.05, 0.02), "joint": (0.10, 0.02)}
BEHIND = {"independent": (0.05, 0.0), "joint": (None, None)}
DATA, HEADS, FIDELITIES = ("JSB", "Nottingham"), ("independent", "joint"), ("ideal", "nominal")
OVER_IDEAL = ", nominal hardware over ideal"
Rows = dict[str, dict[str, Any]]


def alike(claim: str, row: dict[str, Any], other: dict[str, Any]) -> bool:
    """One library, and as many passes in both or hardware against the ideal network it went on from; else a message."""
    libraries = {one["library"] for one in (row, other) if one.get("library")}
    if len(libraries) > 1:
        print(
            f"left out: {claim}: models of {' and '.join(sorted(libraries))}; train both again",
            file=sys.stderr,
        )
        return False
    transferred = [one for one in (row, other) if "nll_at_transfer" in one]
    if len(transferred) == 1 and claim.endswith(OVER_IDEAL):
        return True
    passes = [row.get("epochs"), other.get("epochs")]
    if len(transferred) == 1 or (None not in passes and passes[0] != passes[1]):
        print(f"left out: {claim}: {passes[0]} passes against {passes[1]}; train both alike", file=sys.stderr)
        return False
    return True


def difference(claim: str, row: dict[str, Any], other: dict[str, Any], limits: tuple, better: str) -> Figure:
    """Mean over the seeds that both have of ``row - other``."""
    pairs = dict(zip(other["seeds"], other["by_seed"], strict=True))
    seeds = [seed for seed in row["seeds"] if seed in pairs]
    gaps = [
        value - pairs[seed] for seed, value in zip(row["seeds"], row["by_seed"], strict=True) if seed in pairs
    ]
    return Figure.over_seeds(
        claim, gaps, seeds, "nats per frame", must=limits[0], goal=limits[1], better=better
    )


def most_seeds(rows: list[dict[str, Any]]) -> Rows:
    """For every claim the row with the most seeds."""
    found: Rows = {}
    for row in rows:
        if len(row["seeds"]) >= len(found.get(row["claim"], {"seeds": ()})["seeds"]):
            found[row["claim"]] = row
    return found


def figures(rows: Rows) -> list[Figure]:
    made = []

    def pair(claim: str, name: str, other: str, limits: tuple, better: str = "lower") -> None:
        if name in rows and other in rows and alike(claim, rows[name], rows[other]):
            made.append(difference(claim, rows[name], rows[other], limits, better))

    for data in DATA:
        for head in HEADS:
            plain = {f: f"{data} valid NLL, {head} outputs, {f}" for f in FIDELITIES}
            for f in FIDELITIES:
                pair(f"{data} valid, gain by memory and recurrence, {head} outputs, {f}",
                     f"{plain[f]}, control no_memory", plain[f], GAIN[data][f], "higher")  # fmt: skip
                pair(f"{data} valid, gain by the feature layer, {head} outputs, {f}",
                     f"{plain[f]}, control no_features", plain[f], (None, None), "higher")  # fmt: skip
                pair(f"{data} valid, {f} over the LSTM by BPTT, {head} outputs", plain[f],
                     f"{data} valid NLL, {head} outputs, reference: LSTM 128 by BPTT",
                     BEHIND[head] if f == "ideal" and data == "JSB" else (None, None))  # fmt: skip
                plastic = f"{data} valid NLL, plastic while it listens, {head} outputs, {f}"
                pair(f"{data} valid, plastic over frozen, {head} outputs, {f}", plastic, plain[f],
                     (0.02, -0.10) if data == "JSB" else (None, None))  # fmt: skip
            pair(f"{data} valid, {head} outputs{OVER_IDEAL}", plain["nominal"], plain["ideal"],
                 LOSS[head] if data == "JSB" else (0.25, 0.02))  # fmt: skip
    return made


def main() -> int:
    made = figures(most_seeds(json.loads(RESULTS.read_text())))
    record(RESULTS, made, "python benchmarks/pairs.py")
    print(table(made))
    return 0 if all(figure.holds for figure in made) else 1


if __name__ == "__main__":
    sys.exit(main())
