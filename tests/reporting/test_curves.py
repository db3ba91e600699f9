"""Plots of sweeps: which axis is drawn against."""

from __future__ import annotations

import numpy as np

from neuromorph.library import SweepData
from neuromorph.reporting.curves import _lines


def test_a_single_held_value_is_no_axis_to_plot_against():
    axes = {"held": np.array([1.0]), "moved": np.array([0.0, 1.0, 2.0])}
    units = {"held": "V", "moved": "V", "out": "V"}
    sweep = SweepData(axes, {}, {"out": np.array([[5.0, 6.0, 7.0]])}, units, np.ones((1, 3), np.int8))
    name, ((_, line),) = _lines(sweep, sweep.outputs["out"], 2)
    assert name == "moved"
    assert list(line) == [5.0, 6.0, 7.0]
