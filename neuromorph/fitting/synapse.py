"""Post-synaptic current of a spike, excitatory or inhibitory, in two forms.

The verified form is :class:`neuromorph.fitting.cleft.Cleft`: the cleft's charge through the device law, with
every knob; its capacitance is the one number fitted.  The network's form is a double exponential at the default
knobs, fitted to pairs, random trains and regular ones of a frame: each spike adds charge ``Q (1 + facilitation q)`` to a
rise stage, which passes it on to the current; q is the line's own trace (one per spike, decaying with ``tau_release``), so
that spikes in close succession interact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from neuromorph.circuit import USUAL_SUPPLY
from neuromorph.errors import FitFailed
from neuromorph.figures import Figure
from neuromorph.fitting.cleft import EXCITATORY, INHIBITORY, Cleft, Device
from neuromorph.fitting.least_squares import least_squares
from neuromorph.library import BlockData, FittedModel, SweepData

START = 5e-9
WINDOW = 150e-9
POST = 0.2
"""Voltage of the clamped post-synaptic node, V, where a sweep names none."""
KNOBS = ("vnt", "vre", "vw", "vdecay")
RAIL_KNOBS = ("vnt", "vre")
"""Knobs that are made from the rail."""
_CLEFT = 5e-15
"""The cleft's capacitor in the netlist, where the fit starts, F."""
STORED_ZERO = 0.27
"""Reference of a feature's weights, V: w = 0.3 of a capacitor from 0.15 to 0.55 V."""
SOUNDING = 6.25e-9
"""Interval of a line that sounds, s: sixteen spikes a frame."""


def random_train(seed: int) -> np.ndarray:
    """Times of a random spike train, s: at least 5 ns apart, 9 ns on average, until 90 ns."""
    rng = np.random.default_rng(seed)
    times = START + np.cumsum(np.r_[0.0, 5e-9 + rng.exponential(4e-9, 24)])
    return times[times < 90e-9]


def regular_train(interval: float) -> np.ndarray:
    """Times of the spikes of a line that sounds for a frame, s: 16 at most, until 100 ns."""
    times = START + interval * np.arange(16)
    return times[times < 100e-9]


def releases(spikes: np.ndarray, p: Mapping[str, float]) -> np.ndarray:
    """Charge that each spike of a train releases over that of a lone one, 1."""
    traces = [np.exp(-(spike - spikes[:k]) / p["tau_release"]).sum() for k, spike in enumerate(spikes)]
    return 1 + p["facilitation"] * np.array(traces)


def waveform(spikes: np.ndarray, time: np.ndarray, p: Mapping[str, float]) -> np.ndarray:
    """Post-synaptic current of the network's form, A, at ``time`` for spikes at given times."""
    rise, decay = p["tau_rise"], p["tau_decay"]
    norm = p["charge"] / (decay - rise)
    total = np.zeros_like(time)
    for spike, released in zip(spikes, releases(spikes, p), strict=True):
        late = np.maximum(time - spike - p["delay"], 0.0)
        total += norm * released * (np.exp(-late / decay) - np.exp(-late / rise))
    return total


def points(data: BlockData, sweep: SweepData) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """Spike times and knob voltages of every point of a sweep, its outer axes flattened.

    An axis has a knob's value at the usual supply; one that is made from the rail stands where the rail has moved it to.
    """
    mesh = np.meshgrid(*sweep.axes.values(), indexing="ij")
    axes = {name: values.ravel() for name, values in zip(sweep.axes, mesh, strict=True)}
    rows = mesh[0].size
    knobs = {name: axes.get(name, np.full(rows, float(data.attributes[f"default_{name}"]))) for name in KNOBS}
    moved = data.supply - USUAL_SUPPLY
    knobs |= {name: knobs[name] + moved for name in RAIL_KNOBS}
    knobs |= {"post": axes.get("v_post", np.full(rows, POST)), "vwref": np.full(rows, 0.4)}
    return [_spikes({name: float(v[r]) for name, v in axes.items()}) for r in range(rows)], knobs


