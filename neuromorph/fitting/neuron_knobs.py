"""Laws of the neuron's four knobs: the closed form's parameters at any setting.

With ``r, w, g`` the distances of vref, vwidth and vgain from their usual values over 33 mV:

* leak current and conductance follow the leak transistor (:func:`~neuromorph.fitting.bias.transistor`) and a
  power of its current;
* the threshold and its overshoot move with g;
* the dead time is a spike and the refractory node's fall at a constant current, ``D(x) = S + F (D_0(x) - S_0 +
  P)``: F the e-fold law of vref; S the width of a spike; P what the node's peak adds, which grows as the width
  current rises (-w) or the first stage is slow (g), and saturates at the supply;
* what a spike's current carries into its dead time goes with F;
* a leaking membrane follows the clamp's release later (``leak``);
* a spike's end slows as vref + vwidth nears the sum at which it does not come (``stall``).

What is left of each is a polynomial in r, w, g.  All laws are 1 or 0 at the usual setting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuromorph.fitting.bias import WIDTH, fit_transistor, transistor
from neuromorph.fitting.least_squares import least_squares
from neuromorph.fitting.neuron_design import KNOBS, LATCH, setting, tonic_current, training_setting
from neuromorph.fitting.neuron_form import (
    CARRY_TERMS,
    DEAD_TERMS,
    DEAD_TIMES,
    LAG,
    NeuronParameters,
    dead_time,
    tonic_interval,
)
from neuromorph.library import BlockData, SweepData

NANO = 1e-9
SATURATED = 0.2
"""Membrane voltage from which the leak is a line, V: what counts is the current near threshold, the rheobase."""
FIRED = 2.0
"""Of a saturated leak: more is the clamp's current."""
RIDGE = 0.2
"""Pull of a term to its start, percent a unit: a term that the curves leave open stays there."""
_SECOND = "r w g rr ww gg rw rg wg"
_POWERS = {"linear": _SECOND, "square": _SECOND, "cube": _SECOND, "fourth": "r w g", "fifth": "r w g"}
"""Terms by which the knobs move the powers of x in the dead time."""
_TERMS = {
    "threshold_g": -0.08, "threshold_gg": 0.0, "overshoot_r": 0.0, "overshoot_w": 0.0, "overshoot_g": 0.0,
    "fall_r": 1.0, "fall_rr": 0.0, "fall_rrr": 0.0, "fall_w": 0.0, "fall_g": 0.0, "fall_rw": 0.0, "fall_rg": 0.0,
    "peak": 3.0, "peak_log": -0.5, "peak_w": 2.0, "peak_g": 2.0,
    "stall": 0.5, "stall_l": 0.0, "stall_drive": 0.0, "stall_sum": 1.5, "stall_width": 0.9,
    "node_r": 0.0, "node_w": 0.0, "node_g": 0.0, "node_ww": 0.0, "node_gg": 0.0, "node_rw": 0.0, "node_rg": 0.0,
    "node_wg": 0.0, "node_leak": 0.0, "linear_leak": 0.0,
    "spike_r": 0.0, "spike_w": 0.0, "spike_g": 0.0, "spike_ww": 0.0,
    "spike_gg": 0.0, "spike_wg": 0.0,
    "drive_1": 0.0, "drive_2": 0.0, "drive_3": 0.0, "drive_4": 0.0, "drive_5": 0.0,
    **{f"{name}_{term}": 0.0 for name, terms in _POWERS.items() for term in terms.split()},
    "knee_l": 0.0, "conductance_l": 0.0,
}  # fmt: skip
"""Terms of the laws and where their fit starts; pure numbers, times in ns."""
_WIDTH_TERMS = ("0", "w", "ww", "www", "g", "gg", "r", "rr", "rw", "wg", "rg")


def heights(knobs: Mapping[str, Any]) -> dict[str, Any]:
    """Distances of the knobs from their usual values: r, w, g over 33 mV, l (vleak) over 100 mV."""
    units = {"r": ("vref", WIDTH), "w": ("vwidth", WIDTH), "g": ("vgain", WIDTH), "l": ("vleak", 0.1)}
    return {
        key: (np.asarray(knobs[name], float) - KNOBS[name][2]) / unit for key, (name, unit) in units.items()
    }


