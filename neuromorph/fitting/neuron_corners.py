"""The neuron at temperatures and supplies that nothing was measured at, at the usual knobs and at random ones.

No curve was measured at other knobs there, so the knobs' laws are carried over: a knob's distance from its usual value
counts over the absolute temperature, as an exponential below threshold has it, and what it does to a time goes with the
dead time at the usual knobs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neuromorph.circuit import USUAL_KELVIN
from neuromorph.figures import Figure
from neuromorph.fitting.corners import CheckedCorner
from neuromorph.fitting.neuron import intervals, predict_intervals
from neuromorph.fitting.neuron_design import (
    KNOBS,
    nominal_rheobase,
    random_setting,
    setting,
    tonic_current,
)
from neuromorph.fitting.neuron_form import tonic_interval
from neuromorph.fitting.neuron_knobs import form, set_to

VLEAK = KNOBS["vleak"][2]
_TIMES = ("dead_time_", "dead_at_", "carry_", "t_dead", "spike_width")
_MOVED = ("threshold", "overshoot", "leak_current", "leak_conductance", "knee")


def knobs_there(
    usual: Mapping[str, float], there: Mapping[str, float], kelvin: float, **knobs: float
) -> dict[str, float]:
    """Parameters at a knob setting and a corner, from those ``there`` at the usual knobs and those of the usual corner.

    Raises
    ------
    OutOfRange
        Outside a knob's range, or where the spike would hardly end.
    """
    share = USUAL_KELVIN / kelvin
    near = {name: KNOBS[name][2] + share * (value - KNOBS[name][2]) for name, value in setting(knobs).items()}
    known = set_to(usual, near)
    slower = there["t_dead"] / usual["t_dead"]
    found = dict(there) | {name: there[name] * known[name] / usual[name] for name in _MOVED}
    return found | {
        name: there[name] + slower * (known[name] - usual[name]) for name in there if name.startswith(_TIMES)
    }


def score_neuron_corners(corners: list[CheckedCorner]) -> list[Figure]:
    """Tonic firing, rheobase and next interval: twice the usual limits hold."""
    tonic = [_tonic_errors(one, one.model.parameters) for one in corners]
    blind = [_tonic_errors(one, one.usual.parameters) for one in corners]
    rheobase = [_rheobase_error(one) for one in corners]
    lanes = [
        predict_intervals(form(one.model.parameters), intervals(one.data, "random_corner")) for one in corners
    ]
    next_ = [100 * np.abs(predicted / true - 1) for predicted, true in lanes]
    together = [_knob_errors(one) for one in corners]
    where = {"corners": [str(one.corner) for one in corners]}

    def figure(what: str, errors: list, must: float | None = None, goal: float | None = None) -> Figure:
        claim = f"neuron: unseen temperatures{what}"
        details = {**where, "each": [round(float(value), 3) for value in errors]}
        return Figure(claim, float(np.max(errors)), "%", must, goal, details=details)

    plain = " and supplies, "
    ignored = float(np.nanmedian(np.concatenate(blind)))
    return [
        figure(f"{plain}tonic f-I, max error", [e.max() for e in tonic], 1.0, 0.2),
        figure(f"{plain}rheobase, max error", rheobase, 10.0, 2.0),
        figure(f"{plain}next interval, mean error", [np.nanmean(e) for e in next_], 1.0, 0.4),
        figure(f"{plain}next interval, 95th percentile", [np.nanpercentile(e, 95) for e in next_], 2.0, 1.0),
        figure(f"{plain}missed next intervals", [100 * np.isnan(e).mean() for e in next_]),
        figure(", supplies and knobs, tonic interval, max error", [np.nanmax(e) for e in together], 1.0, 0.2),
        Figure("neuron: baseline, temperature and supply ignored, tonic f-I, median error", ignored, "%"),
    ]


def _tonic_errors(one: CheckedCorner, parameters: dict[str, float]) -> np.ndarray:
    """Relative errors of the interval, %, shape (levels that fired,)."""
    sweep = one.data["tonic_corner"]
    current = np.array([tonic_current(VLEAK, float(level), one.corner.kelvin) for level in sweep["level"]])
    good = np.isfinite(sweep["interval"])
    return 100 * np.abs(tonic_interval(form(parameters), current[good], np) / sweep["interval"][good] - 1)


def _knob_errors(one: CheckedCorner) -> np.ndarray:
    """Relative errors of the interval, %, shape (settings, levels); NaN where there were no three spikes."""
    sweep, kelvin = one.data["knobs_corner"], one.corner.kelvin
    errors = []
    for seed, intervals_ in zip(sweep["setting"], sweep["interval"], strict=True):
        knobs = random_setting(int(seed))
        current = np.array([tonic_current(knobs["vleak"], float(level), kelvin) for level in sweep["level"]])
        p = knobs_there(one.usual.parameters, one.model.parameters, kelvin, **knobs)
        errors.append(100 * np.abs(tonic_interval(form(p), current, np) / intervals_ - 1))
    return np.array(errors)


def _rheobase_error(one: CheckedCorner) -> float:
    """Against the middle of ngspice's bracket, %; a point that it does not solve says nothing."""
    sweep, p = one.data["rheobase_corner"], one.model.parameters
    known = np.isfinite(sweep["fired"])
    ratio, fired = sweep["ratio"][known], sweep["fired"][known] > 0.5
    if fired.all() or not fired.any():
        return float("nan")
    middle = np.sqrt(ratio[~fired].max() * ratio[fired].min())
    model = p["leak_current"] + p["leak_conductance"] * p["threshold"]
    return float(100 * abs(model / (middle * nominal_rheobase(VLEAK, one.corner.kelvin)) - 1))
