"""Counting and logistic predictions of JSB's valid part, beside which the networks stand.

    python benchmarks/baselines.py

Set NEUROMORPH_DATA to the folder that holds polyphonic/JSB_Chorales.mat.  The test part is not read.
"""

from __future__ import annotations

from pathlib import Path

from neuromorph.figures import Figure, record, table
from neuromorph.music.baselines import baseline_nll
from neuromorph.music.datasets import load_dataset

RESULTS = Path(__file__).parent / "results" / "music.json"
MEANING = {
    "marginal": "independent outputs, baseline: pitch counts",
    "learned_copy": "independent outputs, baseline: learned copy",
    "logistic": "independent outputs, baseline: logistic on the last frame",
    "logistic_joint": "joint outputs, baseline: logistic on the last frame",
}


def main() -> None:
    data = load_dataset("jsb")
    scores = baseline_nll(data.train, data.valid)
    figures = [
        Figure(f"JSB valid NLL, {MEANING[name]}", value, "nats per frame") for name, value in scores.items()
    ]
    print(table(figures))
    record(RESULTS, figures, "python benchmarks/baselines.py")


if __name__ == "__main__":
    main()