def _sum(m: Mapping[str, float], prefix: str, h: Mapping[str, Any], terms: str) -> Any:
    """Polynomial of the terms named, e.g. ``"r w rw"``."""
    total: Any = 0.0
    for term in terms.split():
        total = total + m[f"{prefix}_{term}"] * np.prod([h[key] for key in term], axis=0)
    return total


def _stalled(m: Mapping[str, float], h: Mapping[str, Any]) -> Any:
    """What nearing the latch adds to a spike, 0 at the usual setting."""
    near = np.exp(np.clip((h["r"] + h["w"] - m["stall_sum"]) / m["stall_width"], -20, 3))
    return near - np.exp(-m["stall_sum"] / m["stall_width"])


def _peak(m: Mapping[str, float], h: Mapping[str, Any]) -> Any:
    """What the refractory node's peak adds to its fall, ns."""
    usual = np.exp(m["peak_log"])
    filled = usual * np.exp(np.clip(-m["peak_w"] * h["w"] + m["peak_g"] * h["g"], -9, 6))
    return m["peak"] * (np.exp(-usual) - np.exp(-filled)) + _sum(m, "node", h, "r w g ww gg rw rg wg")


def moved(
    p: NeuronParameters,
    width: float,
    m: Mapping[str, float],
    knobs: Mapping[str, Any],
    leak: Mapping[str, float],
) -> NeuronParameters:
    """Parameters at knob values (scalars or arrays), from those at the usual ones.

    Parameters
    ----------
    width : float
        Width of a spike at the usual knobs, s.
    m : mapping
        Terms of the laws.
    leak : mapping
        ``width, turn, power, floor`` of the leak's law; ``floor`` and ``conductance_power`` of the conductance.
    """
    h = heights(knobs)
    fall = np.exp(-(m["fall_r"] * h["r"] + _sum(m, "fall", h, "rr rrr w g rw rg")))
    ratio = leak_ratio(leak, knobs["vleak"])
    # a leaking membrane follows the clamp's release later; in units of 100 nA
    drain = p.leak_current * (ratio - 1) / 1e-7
    node = p.dead_time[0] - width + NANO * (_peak(m, h) + m["node_leak"] * drain)
    stalled = _stalled(m, h)
    # the release level falls with the current: its share of the fall scales with the fall, the rest does not
    times = [value + NANO * (fall - 1) * m.get(f"drive_{k}", 0.0) for k, value in enumerate(p.dead_time)]
    spike = _sum(m, "spike", h, "r w g ww gg wg") + (m["stall"] + m["stall_l"] * h["l"]) * stalled
    times[0] = width + NANO * spike + fall * node
    times[1] = times[1] + NANO * (m["stall_drive"] * stalled + fall * m["linear_leak"] * drain)
    for power, (name, terms) in enumerate(_POWERS.items(), 1):
        times[power] = times[power] + NANO * fall * _sum(m, name, h, terms)
    return p._replace(
        threshold=p.threshold * (1 + _sum(m, "threshold", h, "g gg")),
        overshoot=p.overshoot * (1 + _sum(m, "overshoot", h, "r w g")),
        leak_current=p.leak_current * ratio,
        leak_conductance=p.leak_conductance * conductance_ratio(leak, ratio) * np.exp(m["conductance_l"] * h["l"]),
        knee=p.knee * np.exp(m["knee_l"] * np.maximum(h["l"], -0.5)),
        dead_time=tuple(times),
        carry=tuple(value * fall for value in p.carry),
    )  # fmt: skip


def leak_ratio(leak: Mapping[str, float], vleak: Any) -> Any:
    """Leak current over that at the usual knob; ``floor`` is the share that no knob turns off."""
    law = transistor(vleak, KNOBS["vleak"][2], leak["width"], leak["turn"], leak["power"])
    return (1 - leak["floor"]) * law + leak["floor"]


def conductance_ratio(leak: Mapping[str, float], ratio: Any) -> Any:
    """Output conductance over that at the usual knob, from the leak's ratio."""
    return leak["conductance_floor"] + (1 - leak["conductance_floor"]) * ratio ** leak["conductance_power"]


