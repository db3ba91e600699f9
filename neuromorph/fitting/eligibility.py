"""Eligibility synapse: twin log-domain traces and the three-factor update of a differential weight.

Trace: y = exp((e - e_ref) / w); y <- y e^(-lambda t) between pulses, y <- y + r y / (y + y_r) + G psi^p at a pulse.
Update: d(wp - wn) = r (T_raise - T_lower) (y+ - y-) / (1 + kappa (y+ + y-)); twins that are not alike see their traces
times exp(b / 2) and exp(-b / 2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neuromorph.errors import FitFailed
from neuromorph.figures import Figure
from neuromorph.fitting import trace_knobs, update_knobs
from neuromorph.fitting.least_squares import least_squares
from neuromorph.fitting.pulse_pairs import order_share
from neuromorph.fitting.trace_knobs import fit_trace_knobs, trace_figures
from neuromorph.fitting.update_knobs import WIDTH, fit_update_knobs, knob_figures
from neuromorph.library import BlockData, FittedModel, SweepData

FRAME = 100e-9
FRAMES = 16
E_REF = update_knobs.KNOBS["eref"][2]
"""Trace voltage at y = 1, V."""
PSI_FULL = 12e-9
"""Line current of a full-scale psi, A."""
LEAK_FULL = 2.4e-6
"""Line current of a fully open forget gate, A."""
WIDEST = 16e-9
"""Width by which the learning pulses differ at a full-scale signal, s."""
WEIGHT_RANGE = 0.18
"""Between the ends of a differential weight, V."""
WEIGHT_MEAN = 0.6
"""V of both weight nodes at weight zero."""
PSI_RAIL = 0.35
TRACE_WIDTH = 30.2e-3
"""V per e-fold of the traces' own scale; the update reads it with a power close to one."""
LINES = (
    f"vpr psirail 0 {PSI_RAIL}\nvbp vbp 0 0.54\nvbn vbn 0 0.26\n"
    "xlp psip vpp psirail vdd vbp vbn gate_line\nclp vpp 0 50f\n"
    "xln psin vpn psirail vdd vbp vbn gate_line\ncln vpn 0 50f\n"
    "xlf forget vf vs vdd vbp vbn gate_line\nclf vf 0 100f"
)
"""Cards of a synapse's two psi lines and its forget line, with half the capacitance that gates and wire have besides
it."""