def _spikes(point: Mapping[str, float]) -> np.ndarray:
    if "seed" in point:
        return random_train(int(point["seed"]))
    if "interval" in point:
        return regular_train(point["interval"])
    if "pair_interval" in point:
        return np.array([START, START + point["pair_interval"]])
    return np.array([START])


def measured(sweep: SweepData) -> np.ndarray:
    """Currents of a sweep, A, shape (points, times)."""
    return sweep["current"].reshape(-1, sweep["current"].shape[-1])


def predict(
    devices: Sequence[Device], p: Mapping[str, float], data: BlockData, sweep: SweepData
) -> np.ndarray:
    """Currents of the cleft's form at a sweep's points, A, positive in the synapse's own direction."""
    cleft = Cleft(devices, p["c_cleft"], data.kelvin, data.supply)
    sign = 1.0 if devices is EXCITATORY else -1.0
    return sign * cleft.run(*points(data, sweep), sweep["time"])


def fit_synapse(data: BlockData, devices: Sequence[Device]) -> FittedModel:
    """The cleft's capacitance, six parameters of the network's form and the weight curve.

    At other temperatures and supplies, and of instances (whose plan has no sweep ``release``), the capacitance stays as it
    is: it is the netlist's.
    """
    whole = data.is_usual and "release" in data.sweeps
    cleft, d_cleft, cleft_errors = _fit_cleft(data, devices) if whole else ({}, {}, {})
    pulse, d_pulse, pulse_error = _fit_pulse(data)
    if "stored" in data.sweeps:
        weight, d_weight = _fit_weight(data["stored"], "vw_stored", data.name)
        # of a line that sounds, but stated of a lone spike
        lone = float(releases(regular_train(SOUNDING), pulse).sum())
        weight["weight_charge"] /= lone
        d_weight["weight_charge"] /= lone
    else:
        weight, d_weight = _fit_weight(data["weight"], "vw", data.name)
    # the network's weight unit is the charge of a lone spike at the default knobs
    p = {
        **cleft,
        **pulse,
        **weight,
        "gain": 1.0,
        "energy_per_spike": float(np.median(data["weight"]["energy"])),
        "energy_per_release": _energy_per_release(data, pulse),
    }
    units = {name: _unit(name) for name in p}
    errors = {**cleft_errors, "waveform_rms_of_full_scale": pulse_error}
    box = {
        "interval": (4e-9, WINDOW),
        "current": (0.0, float(max(data[s]["current"].max() for s in ("pairs", "trains")))),
        **{k: (float(data[s][k].min()), float(data[s][k].max()))
           for k, s in (("vnt", "release"), ("vre", "reuptake"), ("vw", "weight")) if s in data.sweeps},
    }  # fmt: skip
    return FittedModel("log_domain_cleft", p, units, {**d_cleft, **d_pulse, **d_weight}, errors, box)


fit_excitatory = partial(fit_synapse, devices=EXCITATORY)
fit_inhibitory = partial(fit_synapse, devices=INHIBITORY)


def _unit(name: str) -> str:
    if name.startswith("energy"):
        return "J"
    if name.endswith("charge"):
        return "C"
    return {"c_": "F", "v_": "V", "ta": "s", "de": "s"}.get(name[:2], "1")