def spike_width(m: Mapping[str, float], width: float, knobs: Mapping[str, Any]) -> Any:
    """Width of a spike at a setting, s."""
    h = heights(knobs)
    terms = " ".join(_WIDTH_TERMS[1:])
    near = 1 / (1 + np.exp(-(h["r"] + h["w"] - m["width_sum"]) / m["width_stall"]))
    usual = 1 / (1 + np.exp(m["width_sum"] / m["width_stall"]))
    return width * np.exp(_sum(m, "width", h, terms)) * (1 - usual) / (1 - near)


def at_knobs(parameters: Mapping[str, float], **knobs: float) -> dict[str, float]:
    """The neuron's parameters at a knob setting, under their own names.

    Parameters
    ----------
    parameters : mapping of str to float
        A fitted model's, as the library keeps them.
    **knobs : float
        ``vwidth``, ``vref``, ``vleak``, ``vgain``, V; the usual value where one is left out.

    Raises
    ------
    OutOfRange
        Outside a knob's range, or where the spike would hardly end.
    """
    return set_to(parameters, setting(knobs))


def set_to(parameters: Mapping[str, float], values: Mapping[str, float]) -> dict[str, float]:
    """The same at values of all four knobs, V, wherever they lie."""
    q = dict(parameters)
    terms = {name: q[f"knob_{name}"] for name in (*_TERMS, *_width_names())}
    leak = {name: q[f"leak_{name}"] for name in _LEAK}
    p = moved(form(q), q["spike_width"], terms, values, leak)
    found = {name: float(getattr(p, name)) for name in _SCALARS}
    found |= {f"dead_time_{k}": float(value) for k, value in enumerate(p.dead_time)}
    found |= {name: float(dead_time(p, x)) for name, x in DEAD_TIMES.items()}
    found |= {f"carry_{k}": float(value) for k, value in enumerate(p.carry, 1)}
    return q | found | {
        "t_dead": q["t_dead"] + float(sum(p.dead_time) - sum(form(q).dead_time)),
        "spike_width": float(spike_width(terms, q["spike_width"], values)),
    }  # fmt: skip


def form(parameters: Mapping[str, float]) -> NeuronParameters:
    """The closed form's parameters from a model's."""
    return NeuronParameters(
        **{name: parameters[name] for name in _SCALARS},
        dead_time=tuple(parameters[f"dead_time_{k}"] for k in range(DEAD_TERMS)),
        carry=tuple(parameters[f"carry_{k}"] for k in range(1, CARRY_TERMS + 1)),
        rise=parameters.get("rise"),
        lag=LAG if "rise" in parameters else None,
    )


_SCALARS = tuple(
    name for name in NeuronParameters._fields if name not in ("dead_time", "carry", "rise", "lag")
)
_LEAK = ("width", "turn", "power", "floor", "conductance_floor", "conductance_power")


def _width_names() -> tuple[str, ...]:
    return (*(f"width_{t}" for t in _WIDTH_TERMS[1:]), "width_sum", "width_stall")


