"""The pictures of docs/performance.md, from the results of the other scripts.

python benchmarks/speed_plot.py          # docs/images/peers.png, growth.png, w4_profile.png
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

HERE = Path(__file__).resolve().parent
IMAGES = HERE.parent / "docs" / "images"
WORKLOADS = ("W1", "W2", "W3", "W3X2", "W3X4", "W4")
PARTS = ("features", "cells", "traces", "learning", "rest")
FORMS = ("ideal, plain", "ideal", "nominal, plain", "nominal")


def rows(area: str) -> dict[str, Any]:
    """Results of an area by claim."""
    found = json.loads((HERE / "results" / f"{area}.json").read_text())
    return {row["claim"]: row for row in found}


def speed(found: dict[str, Any]) -> Any:
    """Speed over the best Brian2 standalone, with what is asked for; bars span the rounds."""
    figure, panel = plt.subplots(figsize=(7.5, 3.4))
    ways = (("native", "engine in C++", -0.2), ("jax", "JAX alone", 0.2))
    for way, label, shift in ways:
        names = [f"{w}: neuromorph, {way}, over the best Brian2 standalone" for w in WORKLOADS[:-1]]
        kept = [(k, found[name]) for k, name in enumerate(names) if name in found]
        panel.bar(
            [k + shift for k, _ in kept], [row["value"] for _, row in kept], 0.38, label=label,
            yerr=[0.5 * (row["spread"] or 0.0) for _, row in kept], capsize=2,
        )  # fmt: skip
    last = len(WORKLOADS) - 1
    for name, shift, label in (
        (
            "W4: neuromorph, events, over the best Brian2 standalone",
            -0.2,
            "W4, Brian2 with C++ functions of the user",
        ),
        ("W4: neuromorph, events, over Brian2 in equations alone", 0.2, "W4, Brian2 in equations alone"),
    ):
        panel.bar(last + shift, found[name]["value"], 0.38, label=label)
    panel.axhline(1.0, color="k", lw=0.8)
    panel.set_xticks(range(len(WORKLOADS)), WORKLOADS)
    panel.set_ylabel("times the best Brian2's speed")
    panel.legend(fontsize=7)
    panel.grid(axis="y", alpha=0.3)
    figure.tight_layout()
    return figure


def growth(found: dict[str, Any]) -> Any:
    """Time over the smallest size's, against size over the smallest."""
    figure, panel = plt.subplots(figsize=(5.5, 3.6))
    prefix = "growth: exponent of the time in "
    for claim, row in found.items():
        if claim.startswith(prefix):
            sizes, times = np.array(row["sizes"], float), np.array(row["seconds"], float)
            label = f"{claim.removeprefix(prefix)} ({row['value']:.2f})"
            panel.loglog(sizes / sizes[0], times / times[0], "o-", label=label)
    panel.plot([1, 1000], [1, 1000], "k:", lw=0.8)
    panel.set_xlabel("size over the smallest")
    panel.set_ylabel("time over the smallest's")
    panel.legend(fontsize=7, title="exponent of the time in", title_fontsize=7)
    panel.grid(alpha=0.3)
    figure.tight_layout()
    return figure


def profile(found: dict[str, Any]) -> Any:
    """Where a frame's time goes, in the plain form and as it is."""
    figure, panel = plt.subplots(figsize=(7, 2.6))
    left = np.zeros(len(FORMS))
    for part in PARTS:
        times = np.array([found[f"profile of W4, 128 cells, {form}: {part}"]["value"] for form in FORMS])
        panel.barh(range(len(FORMS)), times, 0.6, left=left, label=part)
        left += times
    panel.set_yticks(range(len(FORMS)), FORMS)
    panel.set_xlabel("us a frame")
    panel.legend(fontsize=7, ncols=len(PARTS))
    figure.tight_layout()
    return figure


def main() -> None:
    peers, scaling = rows("peers"), rows("scaling")
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, figure in (
        ("peers", speed(peers)), ("growth", growth(peers)), ("w4_profile", profile(scaling)),
    ):  # fmt: skip
        figure.savefig(IMAGES / f"{name}.png", dpi=110)
        plt.close(figure)
        print(IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
