"""The demo keeps what it has done, and does again what was asked differently."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest

from neuromorph.commands.demo import TRAININGS, Demo, largest_deviation
from neuromorph.library import Library


def options(tmp_path, **changes):
    values = {"out": str(tmp_path), "data": "chorales", "passes": 1, "limit": None, "seed": 0, "jobs": 1}
    return Namespace(**{**values, **changes})


def test_a_finished_part_is_not_done_again(tmp_path):
    calls = []

    def work():
        calls.append(1)
        return {"value": len(calls)}

    assert Demo(options(tmp_path)).part("p", work)["value"] == 1
    assert Demo(options(tmp_path)).part("p", work)["value"] == 1
    assert Demo(options(tmp_path, seed=1)).part("p", work)["value"] == 2


def test_a_part_that_fails_leaves_nothing(tmp_path):
    def broken():
        raise RuntimeError("half-way")

    demo = Demo(options(tmp_path))
    with pytest.raises(RuntimeError, match="half-way"):
        demo.part("p", broken)
    assert demo.part("p", lambda: {"value": 3})["value"] == 3


def test_other_options_have_runs_of_their_own(tmp_path):
    paths = {
        Demo(options(tmp_path, **c)).run_path("a") for c in ({}, {"seed": 1}, {"passes": 2}, {"limit": 3})
    }
    assert len(paths) == 4


def test_deviation_is_relative_to_full_scale():
    data = Library.shipped().read("gate")
    sweep = data["sigmoid"]
    full = np.nanmax(np.abs(sweep["current"]))
    moved = replace(sweep, outputs={**sweep.outputs, "current": sweep["current"] + 0.01 * full})
    assert largest_deviation(data, data) == 0.0
    assert abs(largest_deviation(replace(data, sweeps={"sigmoid": moved}), data) - 0.01) < 1e-9


def test_both_heads_have_all_controls():
    for head in ("independent", "joint"):
        assert {t.control for t in TRAININGS if t.head == head} == {"none", "no_memory", "shuffled"}
        assert {t.fidelity for t in TRAININGS if t.head == head} == {"ideal", "nominal"}