def knob_axes(sweep: SweepData, draw: Any) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Knobs and currents of every point of a knob sweep, each shape (points,)."""
    settings = [draw(int(seed)) for seed in sweep["setting"]]
    rows = [(s, tonic_current(s["vleak"], float(level))) for s in settings for level in sweep["level"]]
    return {name: np.array([s[name] for s, _ in rows]) for name in KNOBS}, np.array([i for _, i in rows])


def leak_line(voltage: np.ndarray, current: np.ndarray) -> np.ndarray:
    """Slope, S, and offset, A, of the clamped membrane's current where the leak is saturated and the neuron does not fire.

    One whose threshold is low fires within the sweep, and the refractory clamp takes ten thousand times the leak.
    """
    leaking = voltage > SATURATED
    fired = leaking & (current > FIRED * abs(current[leaking][0]))
    if fired.any():
        leaking &= voltage < voltage[fired][0]
    return np.polyfit(voltage[leaking], current[leaking], 1)


def fit_leak(data: BlockData) -> tuple[dict[str, float], dict[str, float], float]:
    """Leak current and output conductance against vleak, off the clamped membrane; the largest error."""
    sweep = data["membrane"]
    lines = np.array([leak_line(sweep["v_in"], row) for row in sweep["membrane_current"]])
    current, conductance = lines[:, 1], lines[:, 0]
    usual = int(np.argmin(np.abs(sweep["vleak"] - KNOBS["vleak"][2])))
    start = fit_transistor(sweep["vleak"][4:], current[4:], KNOBS["vleak"][2], data.name).values
    unit = np.array([start["width"], start["turn"], start["power"], 1e-2, 1e-1, 1.0])

    def residuals(x: np.ndarray) -> np.ndarray:
        law = dict(zip(_LEAK, x * unit, strict=True))
        ratio = leak_ratio(law, sweep["vleak"])
        model = conductance_ratio(law, current / current[usual])
        # the conductance is a tenth of the rheobase, so a tenth of its error counts
        return np.r_[
            ratio / (current / current[usual]) - 1, 0.1 * (model / (conductance / conductance[usual]) - 1)
        ]

    x, dx = least_squares(residuals, [1, 1, 1, 1, 1, 1], _LEAK, data.name)
    values = {f"leak_{n}": float(v) for n, v in zip(_LEAK, x * unit, strict=True)}
    deviation = {f"leak_{n}": float(v) for n, v in zip(_LEAK, dx * unit, strict=True)}
    return values, deviation, float(np.abs(residuals(x)).max())


def fit_knobs(
    data: BlockData, p: NeuronParameters, width: float
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Terms of all laws from tonic firing at random settings.

    Returns
    -------
    values, deviation : dict
        ``knob_*`` and ``leak_*``.
    errors : dict
        Largest and root-mean-square relative error of the intervals, of the spike width, and of the leak.
    """
    sweep = data["knobs"]
    knobs, current = knob_axes(sweep, training_setting)
    true, widths = sweep["interval"].ravel(), sweep["spike_width"].ravel()
    good = np.isfinite(true)
    knobs, current, true, widths = (
        {n: v[good] for n, v in knobs.items()},
        current[good],
        true[good],
        widths[good],
    )
    leak, d_leak, leak_error = fit_leak(data)
    law = {name: leak[f"leak_{name}"] for name in _LEAK}
    inside = knobs["vwidth"] + knobs["vref"] <= LATCH
    # beyond the stated region a spike's width runs away: these points only keep its edge from being extrapolated
    weight = np.where(inside, 1.0, 0.15)
    start = [*_TERMS.values()]

    def error(x: np.ndarray) -> np.ndarray:
        q = moved(p, width, dict(zip(_TERMS, x, strict=True)), knobs, law)
        return np.clip(np.nan_to_num(tonic_interval(q, current, np) / true - 1, nan=1, posinf=1), -1, 1)

    x, dx = least_squares(
        lambda x: np.r_[100 * weight * error(x), RIDGE * (x - np.array(start))], start, tuple(_TERMS), data.name,
        x_scale=0.1, loss="soft_l1", max_nfev=2000, xtol=1e-6, ftol=1e-5,
    )  # fmt: skip
    within = {name: value[inside] for name, value in knobs.items()}
    terms, d_terms, width_error = _fit_width(within, widths[inside], width, data.name)
    values = {f"knob_{n}": float(v) for n, v in zip(_TERMS, x, strict=True)}
    deviation = {f"knob_{n}": float(v) for n, v in zip(_TERMS, dx, strict=True)}
    found = np.abs(error(x)[inside])
    errors = {
        "knobs_tonic_max": float(found.max()),
        "knobs_tonic_rms": float(np.sqrt(np.mean(found**2))),
        "knobs_width_max": width_error,
        "knobs_leak_max": leak_error,
    }
    return values | terms | leak, deviation | d_terms | d_leak, errors


def _fit_width(
    knobs: Mapping[str, np.ndarray], widths: np.ndarray, width: float, block: str
) -> tuple[dict[str, float], dict[str, float], float]:
    names = _width_names()

    def error(x: np.ndarray) -> np.ndarray:
        return spike_width(dict(zip(names, x, strict=True)), width, knobs) / widths - 1

    start = [0.5, *([0.0] * (len(names) - 3)), 2.2, 0.9]
    x, dx = least_squares(error, start, names, block, x_scale=0.1, loss="soft_l1", f_scale=0.01)
    return (
        {f"knob_{n}": float(v) for n, v in zip(names, x, strict=True)},
        {f"knob_{n}": float(v) for n, v in zip(names, dx, strict=True)},
        float(np.abs(error(x)).max()),
    )
