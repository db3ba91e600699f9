"""Figures are data: rows say what they must, text and results agree."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from neuromorph.figures import Figure, record

ROOT = Path(__file__).parent.parent
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))


@pytest.mark.parametrize("path", RESULTS, ids=lambda p: p.stem)
def test_every_row_says_how_it_was_measured(path):
    for row in json.loads(path.read_text()):
        assert {
            "claim",
            "value",
            "unit",
            "must",
            "goal",
            "better",
            "holds",
            "seeds",
            "command",
            "machine",
            "versions",
            "date",
        } <= set(row)
        if row["must"] is not None:
            better = row["value"] <= row["must"] if row["better"] == "lower" else row["value"] >= row["must"]
            assert row["holds"] == better


def test_text_and_results_agree():
    """After new results: make figures."""
    command = [sys.executable, str(ROOT / "scripts" / "figures.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_claim_measured_again_replaces_its_row(tmp_path):
    path = tmp_path / "area.json"
    record(path, [Figure("a", 2.0, must=1.0), Figure("b", 1.0)], "first")
    record(path, [Figure("a", 0.5, must=1.0)], "second")
    rows = json.loads(path.read_text())
    assert [(r["claim"], r["value"], r["holds"], r["command"]) for r in rows] == [
        ("a", 0.5, True, "second"), ("b", 1.0, True, "first"),
    ]  # fmt: skip
    assert not Figure("c", float("nan"), must=1.0).holds


def test_more_seeds_replace_fewer_and_never_the_other_way(tmp_path):
    path = tmp_path / "seeds.json"
    for seeds in ((0,), (1, 2), (0, 1, 2), (1,), (3,)):
        record(path, [Figure("a", 1.0, seeds=seeds)], str(seeds))
    assert [tuple(row["seeds"]) for row in json.loads(path.read_text())] == [(0, 1, 2), (1,), (3,)]


def test_a_figure_over_seeds_is_their_mean_and_standard_deviation():
    figure = Figure.over_seeds("c", [1.0, 2.0, 3.0], (0, 1, 2), "V", must=2.5, details={"passes": 4})
    assert (figure.value, figure.spread, figure.seeds, figure.holds) == (2.0, 1.0, (0, 1, 2), True)
    assert figure.details == {"by_seed": [1.0, 2.0, 3.0], "passes": 4}
    assert Figure.over_seeds("c", [1.0], (7,)).spread is None


def test_claims_alike_up_to_their_last_colon_stand_in_one_row(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    tables = importlib.import_module("figures")
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    rows = [
        Figure("model of a, 2: distance", 0.5, "V", must=1.0, goal=0.1),
        Figure("model of a, 2: time", 3.0),
        Figure("model of b, 1: distance", 2.0, "V", must=1.0, goal=0.1),
        Figure("other: distance", 9.0),
    ]
    record(tmp_path / "area.json", rows, "measured")
    text = "<!-- figures across: area model of -->\nold\n<!-- /figures -->\n"
    assert tables.rewritten(text) == (
        "<!-- figures across: area model of -->\n"
        "| | distance (V, must 1, goal 0.1) | time |\n|---|---|---|\n"
        "| a, 2 | 0.5 | 3 |\n| b, 1 | **2: no** |  |\n<!-- /figures -->\n"
    )


def test_claims_of_several_seeds_stand_in_a_row_each(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    tables = importlib.import_module("figures")
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    rows = [
        Figure("model of a: distance", 0.5, seeds=(0,)),
        Figure("model of a: time", 3.0, seeds=(0,)),
        Figure("model of a: distance", 0.7, seeds=(1, 2)),
        Figure("model of b: distance", 2.0, seeds=(0,)),
    ]
    record(tmp_path / "area.json", rows, "measured")
    assert tables.across("area", "model of").splitlines()[2:] == [
        "| a, seed 0 | 0.5 | 3 |", "| a, seeds 1, 2 | 0.7 |  |", "| b | 2 |  |",
    ]  # fmt: skip