def _fit_cleft(
    data: BlockData, devices: Sequence[Device]
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """The cleft's capacitance, from lone spikes at every knob and from pairs."""
    sets = [data[name] for name in ("release", "reuptake", "pairs")]
    full = max(float(measured(s).max()) for s in sets)
    # a pulse far below full scale counts less: its start hangs on picoamperes
    scales = [measured(s).max(1, keepdims=True) + 0.05 * full for s in sets]

    def residuals(x: np.ndarray) -> np.ndarray:
        p = {"c_cleft": x[0] * _CLEFT}
        errors = [
            (predict(devices, p, data, s) - measured(s)) / scale
            for s, scale in zip(sets, scales, strict=True)
        ]
        return np.concatenate([e.ravel() for e in errors])

    x, dx = least_squares(residuals, [1.0], ("c_cleft",), data.name, diff_step=1e-3, xtol=1e-4, ftol=1e-5)
    rms = float(np.sqrt(np.mean(residuals(x) ** 2)))
    return {"c_cleft": float(x[0] * _CLEFT)}, {"c_cleft": float(dx[0] * _CLEFT)}, {"cleft_rms_of_peak": rms}


def _fit_pulse(data: BlockData) -> tuple[dict[str, float], dict[str, float], float]:
    """The network's double exponential, from the waveforms of pairs and trains."""
    names = ("charge", "delay", "tau_rise", "tau_decay", "facilitation", "tau_release")
    scale = np.array([1e-15, 1e-9, 1e-9, 1e-8, 1, 1e-8])
    rows = [
        (spikes, s["time"], current)
        for s in (data["pairs"], data["trains"], data["regular"])
        for spikes, current in zip(points(data, s)[0], measured(s), strict=True)
    ]

    def residuals(x: np.ndarray) -> np.ndarray:
        p = dict(zip(names, np.abs(x) * scale, strict=True))
        waves = [waveform(a, t, p) for a, t, _ in rows]
        shapes = np.concatenate([(wave - i) / i.max() for wave, (_, _, i) in zip(waves, rows, strict=True)])
        # a line's charge in a frame is what drives a neuron: it counts as much as a waveform
        charges = [_charge(wave, t) / _charge(i, t) - 1 for wave, (_, t, i) in zip(waves, rows, strict=True)]
        return np.concatenate([shapes, np.sqrt(WINDOW / 0.25e-9) * np.array(charges)])

    start = [1.5, 1.0, 0.5, 1.0, 0.5, 2.0]
    try:
        x, dx = least_squares(residuals, start, names, data.name)
    except FitFailed:  # where nothing is facilitated its trace has no time: it stays at the start
        x, dx = least_squares(
            lambda x: np.append(residuals(x), 1e-3 * (x[-1] - start[-1])), start, names, data.name
        )
    values, deviation = np.abs(x) * scale, dx * scale
    return (
        {n: float(v) for n, v in zip(names, values, strict=True)},
        {n: float(v) for n, v in zip(names, deviation, strict=True)},
        float(np.sqrt(np.mean(residuals(x) ** 2))),
    )


def _stored(sweep: SweepData, p: Mapping[str, float]) -> np.ndarray:
    """Charge through the weights of a sweep's points by the weight's curve, over that of the pulse's fit, 1."""
    (weights,) = [
        axis for name, axis in zip(sweep.axes, np.meshgrid(*sweep.axes.values(), indexing="ij"), strict=True)
        if name == "vw_stored"
    ]  # fmt: skip
    on = 1 / (1 + np.exp(-(weights.ravel() - p["v_weight_offset"]) / p["v_weight_width"]))
    return p["weight_charge"] * on / p["charge"]


def _energy_per_release(data: BlockData, pulse: Mapping[str, float]) -> float:
    """J that the charge of a lone spike takes from the supply, from trains: the rest is the same for all spikes."""
    terms, energy = [], []
    for sweep in (data["pairs"], data["trains"], data["regular"]):
        terms += [(len(spikes), releases(spikes, pulse).sum()) for spikes in points(data, sweep)[0]]
        energy += list(np.ravel(sweep["energy"]))
    return float(np.linalg.lstsq(np.array(terms), np.array(energy), rcond=None)[0][1])


def _fit_weight(weight: SweepData, knob: str, block: str) -> tuple[dict[str, float], dict[str, float]]:
    """Charge against the weight knob: a sigmoid."""
    names = ("weight_charge", "v_weight_offset", "v_weight_width")
    scale = np.array([1e-15, 0.1, 1 / 30])
    w, dw = least_squares(
        lambda w: (w[0] / (1 + np.exp(-(weight[knob] - w[1] / 10) / (w[2] / 30))) - weight["charge"] / 1e-15).ravel(),
        [1.5, 3, 1], names, block,
    )  # fmt: skip
    return dict(zip(names, map(float, w * scale), strict=True)), dict(
        zip(names, map(float, dw * scale), strict=True)
    )


def half_width(current: np.ndarray, time: np.ndarray) -> float:
    """Time that a pulse stays above half of its peak, s: the stretch around the maximum."""
    top = int(current.argmax())
    half = current[top] / 2
    before = np.flatnonzero(current[:top] < half)
    after = top + np.flatnonzero(current[top:] < half)
    a, b = before[-1], after[0]
    rise = time[a] + (time[a + 1] - time[a]) * (half - current[a]) / (current[a + 1] - current[a])
    fall = time[b - 1] + (time[b] - time[b - 1]) * (current[b - 1] - half) / (current[b - 1] - current[b])
    return float(fall - rise)


def shape_errors(predicted: np.ndarray, current: np.ndarray, time: np.ndarray) -> dict[str, float]:
    """Largest relative error of peak, half-width and charge over rows, %."""
    widths = [np.array([half_width(row, time) for row in rows]) for rows in (predicted, current)]
    pairs = {
        "peak": (predicted.max(1), current.max(1)), "half-width": (widths[0], widths[1]),
        "charge": (_charge(predicted, time), _charge(current, time)),
    }  # fmt: skip
    return {name: float(100 * np.abs(a / b - 1).max()) for name, (a, b) in pairs.items()}


def score_synapse(model: FittedModel, data: BlockData, devices: Sequence[Device], title: str) -> list[Figure]:
    """Held-out pairs, knobs and trains of the cleft's form, then of the network's form and a baseline."""
    p = model.parameters
    figures = []
    for sweep, what in (("pairs_check", "pulse pairs"), ("knobs_check", "held-out knobs")):
        check = data[sweep]
        errors = shape_errors(predict(devices, p, data, check), measured(check), check["time"])
        figures += [
            Figure(f"{title}: {what}, {name}, max error", value, "%", 2.0, 0.5)
            for name, value in errors.items()
        ]
    floor = shape_errors(
        measured(data["pairs_check"]), measured(data["pairs_floor"]), data["pairs_floor"]["time"]
    )
    figures.append(Figure(f"{title}: SPICE's own floor, pulse pairs, peak, max error", floor["peak"], "%"))
    trains = data["trains_check"]
    current, time = measured(trains), trains["time"]
    spikes = points(data, trains)[0]
    linear = {**p, "facilitation": 0.0, "tau_rise": 1e-12}
    forms = {
        "random trains": predict(devices, p, data, trains),
        "network's form, random trains": np.stack([waveform(s, time, p) for s in spikes]),
        "baseline, plain exponential": np.stack([waveform(s, time, linear) for s in spikes]),
    }
    for what, waves in forms.items():
        rms = 100 * np.sqrt(np.mean((waves - current) ** 2)) / current.max()
        figures.append(Figure(f"{title}: {what}, rms error of full scale", float(rms), "%"))
    regular = data["regular_check"]
    made = np.stack([waveform(t, regular["time"], p) for t in points(data, regular)[0]])
    if "vw_stored" in regular.axes:
        made *= _stored(regular, p)[:, None]
    off = _charge(made, regular["time"]) / _charge(measured(regular), regular["time"]) - 1
    figures.append(
        Figure(
            f"{title}: network's form, regular trains, charge, max error",
            100 * float(np.abs(off).max()),
            "%",
            5.0,
            2.0,
        )
    )
    network = forms["network's form, random trains"]
    pairs = data["pairs_check"]
    pulses = np.stack([waveform(t, pairs["time"], p) for t in points(data, pairs)[0]])
    for name, value in shape_errors(pulses, measured(pairs), pairs["time"]).items():
        figures.append(Figure(f"{title}: network's form, pulse pairs, {name}, max error", value, "%"))
    charge = 100 * np.abs(_charge(network, time) / _charge(current, time) - 1).max()
    figures.append(Figure(f"{title}: network's form, random trains, charge, max error", float(charge), "%"))
    return figures


score_excitatory = partial(score_synapse, devices=EXCITATORY, title="synapse")
score_inhibitory = partial(score_synapse, devices=INHIBITORY, title="inhibitory synapse")


def _charge(current: np.ndarray, time: np.ndarray) -> np.ndarray:
    return np.trapezoid(current, time, axis=-1)
