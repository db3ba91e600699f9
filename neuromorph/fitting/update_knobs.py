"""Knobs of a weight update: the reference's gate and the height of the pulses.

A trace counts against the reference it shares a tail with, so a reference higher by one e-fold divides every y
by e: rate and compression fall by the same factor.  The pulse is the gate of the tail, so its height sets the rate
as a bias sets a current.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neuromorph.circuit import Axis, Sweep
from neuromorph.figures import Figure
from neuromorph.fitting.bias import Ranges, efold, fit_efold, settings
from neuromorph.fitting.least_squares import least_squares
from neuromorph.library import BlockData, SweepData

KNOBS: Ranges = {"eref": (0.37, 0.42, 0.40), "height": (0.25, 0.41, 0.36)}
"""Lowest, highest and usual value, V; ``height`` is the knob ``high`` of the unit that drives the pulses."""
GATE_KNOBS: Ranges = {**KNOBS, "height": (0.25, 0.41, 0.40)}
"""Of a gate's synapse, whose traces are small: its pulses are higher, and move its weight 2.5 times as fast."""
WIDTH = 8e-9
"""Difference of the pulses' widths in these sweeps, s."""
Change = Callable[[Mapping[str, float], np.ndarray], np.ndarray]
"""Weight change, V, at traces y and :data:`WIDTH`, of given parameters."""


def knob_sweeps(
    bench: Callable[[Any, Any], str],
    measure: Callable[[Any, Any], dict[str, float]],
    outputs: Mapping[str, str],
    traces: Mapping[str, Axis],
) -> tuple[Sweep, ...]:
    """Updates over both knobs, fitted and held out.

    Parameters
    ----------
    bench, measure, outputs
        As of the block's update; the bench reads ``eref`` and ``height`` of the point.
    traces : mapping of str to Axis
        y of the traces; the first axis is varied, others have one value.
    """
    wide = {"width": Axis((WIDTH,), "s")}

    def sweep(name: str, knob: str, values: tuple[float, ...], held_out: bool, caption: str = "") -> Sweep:
        axes = {knob: Axis(values, "V"), **traces, **wide}
        return Sweep(name, axes, bench, measure, dict(outputs), held_out=held_out, caption=caption)

    return (
        sweep("reference", "eref", (0.37, 0.38, 0.39, 0.40, 0.42), False, "Reference of the traces"),
        sweep("height", "height", (0.25, 0.28, 0.31, 0.34, 0.36, 0.385, 0.41), False, "Height of the pulses"),
        sweep("reference_check", "eref", (0.374, 0.385, 0.394, 0.413), True),
        sweep("height_check", "height", (0.264, 0.327, 0.352, 0.398), True),
    )


def _changes(sweep: SweepData, knob: str) -> tuple[np.ndarray, np.ndarray]:
    """Traces y, and weight changes, V, of shape (knob, y)."""
    y = sweep[list(sweep.axes)[1]]
    return y, sweep["dw"].reshape(len(sweep[knob]), len(y))


def ranges(block: str) -> Ranges:
    """Knobs of the update of a block."""
    return GATE_KNOBS if block == "eligibility_synapse" else KNOBS


def at_knobs(parameters: Mapping[str, float], block: str, **knobs: float) -> dict[str, float]:
    """Parameters of an update at a setting of ``eref`` and ``height``, V.

    Raises
    ------
    OutOfRange
        For an unknown knob or outside its range.
    """
    own = ranges(block)
    values = settings(block, own, knobs)
    p = dict(parameters)
    shift = float(
        efold(values["eref"], own["eref"][2], -p["reference_width"], p["reference_bend"]) ** p["trace_power"]
    )
    rise = float(efold(values["height"], own["height"][2], p["height_width"], p["height_bend"]))
    moved = (1 + p["compression"]) * shift / (1 + p["compression"] * shift) * rise
    return p | {
        "rate": p["rate"] * shift * rise, "compression": p["compression"] * shift,
        "full_update": p["full_update"] * moved,
    }  # fmt: skip


def fit_update_knobs(
    data: BlockData, p: Mapping[str, float], change: Change
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Laws of both knobs: values, deviations, and the largest error of full scale; none where a plan has left them out.

    Parameters
    ----------
    p : mapping
        ``rate, trace_power, compression`` at the usual setting.
    """
    if "height" not in data.sweeps:
        return {}, {}, {}
    height = data["height"]
    size = np.abs(_changes(height, "height")[1]).mean(axis=1)
    rise = fit_efold(height["height"], size, ranges(data.name)["height"][2], data.name)
    values, deviation = rise.named("height")
    known = {**p, **values, "full_update": 0.0}
    measured = _changes(data["reference"], "eref")[1]
    full = np.abs(measured).max()
    scale = dict(zip(_REFERENCE, (30e-3, 1.0), strict=True))

    def laws(x: np.ndarray) -> dict[str, float]:
        return {name: float(v) * scale[name] for name, v in zip(_REFERENCE, x, strict=True)}

    def residuals(x: np.ndarray) -> np.ndarray:
        return _errors(data, "reference", {**known, **laws(x)}, change).ravel() / full

    x, dx = least_squares(residuals, [1.0, 0.0], _REFERENCE, data.name)
    values |= laws(x)
    deviation |= laws(dx)
    known |= values
    errors = {f"{name}_max_of_full_scale": _worst(data, name, known, change) for name in _KNOB_OF}
    return values, deviation, errors


def _errors(data: BlockData, name: str, p: Mapping[str, float], change: Change) -> np.ndarray:
    """Model less measured change, V, shape (knob, y)."""
    knob = _KNOB_OF[name.removesuffix("_check")]
    y, measured = _changes(data[name], knob)
    models = [change(at_knobs(p, data.name, **{knob: float(v)}), y) for v in data[name][knob]]
    return np.stack(models) - measured


def _worst(data: BlockData, name: str, p: Mapping[str, float], change: Change) -> float:
    return float(np.abs(_errors(data, name, p, change)).max() / np.abs(data[name]["dw"]).max())


_REFERENCE = ("reference_width", "reference_bend")
_KNOB_OF = {"reference": "eref", "height": "height"}
UNITS = {"reference_width": "V", "reference_bend": "1", "height_width": "V", "height_bend": "1"}


def knob_figures(label: str, data: BlockData, p: Mapping[str, float], change: Change) -> list[Figure]:
    """Updates at held-out settings, largest error of the largest update there."""
    titles = {"reference_check": "reference", "height_check": "pulse height"}
    return [
        Figure(
            f"{label}: dw over the {title} knob, max error of full range",
            100 * _worst(data, name, p, change), "%", 6.0, 2.0,
        )
        for name, title in titles.items()
    ]  # fmt: skip