def random_activity(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pulse times (s), signed psi of full scale and forget current of full scale, per frame.

    As a network has them: pulses do not come within 5 ns of each other nor before the lines have settled; a quarter of
    the frames has psi = 0, the others are spread evenly in the logarithm from 0.03 to 0.85, forget currents over a
    factor of 500.
    """
    rng = np.random.default_rng(seed)
    times: list[float] = []
    for frame in range(FRAMES):
        last = -np.inf
        for t in np.sort(rng.uniform(15e-9, 95e-9, rng.integers(0, 9))):
            if t - last > 5e-9:
                times.append(frame * FRAME + t)
                last = t
    psi = np.exp(rng.uniform(np.log(0.03), np.log(0.85), FRAMES)) * rng.choice((-1, 1), FRAMES)
    psi *= rng.random(FRAMES) > 0.25
    forget = np.exp(rng.uniform(np.log(1 / 500), 0.0, FRAMES))
    return np.array(times), psi, forget


def recursion(
    times: np.ndarray,
    psi: np.ndarray,
    decay: np.ndarray,
    gain: float,
    residual: float = 0.0,
    half: float = 1.0,
) -> np.ndarray:
    """One trace at the frames' ends.

    Parameters
    ----------
    times : ndarray
        Pulses, s.
    psi, decay : ndarray, shape (frames,)
        Charge of a pulse (not negative) and -ln f of each frame.
    gain : float
        Trace added by a pulse at psi = 1.
    residual, half : float
        r, y_r: what a pulse adds of itself, whatever psi is, to a large trace, and the trace that gets half of it.
    """
    y, values = 0.0, np.empty(len(psi))
    for frame in range(len(psi)):
        now = 0.0
        for t in times[(times >= frame * FRAME) & (times < (frame + 1) * FRAME)] / FRAME - frame:
            y *= np.exp(-decay[frame] * (t - now))
            y += residual * y / (y + half) + gain * psi[frame]
            now = t
        y *= np.exp(-decay[frame] * (1 - now))
        values[frame] = y
    return values


def eligibility(p: dict[str, float], seed: int, residual: bool = True) -> np.ndarray:
    """y+ - y- of the model after each frame of a random activity; the floors cancel."""
    times, psi, forget = random_activity(seed)
    decay = p["decay_full"] * forget ** p["decay_power"]
    own = (p["residual"], p["residual_half"]) if residual else (0.0, 1.0)
    up, down = (
        recursion(times, np.maximum(sign * psi, 0) ** p["psi_power"], decay, p["gain"], *own)
        for sign in (1, -1)
    )
    return up - down


def _of_one(p: Mapping[str, float], y: np.ndarray) -> np.ndarray:
    """Weight change of one trace over the other's floor, as the knob sweeps move it."""
    return update(dict(p), y, 0.01, WIDTH)


def _trace(voltage: np.ndarray, width: float) -> np.ndarray:
    return np.exp((voltage - E_REF) / width)


def update(p: dict[str, float], y_up: Any, y_down: Any, width: Any) -> np.ndarray:
    """Change of wp - wn, V, for traces and a difference of pulse widths (s); arrays broadcast."""
    up, down = (
        np.asarray(v, float) ** p["trace_power"] * np.exp(0.5 * sign * p["twin"])
        for v, sign in ((y_up, 1), (y_down, -1))
    )
    share = (up - down) / (1 + p["compression"] * (up + down))
    return p["rate"] * np.asarray(width, float) * share


_UPDATE = ("rate", "trace_power", "compression", "twin")
_UPDATE_SCALE = np.array([2e5, 1.0, 1.0, 1.0])


def _fit_update(data: BlockData) -> tuple[dict[str, float], dict[str, float], float]:
    sweep = data["update"]
    grid = np.meshgrid(sweep["y_up"], sweep["y_down"], sweep["width"], indexing="ij")
    full = np.abs(sweep["dw"]).max()

    def law(x: np.ndarray) -> dict[str, float]:
        return dict(zip(_UPDATE, x * _UPDATE_SCALE, strict=True))

    x, dx = least_squares(
        lambda x: ((update(law(x), *grid) - sweep["dw"]) / full).ravel(), [1, 1, 1, 0], _UPDATE, data.name
    )
    values, wide = law(x), dict(zip(_UPDATE, dx * _UPDATE_SCALE, strict=True))
    return values, wide, float(np.abs(update(values, *grid) - sweep["dw"]).max() / full)


def _fit_decay(data: BlockData) -> tuple[dict[str, float], dict[str, float], float]:
    """decay_full and decay_power from traces that fall towards the floor at constant forget currents.

    Returns
    -------
    values, deviation : dict
    error : float
        Largest relative error of a decay per frame.
    """
    sweep = data["floor"]
    above = sweep["trace"] - sweep["trace"].min()
    low, high = FALLING
    rates = []
    for y in above:
        falling = np.flatnonzero((y > low) & (y < high))
        if len(falling) < 3:
            raise FitFailed(
                f"{data.name}: {len(falling)} points of sweep floor lie between {low:g} and {high:g}"
            )
        rates.append(-np.polyfit(sweep["time"][falling], np.log(y[falling]), 1)[0] * FRAME)
    share, rate = np.log(sweep["i_forget"] / LEAK_FULL), np.log(rates)
    (power, full), spread = np.polyfit(share, rate, 1, cov=True)
    error = np.abs(np.exp(full + power * share - rate) - 1).max()
    values = {"decay_full": float(np.exp(full)), "decay_power": float(power)}
    wide = np.sqrt(np.diag(spread))
    return (
        values,
        {"decay_full": float(values["decay_full"] * wide[1]), "decay_power": float(wide[0])},
        float(error),
    )


def _fit_residual(data: BlockData) -> tuple[dict[str, float], dict[str, float], float]:
    """What pulses through a closed psi line add, ``r_0 + r y / (y + y_r)``; r_0 is alike in both traces and cancels.

    Returns
    -------
    values, deviation : dict
    error : float
        Largest error of a step over the largest step.
    """
    sweep = data["residue"]
    y, step = sweep["y"], sweep["step"][0]
    names, scale = ("residual_common", "residual", "residual_half"), np.array([5e-4, 1e-3, 0.2])

    def residuals(x: np.ndarray) -> np.ndarray:
        common, residual, half = x * scale
        return (common + residual * y / (y + half) - step) / step.max()

    x, dx = least_squares(residuals, [1.0, 1.0, 1.0], names, data.name)
    error = float(np.abs(residuals(x)).max())
    return dict(zip(names, x * scale, strict=True)), dict(zip(names, dx * scale, strict=True)), error


FALLING = (0.03, 0.85)
"""Traces over their floor between which their decay is read: below the injector's bend, above the floor's own."""
_TRACE = ("gain", "psi_power")
_IDEAL = {
    "gain": 0.03,
    "decay_full": 3.0,
    "decay_power": 1.0,
    "psi_power": 1.0,
    "residual": 0.0,
    "residual_half": 1.0,
}


def _measured(sweep: SweepData) -> np.ndarray:
    """y+ - y- at the frames' ends, shape (seeds, frames)."""
    return _trace(sweep["e_up"], TRACE_WIDTH) - _trace(sweep["e_down"], TRACE_WIDTH)


def _fit_traces(
    data: BlockData, free: Sequence[str], known: Mapping[str, float]
) -> tuple[dict[str, float], np.ndarray, float]:
    """Trace parameters named in ``free``; the others stay at the ideal recursion's or ``known``."""
    sweep = data["frames"]
    measured = _measured(sweep)
    ideal = {**_IDEAL, **known}
    scale = _IDEAL

    def model(x: np.ndarray) -> np.ndarray:
        p = ideal | {n: v * scale[n] for n, v in zip(free, x, strict=True)}
        return np.stack([eligibility(p, int(seed)) for seed in sweep["seed"]])

    start = [ideal[n] / scale[n] for n in free]
    x, dx = least_squares(lambda x: ((model(x) - measured) / measured.std()).ravel(), start, free, data.name)
    rms = float(np.sqrt(np.mean((model(x) - measured) ** 2)) / measured.std())
    return ideal | {n: v * scale[n] for n, v in zip(free, x, strict=True)}, dx * [scale[n] for n in free], rms


def fit_eligibility(data: BlockData) -> FittedModel:
    """Update law, trace recursion with its circuit's terms, drift, energy; of a coarse plan the update law alone."""
    moved, d_moved, update_error = _fit_update(data)
    if "frames" not in data.sweeps:
        return FittedModel(
            "twin_log_traces", moved, dict.fromkeys(moved, "1") | {"rate": "V/s"}, d_moved,
            {"update_max_of_full_scale": update_error}, {"y": (0.01, 5.0), "width": (-WIDEST, WIDEST)},
        )  # fmt: skip
    decay, d_decay, decay_error = _fit_decay(data)
    residual, d_residual, residual_error = _fit_residual(data)
    traces, d_traces, rms = _fit_traces(data, _TRACE, decay | residual)
    ideal, _, ideal_rms = _fit_traces(data, ("gain", "decay_full"), {})
    knobs, d_knobs, knob_errors = fit_update_knobs(data, moved, _of_one)
    rails, d_rails, rail_errors = fit_trace_knobs(data)
    hold = data["hold"]
    drift = hold["drift"] / WEIGHT_RANGE
    parameters = {
        **moved, **traces, **knobs, **rails, "ideal_gain": ideal["gain"], "ideal_decay": ideal["decay_full"],
        "v_trace": TRACE_WIDTH / moved["trace_power"], "full_update": float(update(moved, 1.0, 0.01, WIDEST)),
        "drift_common": float(np.abs(hold["drift_common"]).max() / WEIGHT_RANGE),
        "drift": float(np.abs(drift).max()), "floor": float(data["floor"]["y"][-1]),
        "energy_per_update": float(data["update"]["energy"].mean()),
    }  # fmt: skip
    units = {n: "1" for n in parameters} | update_knobs.UNITS | trace_knobs.UNITS | {
        "rate": "V/s", "v_trace": "V", "full_update": "V", "energy_per_update": "J",
    }  # fmt: skip
    errors = {
        "update_max_of_full_scale": update_error,
        "decay_max_relative": decay_error,
        "residual_max_of_full_scale": residual_error,
        "trace_rms": rms,
        "trace_rms_ideal_recursion": ideal_rms,
        **knob_errors,
        **rail_errors,
    }
    box = {"y": (0.01, 5.0), "width": (-WIDEST, WIDEST), "weight": (-0.09, 0.09)}
    ranges = {**update_knobs.KNOBS, **trace_knobs.KNOBS}
    box |= {name: (low, high) for name, (low, high, _) in ranges.items()}
    deviation = d_moved | d_knobs | d_rails | d_decay | d_residual | dict(zip(_TRACE, d_traces, strict=True))
    return FittedModel(
        "twin_log_traces", {k: float(v) for k, v in parameters.items()}, units, deviation, errors, box
    )


def _correlations(p: dict[str, float], sweep: SweepData, residual: bool) -> np.ndarray:
    measured = _measured(sweep)
    predicted = [eligibility(p, int(seed), residual) for seed in sweep["seed"]]
    return np.array([np.corrcoef(m, q)[0, 1] for m, q in zip(measured, predicted, strict=True)])


def score_eligibility(model: FittedModel, data: BlockData) -> list[Figure]:
    """Traces against the ideal recursion and the model, updates, zeros and drift on held-out stimuli."""
    p = model.parameters
    ideal = {
        **p,
        "gain": p["ideal_gain"],
        "decay_full": p["ideal_decay"],
        "decay_power": 1.0,
        "psi_power": 1.0,
        "residual": 0.0,
    }
    frames, check, hold = (data[n] for n in ("frames_check", "update_check", "hold_check"))
    measured = _measured(frames)
    predicted = np.stack([eligibility(p, int(seed)) for seed in frames["seed"]])
    rms = 100 * np.sqrt(np.mean((predicted - measured) ** 2)) / measured.std()
    grid = np.meshgrid(check["y_up"], check["y_down"], check["width"], check["weight"], indexing="ij")
    full = np.abs(check["dw"]).max()
    error = 100 * np.abs(update(p, *grid[:3]) - check["dw"]) / full
    return [
        Figure("eligibility against the ideal recursion, correlation, lowest of 3 runs",
               float(_correlations(ideal, frames, False).min()), "1", 0.98, 0.995, better="higher"),
        Figure("eligibility model: rms error of its spread", float(rms), "%", 10.0, 3.0),
        Figure("three-factor update: dw, max error of full range", float(error.max()), "%", 3.0, 1.0),
        Figure("three-factor update: what the order of a frame's windows adds and takes in turn, of full range",
               100 * order_share(check), "%", 1.0, 0.2),
        Figure("three-factor update: dw at zero signal, of full scale",
               float(100 * np.abs(data["silent_check"]["dw"]).max() / p["full_update"]), "%", 0.1, 0.02),
        Figure("three-factor update: dw at zero eligibility, of full scale",
               float(100 * np.abs(data["balanced_check"]["dw"][:2]).max() / p["full_update"]), "%", 0.1, 0.02),
        Figure("three-factor update: dw with both traces at 0.3, of full scale",
               float(100 * np.abs(data["balanced_check"]["dw"][2]).max() / p["full_update"]), "%"),
        Figure("fast weight: drift per frame, on its range",
               float(np.abs(hold["drift"]).max() / WEIGHT_RANGE), "1", 1e-6, 3e-7),
        Figure("fast weight: drift of one node per frame, before the pair cancels it, on its range",
               float(np.abs(hold["drift_common"]).max() / WEIGHT_RANGE), "1"),
        *knob_figures("three-factor update", data, p, _of_one),
        *trace_figures(data, p),
    ]  # fmt: skip
