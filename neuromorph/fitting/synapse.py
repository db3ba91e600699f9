"""Post-synaptic current of a spike: release with paired-pulse saturation, rise and decay.

Each spike adds charge ``Q (1 + facilitation q) / (1 + saturation q)`` to a rise stage, which passes it
on to the current; q is the line's own trace (one per spike, decaying with
``tau_decay``), so that spikes in close succession interact.
"""

from __future__ import annotations

import numpy as np

from neuromorph.figures import Figure
from neuromorph.fitting.least_squares import least_squares
from neuromorph.library import BlockData, FittedModel

START = 5e-9
WINDOW = 150e-9


def random_train(seed: int) -> np.ndarray:
    """Times of a random spike train, s: at least 5 ns apart, 9 ns on average, until 90 ns."""
    rng = np.random.default_rng(seed)
    times = START + np.cumsum(np.r_[0.0, 5e-9 + rng.exponential(4e-9, 24)])
    return times[times < 90e-9]


def waveform(spikes: np.ndarray, time: np.ndarray, p: dict[str, float]) -> np.ndarray:
    """Post-synaptic current, A, at ``time`` for spikes at given times."""
    rise, decay = p["tau_rise"], p["tau_decay"]
    norm = p["charge"] / (decay - rise)
    total = np.zeros_like(time)
    for k, spike in enumerate(spikes):
        trace = np.exp(-(spike - spikes[:k]) / decay).sum()
        late = np.maximum(time - spike - p["delay"], 0.0)
        total += (
            norm
            * (1 + p["facilitation"] * trace)
            / (1 + p["saturation"] * trace)
            * (np.exp(-late / decay) - np.exp(-late / rise))
        )
    return total


def _spikes(sweep, row: int) -> np.ndarray:
    if "seed" in sweep.axes:
        return random_train(int(sweep["seed"][row]))
    if "pair_interval" in sweep.axes:
        return np.array([START, START + sweep["pair_interval"][row]])
    return np.array([START])


def fit_synapse(data: BlockData) -> FittedModel:
    """Charge, delay, rise, decay and saturation at the default knobs, from pairs and trains."""
    names = ("charge", "delay", "tau_rise", "tau_decay", "facilitation", "saturation")
    sets = [data["pairs"], data["trains"]]
    full = max(s["current"].max() for s in sets)

    def unpack(x: np.ndarray) -> dict[str, float]:
        scaled = (x[0] * 1e-15, x[1] * 1e-9, abs(x[2]) * 1e-9, x[3] * 1e-8, abs(x[4]), abs(x[5]))
        return dict(zip(names, scaled, strict=True))

    def residuals(x: np.ndarray) -> np.ndarray:
        p = unpack(x)
        errors = [
            (waveform(_spikes(s, r), s["time"], p) - s["current"][r]) / s["current"][r].max()
            for s in sets
            for r in range(len(s["current"]))
        ]
        return np.concatenate(errors)

    x, dx = least_squares(residuals, [1.5, 1.0, 0.5, 1.0, 1.0, 1.0], names, data.name)
    p = unpack(x)
    deviation = dict(zip(names, dx * (1e-15, 1e-9, 1e-9, 1e-8, 1, 1), strict=True))
    weight = data["weight"]
    w, dw = least_squares(
        lambda w: w[0] / (1 + np.exp(-(weight["vw"] - w[1] / 10) / (w[2] / 30))) - weight["charge"] / 1e-15,
        [1.5, 4, 1], ("weight_charge", "v_weight_offset", "v_weight_width"), data.name,
    )  # fmt: skip
    p.update(weight_charge=w[0] * 1e-15, v_weight_offset=w[1] / 10, v_weight_width=w[2] / 30)
    deviation.update(weight_charge=dw[0] * 1e-15, v_weight_offset=dw[1] / 10, v_weight_width=dw[2] / 30)
    # the network's weight unit is the charge of a lone spike at the default knobs
    p["gain"] = 1.0
    quiet = data["weight"]["energy"]
    p["energy_per_spike"] = float(np.median(quiet))
    units = {
        "charge": "C", "delay": "s", "tau_rise": "s", "tau_decay": "s", "facilitation": "1", "saturation": "1",
        "weight_charge": "C", "v_weight_offset": "V", "v_weight_width": "V", "gain": "1", "energy_per_spike": "J",
    }  # fmt: skip
    errors = {"waveform_rms_of_full_scale": float(np.sqrt(np.mean(residuals(x) ** 2)))}
    box = {"interval": (4e-9, WINDOW), "current": (0.0, float(full))}
    return FittedModel(
        "double_exponential", {k: float(v) for k, v in p.items()}, units, deviation, errors, box
    )


def score_synapse(model: FittedModel, data: BlockData) -> list[Figure]:
    """Peak and charge on held-out pairs, waveform on held-out trains."""
    p = model.parameters
    pairs, trains = data["pairs_check"], data["trains_check"]
    predicted = np.stack([waveform(_spikes(pairs, r), pairs["time"], p) for r in range(len(pairs["peak"]))])
    peak = 100 * np.abs(predicted.max(1) / pairs["current"].max(1) - 1)
    charge = 100 * np.abs(_charge(predicted, pairs["time"]) / _charge(pairs["current"], pairs["time"]) - 1)
    waves = np.stack([waveform(_spikes(trains, r), trains["time"], p) for r in range(len(trains["peak"]))])
    full = trains["current"].max()
    rms = 100 * np.sqrt(np.mean((waves - trains["current"]) ** 2)) / full
    linear = {**p, "facilitation": 0.0, "saturation": 0.0, "tau_rise": 1e-12}
    naive = np.stack(
        [waveform(_spikes(trains, r), trains["time"], linear) for r in range(len(trains["peak"]))]
    )
    return [
        Figure("synapse: pulse pairs, peak, max error", float(peak.max()), "%"),
        Figure("synapse: pulse pairs, charge, max error", float(charge.max()), "%"),
        Figure("synapse: random trains, rms error of full scale", float(rms), "%"),
        Figure(
            "synapse: baseline, plain exponential, rms of full scale",
            float(100 * np.sqrt(np.mean((naive - trains["current"]) ** 2)) / full), "%",
        ),
    ]  # fmt: skip


def _charge(current: np.ndarray, time: np.ndarray) -> np.ndarray:
    return np.trapezoid(current, time, axis=-1)
