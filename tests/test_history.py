"""The guard on ratios and the histories of releases."""

import importlib
import json
import sys
from pathlib import Path

import pytest

from neuromorph.errors import InputError
from neuromorph.figures import Figure

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture
def history(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield importlib.import_module("history")
    sys.modules.pop("history", None)


@pytest.fixture
def compare(history, monkeypatch):
    """``guard.worse`` without the part that pins a core and measures."""
    monkeypatch.setitem(sys.modules, "simulator_speed", type(sys)("simulator_speed"))
    sys.modules["simulator_speed"].variants = None
    yield importlib.import_module("guard")
    sys.modules.pop("guard", None)


def test_releases_are_in_their_order(history, tmp_path, monkeypatch):
    monkeypatch.setattr(history, "HISTORY", tmp_path)
    for release, value in (("0.10.0", 3.0), ("0.9.1", 2.0), ("0.9", 1.0)):
        (tmp_path / f"{release}.json").write_text(
            json.dumps({"figures": [{"claim": "speed", "value": value}]})
        )
    assert [file.stem for file in history.releases()] == ["0.9", "0.9.1", "0.10.0"]
    assert history.side_by_side().splitlines()[1].split() == ["speed", "1", "2", "3"]
    with pytest.raises(InputError, match="'v1' is no release"):
        history.number("v1")


def test_every_speed_figure_is_kept(history):
    kept = history.figures()
    assert {"scaling.json", "peers.json", "guard.json"} <= set(history.SPEED)
    assert all(row["command"].startswith("python benchmarks/") for row in kept)
    assert len({row["claim"] for row in kept}) > 30


@pytest.mark.parametrize(
    ("better", "now", "bad"),
    [("lower", 2.7, False), ("lower", 2.9, True), ("higher", 1.5, False), ("higher", 1.4, True)],
)
def test_a_ratio_may_be_worse_by_the_slack_only(compare, better, now, bad):
    assert compare.SLACK == 1.4
    assert compare.worse(Figure("ratio", now, "x", better=better), 2.0) is bad


def test_the_last_release_has_what_the_guard_measures(compare, history):
    rows = {row["claim"] for row in json.loads(history.releases()[-1].read_text())["figures"]}
    assert all(any(claim.endswith(ratio) for claim in rows) for ratio in compare.RATIOS)
