"""Recorded errors of block models are those of the shipped models on the kept held-out curves, and no others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from neuromorph.characterization.recipes import load_recipe, recipe_names
from neuromorph.fitting.blocks import held_out, score
from neuromorph.fitting.corners import corner_figures
from neuromorph.library import Library

RECORDED = Path(__file__).parents[2] / "benchmarks" / "results" / "fidelity.json"


def test_every_recorded_error_is_what_the_shipped_models_score():
    library, references = Library.shipped(), Library.held_out()
    scored = {}
    for name in recipe_names():
        circuit = load_recipe(name)
        data = held_out(circuit, library, references=references)
        figures = score(circuit, library, data) + corner_figures(circuit, data, references=references)
        scored |= {figure.claim: figure.value for figure in figures}
    rows = {
        row["claim"]: row["value"]
        for row in json.loads(RECORDED.read_text())
        if row["command"].startswith("neuromorph verify") and not row["claim"].startswith("device:")
    }
    assert set(rows) == set(scored)
    for claim, value in rows.items():
        assert value == pytest.approx(scored[claim], rel=1e-3, abs=1e-9), claim
