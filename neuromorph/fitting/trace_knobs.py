"""Knobs of a log-domain trace: supply of its injector and rail of its leak.

The leak stops where the trace has come down to its rail, so the floor follows the rail e-fold; near the rail the
leak transistor has less drain voltage and lets the trace decay a little slower.  The injector is a current source:
its supply changes a pulse's step by less than a percent until the trace comes close to it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neuromorph.figures import Figure
from neuromorph.fitting.bias import Ranges, efold, fit_efold, settings
from neuromorph.library import BlockData, SweepData

KNOBS: Ranges = {"vinj": (0.55, 0.80, 0.60), "vs": (0.20, 0.30, 0.25)}
"""Lowest, highest and usual value, V."""
UNITS = {"floor_width": "V", "floor_bend": "1", "slowing_width": "V", "slowing_bend": "1", "step_change": "1"}


def _decay(sweep: SweepData) -> np.ndarray:
    """Decay rate of y above its floor while it falls from 0.8 to 0.1, 1/s, at every rail."""
    rates = []
    for trace in sweep["trace"].reshape(len(sweep["vs"]), -1):
        falling = (trace < 0.8) & (trace > 0.1)
        rates.append(-np.polyfit(sweep["time"][falling], np.log(trace[falling] - trace[-1]), 1)[0])
    return np.array(rates)


def _steps(sweep: SweepData) -> np.ndarray:
    """A pulse's step of y, shape (supply, psi and y)."""
    return sweep["step"].reshape(len(sweep["vinj"]), -1)


def floor_at(parameters: Mapping[str, float], vs: float) -> float:
    """Trace at rest with the rail at ``vs``, V."""
    p = parameters
    return p["floor"] * float(efold(vs, KNOBS["vs"][2], p["floor_width"], p["floor_bend"]))


def at_knobs(parameters: Mapping[str, float], **knobs: float) -> dict[str, float]:
    """Parameters of the traces at a setting of ``vinj`` and ``vs``, V.

    Raises
    ------
    OutOfRange
        For an unknown knob or outside its range.
    """
    values, p = settings("eligibility_synapse", KNOBS, knobs), dict(parameters)
    usual = KNOBS["vs"][2]
    slower = 1 / float(efold(values["vs"], usual, p["slowing_width"], p["slowing_bend"]))
    return p | {
        "floor": floor_at(p, values["vs"]),
        "decay_full": p["decay_full"] * slower, "ideal_decay": p["ideal_decay"] * slower,
    }  # fmt: skip


def fit_trace_knobs(data: BlockData) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Laws of floor and decay; largest change of a pulse's step over the injector's supply."""
    rail, usual = data["rail"], KNOBS["vs"][2]
    floor = fit_efold(rail["vs"], rail["y"].ravel(), usual, data.name)
    slowing = fit_efold(rail["vs"], 1 / _decay(rail), usual, data.name)
    steps = _steps(data["injector"])
    change = float(np.abs(steps / steps[list(data["injector"]["vinj"]).index(KNOBS["vinj"][2])] - 1).max())
    values, deviation = floor.named("floor")
    slow, d_slow = slowing.named("slowing")
    errors = {"floor_max_relative": floor.error, "slowing_max_relative": slowing.error}
    return values | slow | {"step_change": change}, deviation | d_slow, errors


def trace_figures(data: BlockData, p: Mapping[str, float]) -> list[Figure]:
    """Floor, decay and step at held-out settings."""
    rail, injector, usual = data["rail_check"], data["injector_check"], data["rail"]
    models = [at_knobs(p, vs=float(v)) for v in rail["vs"]]
    floor = np.array([q["floor"] for q in models]) / rail["y"].ravel() - 1
    middle = float(_decay(usual)[len(usual["vs"]) // 2]) / p["decay_full"]
    decay = np.array([q["decay_full"] for q in models]) * middle / _decay(rail) - 1
    steps, known = _steps(injector), _steps(data["injector"])
    step = known[list(data["injector"]["vinj"]).index(KNOBS["vinj"][2])] / steps - 1
    return [
        Figure("eligibility: floor over the rail knob, max error", float(100 * np.abs(floor).max()), "%", 6.0, 2.0),
        Figure("eligibility: decay over the rail knob, max error", float(100 * np.abs(decay).max()), "%", 6.0, 2.0),
        Figure("eligibility: step of a pulse over the injector's knob, max error",
               float(100 * np.abs(step).max()), "%", 6.0, 2.0),
    ]  # fmt: skip
