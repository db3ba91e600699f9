"""Eligibility synapse: twin log-domain traces and the three-factor update of a differential weight.

Trace: y = exp((e - e_ref) / w); y <- y e^(-lambda t) between pulses, y <- y + r y / (y + y_r) + P m / (m + P / a) at a
pulse, P = G psi^p, m = y + y_0 + P / 2: an injector that leaves the exponential raises a trace, floor y_0 and all, by some
a times itself at most.  A psi line follows in the logarithm of its current.
Update: d(wp - wn) = r (T_raise - T_lower) (x+ - x-) / (1 + kappa (x+ + x-)), x = y^(q + s ln y): the pair's currents
bend away from the trace's exponential; twins that are not alike see their traces times exp(b / 2) and exp(-b / 2).
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
E_REF = update_knobs.GATE_KNOBS["eref"][2]
"""Trace voltage at y = 1, V."""
PSI_FULL = 208e-9
"""Line current of a full-scale psi, A: what a slope unit gives at a bias of 0.38 V."""
LEAK_FULL = 2.4e-6
"""Line current of a fully open forget gate, A."""
LEAST_LEAK = 2e-4 * LEAK_FULL
"""Line current of a forget gate that is cut off between frames, A."""
OPENED, SHUT = (20e-9, 70e-9), 100e-9
"""When a forget line is open in the bench of sweep ``cut``, and how long it is shut then, s."""
WIDEST = 16e-9
"""Width by which the learning pulses differ at a full-scale signal, s."""
WEIGHT_RANGE = 0.18
"""Between the ends of a differential weight, V."""
WEIGHT_MEAN = 0.6
"""V of both weight nodes at weight zero."""
PSI_RAIL = 0.265
"""Rail of the psi lines, V: a lower one takes more current for the same charge, and the line is so much faster."""
UNIT_LOAD = 0.5e-15
"""Capacitance of a slope unit's output at the input of a psi line, F: what a source of current in its place lacks."""
PSI_REST = 1e-3
"""Of the full current: what a closed psi line carries."""
SEGMENTS = 10
"""Values of psi in a frame of random activity."""
PULSE_MIDDLE = 1e-9
"""s from the beginning of a line's pulse to its middle."""
GRID = 1e-9
"""s between the points at which the lines are followed."""
TRACE_WIDTH = 30.2e-3
"""V per e-fold of the traces' own scale; the update reads it with a power close to one."""
LINES = (
    f"vpr psirail 0 {PSI_RAIL}\nvbp vbp 0 0.54\nvbn vbn 0 0.26\n"
    f"xlp psip vpp psirail vdd vbp vbn gate_line\ncjp psip 0 {UNIT_LOAD:g}\nclp vpp 0 50f\n"
    f"xln psin vpn psirail vdd vbp vbn gate_line\ncjn psin 0 {UNIT_LOAD:g}\ncln vpn 0 50f\n"
    "xlf forget vf vs vdd vbp vbn gate_line\nclf vf 0 100f"
)
"""Cards of a synapse's two psi lines and its forget line, with half the capacitance that gates and wire have besides
it, and what drives them."""


def random_activity(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pulse times (s), signed psi of full scale [frames, segments] and forget current of full scale [frames].

    As a network has them: pulses do not come within 5 ns of each other; a quarter of the frames has psi = 0, the others
    are spread evenly in the logarithm from 0.03 to 0.6 and wander within a frame by a factor of four.  Forget currents
    are spread over a factor of 500.
    """
    rng = np.random.default_rng(seed)
    times: list[float] = []
    for frame in range(FRAMES):
        last = -np.inf
        for t in np.sort(rng.uniform(3e-9, 95e-9, rng.integers(0, 9))):
            if t - last > 5e-9:
                times.append(frame * FRAME + t)
                last = t
    level = np.exp(rng.uniform(np.log(0.03), np.log(0.6), FRAMES)) * rng.choice((-1, 1), FRAMES)
    level *= rng.random(FRAMES) > 0.25
    psi = level[:, None] * np.exp(rng.uniform(-1.0, 0.5, (FRAMES, SEGMENTS)))
    forget = np.exp(rng.uniform(np.log(1 / 500), 0.0, FRAMES))
    return np.array(times), psi, forget


def course(psi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Times (s) and psi of the corners between which it moves straight, from [frames, segments] values."""
    frames, segments = psi.shape
    times = FRAME * (np.arange(frames)[:, None] + (np.arange(segments) + 0.5) / segments)
    return times.ravel(), psi.ravel()


def taken(charge: np.ndarray, trace: np.ndarray, reach: float) -> np.ndarray:
    """What a trace takes of a pulse's ``charge``; ``trace`` counts from zero, its floor with it."""
    middle = trace + 0.5 * charge
    return charge * middle / (middle + charge / reach)


def recursion(
    times: np.ndarray,
    charge: np.ndarray,
    decay: np.ndarray,
    *,
    reach: float = np.inf,
    floor: float = 0.0,
    residual: float = 0.0,
    half: float = 1.0,
) -> np.ndarray:
    """One trace at the frames' ends, over its floor.

    Parameters
    ----------
    times, charge : ndarray
        Pulses, s, and what each adds to a large trace (not negative).
    decay : ndarray, shape (frames,)
        -ln f of each frame.
    reach, floor : float
        See the module; a limit that is not there is infinite.
    residual, half : float
        r, y_r: what a pulse adds of itself, whatever psi is, to a large trace, and the trace that gets half of it.
    """
    y, ends = 0.0, np.empty(len(decay))
    for frame, rate in enumerate(decay):
        now = 0.0
        here = (times >= frame * FRAME) & (times < (frame + 1) * FRAME)
        for t, pulse in zip(times[here] / FRAME - frame, charge[here], strict=True):
            y *= np.exp(-rate * (t - now))
            y += residual * y / (y + half) + taken(pulse, y + floor + TINY, reach)
            now = t
        y *= np.exp(-rate * (1 - now))
        ends[frame] = y
    return ends


def followed(times: np.ndarray, psi: np.ndarray, at: np.ndarray, lag: float) -> np.ndarray:
    """A psi line that follows ``psi`` at ``times``, in parts of its full current, at the times ``at``.

    In the logarithm of its current, ``lag d(ln I)/dt = psi - I``; it begins closed, with :data:`PSI_REST`.
    """
    grid = np.arange(0.0, FRAMES * FRAME, GRID)
    target = np.maximum(np.interp(grid + 0.5 * GRID, times, psi), PSI_REST)
    if lag <= 0:
        return np.interp(at, grid + 0.5 * GRID, target)
    line = [PSI_REST]
    for goal, left in zip(target, np.exp(-target * GRID / lag), strict=True):
        line.append(goal * line[-1] / (line[-1] + (goal - line[-1]) * left))
    return np.interp(at, grid + GRID, line[1:])


def eligibility(p: Mapping[str, float], seed: int) -> np.ndarray:
    """y+ - y- of the model after each frame of a random activity; the floors cancel."""
    times, psi, forget = random_activity(seed)
    decay = p["decay_full"] * forget ** p["decay_power"]
    corners, values = course(psi)

    def side(sign: int) -> np.ndarray:
        line = followed(corners, sign * values, times + PULSE_MIDDLE, p["psi_lag"])
        charge = p["gain"] * line ** p["psi_power"]
        own = {"residual": p["residual"], "half": p["residual_half"]}
        return recursion(times, charge, decay, reach=p["reach"], floor=p["floor"], **own)

    return side(1) - side(-1)


def _of_one(p: Mapping[str, float], y: np.ndarray) -> np.ndarray:
    """Weight change of one trace over the other's floor, as the knob sweeps move it."""
    return update(dict(p), y, 0.01, WIDTH)


def _trace(voltage: np.ndarray, width: float) -> np.ndarray:
    return np.exp((voltage - E_REF) / width)


def update(p: dict[str, float], y_up: Any, y_down: Any, width: Any) -> np.ndarray:
    """Change of wp - wn, V, for traces and a difference of pulse widths (s); arrays broadcast."""
    up, down = (
        np.exp((p["trace_power"] + p["trace_bend"] * log) * log + 0.5 * sign * p["twin"])
        for log, sign in ((np.log(y_up), 1), (np.log(y_down), -1))
    )
    share = (up - down) / (1 + p["compression"] * (up + down))
    return p["rate"] * np.asarray(width, float) * share


_UPDATE = ("rate", "trace_power", "compression", "twin", "trace_bend")
_UPDATE_SCALE = np.array([2e5, 1.0, 1.0, 1.0, 0.03])
LEAST_SHARE = 0.01
"""Of the largest weight change: smaller ones count by this, larger ones by themselves, as a network uses both."""
SMALL = 0.1
"""Traces up to here are most of those that a network learns from."""
LEAST_BEND = -0.027
"""As far as the rational form of the network's step follows the power of a trace."""


def _fit_update(data: BlockData) -> tuple[dict[str, float], dict[str, float], float]:
    sweep = data["update"]
    grid = np.meshgrid(sweep["y_up"], sweep["y_down"], sweep["width"], indexing="ij")
    full = np.abs(sweep["dw"]).max()
    size = LEAST_SHARE * full + (1 - LEAST_SHARE) * np.abs(sweep["dw"])

    def law(x: np.ndarray) -> dict[str, float]:
        return dict(zip(_UPDATE, x * _UPDATE_SCALE, strict=True))

    x, dx = least_squares(
        lambda x: ((update(law(x), *grid) - sweep["dw"]) / size).ravel(), [1, 1, 1, 0, 0], _UPDATE, data.name,
        bounds=([0.0, 0.0, 0.0, -np.inf, LEAST_BEND / _UPDATE_SCALE[-1]], [np.inf] * 4 + [1e-6]),
    )  # fmt: skip
    values, wide = law(x), dict(zip(_UPDATE, dx * _UPDATE_SCALE, strict=True))
    return values, wide, float(np.abs(update(values, *grid) - sweep["dw"]).max() / full)


def order(p: Mapping[str, float], y_up: Any, y_down: Any, width: Any) -> np.ndarray:
    """What a frame whose positive pulse comes first adds to the mean change of both orders, V; the other frames take it.

    The first pulse finds emptier nodes after its longer rest.
    """
    up, down = (np.asarray(y) / (np.asarray(y) + p["order_half"]) for y in (y_up, y_down))
    return p["order_size"] * (down - up) / (1 + np.asarray(width, float) / p["order_width"])


_ORDER = {"order_size": 3e-6, "order_half": 0.15, "order_width": 36e-9}


def _fit_order(data: BlockData) -> tuple[dict[str, float], dict[str, float], float]:
    """Law of the order; the error is the largest of the largest weight change."""
    sweep = data["update"]
    grid = np.meshgrid(sweep["y_up"], sweep["y_down"], sweep["width"], indexing="ij")
    scale = np.array(list(_ORDER.values()))

    def errors(x: np.ndarray) -> np.ndarray:
        law = dict(zip(_ORDER, x * scale, strict=True))
        return (order(law, *grid) - sweep["order"]).ravel() / np.abs(sweep["order"]).max()

    bounds = ([0.0, 0.0, 0.6], np.inf)  # pulses that differ by the widest width do not turn it
    x, dx = least_squares(errors, [1.0, 1.0, 1.0], tuple(_ORDER), data.name, bounds=bounds)
    values, wide = (dict(zip(_ORDER, v * scale, strict=True)) for v in (x, dx))
    worst = np.abs(errors(x)).max() * np.abs(sweep["order"]).max() / np.abs(sweep["dw"]).max()
    return {k: float(v) for k, v in values.items()}, {k: float(v) for k, v in wide.items()}, float(worst)


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


def late(lag: float, current: Any) -> tuple[np.ndarray, np.ndarray]:
    """Leak that a forget line loses while it opens and gains while it closes, s at the rate of an open line.

    A line in the logarithm of its current, ``lag d(ln I)/dt = I' - I``, currents in parts of the full one.

    Parameters
    ----------
    lag : s
    current : of the open line, A
    """
    share, rest = np.asarray(current, float) / LEAK_FULL, LEAST_LEAK / LEAK_FULL
    shut = rest / (1 - (1 - rest / share) * np.exp(-rest * SHUT / lag))
    return lag * np.log(share / rest) / share, (lag * np.log(share / shut) + rest * SHUT) / share


def _late_errors(lag: float, sweep: SweepData) -> np.ndarray:
    """Of the leak that comes late, in e-folds of a trace over those of a frame at that rate."""
    opening, closing = late(lag, sweep["i_forget"])
    return np.stack([opening - sweep["opening"], closing - sweep["closing"]]) / FRAME


def _fit_lag(data: BlockData) -> tuple[dict[str, float], dict[str, float], float]:
    """Time constant of the forget line; the error is the largest, in parts of a frame's leak."""
    sweep = data["cut"]
    x, dx = least_squares(
        lambda x: (_late_errors(float(x[0]) * 0.1e-9, sweep) * sweep["i_forget"] / LEAK_FULL).ravel() / 0.01,
        [1.0], ("leak_lag",), data.name,
    )  # fmt: skip
    lag = float(x[0]) * 0.1e-9
    return (
        {"leak_lag": lag},
        {"leak_lag": float(dx[0]) * 0.1e-9},
        float(np.abs(_late_errors(lag, sweep)).max()),
    )


FALLING = (0.03, 0.85)
"""Traces over their floor between which their decay is read: below the injector's bend, above the floor's own."""
LEAST_STEP = 0.02
"""Of the largest step of a lone pulse: smaller ones count by this, larger ones by themselves."""
TINY = 1e-9
"""Trace that keeps the law of a pulse defined where nothing is left of one."""
_TRACE = ("gain", "psi_power", "reach", "psi_lag", "residual", "residual_half", "residual_common")
_IDEAL = {
    "gain": 0.03, "decay_full": 3.0, "decay_power": 1.0, "psi_power": 1.0, "residual": 0.0, "residual_half": 1.0,
    "residual_common": 0.0, "reach": np.inf, "psi_lag": 0.0, "floor": 0.0,
}  # fmt: skip
_SCALE = {
    "gain": 0.03, "decay_full": 3.0, "psi_power": 1.0, "reach": 2.0, "psi_lag": 0.1e-9,
    "residual": 1e-3, "residual_half": 0.2, "residual_common": 1e-4,
}  # fmt: skip


def _measured(sweep: SweepData) -> np.ndarray:
    """y+ - y- at the frames' ends, shape (seeds, frames)."""
    return _trace(sweep["e_up"], TRACE_WIDTH) - _trace(sweep["e_down"], TRACE_WIDTH)


def _step(p: Mapping[str, float], psi: np.ndarray, y: np.ndarray) -> np.ndarray:
    """What one pulse of a settled line adds to a trace ``y``, its floor with it."""
    own = p["residual_common"] + p["residual"] * y / (y + p["residual_half"])
    return own + taken(p["gain"] * psi ** p["psi_power"], y, p["reach"])


def _lone(p: Mapping[str, float], sweep: SweepData) -> np.ndarray:
    """Errors of single pulses' steps, shape (psi, y)."""
    psi, y = np.meshgrid(sweep["psi"], sweep["y"], indexing="ij")
    return _step(p, psi, y) - sweep["step"]


def _fit_traces(
    data: BlockData, free: Sequence[str], known: Mapping[str, float], lone: bool
) -> tuple[dict[str, float], np.ndarray, float]:
    """Trace parameters named in ``free``; the others stay at the ideal recursion's or ``known``.

    From random frames, and with ``lone`` from single pulses, which tell a small gain from a near limit.
    """
    sweep = data["frames"]
    measured = _measured(sweep)
    ideal = {**_IDEAL, **known}
    scale = np.array([_SCALE[n] for n in free])

    def model(p: Mapping[str, float]) -> np.ndarray:
        return np.stack([eligibility(p, int(seed)) for seed in sweep["seed"]])

    def residuals(x: np.ndarray) -> np.ndarray:
        p = ideal | dict(zip(free, x * scale, strict=True))
        frames = ((model(p) - measured) / measured.std()).ravel()
        if not lone:
            return frames
        step = data["inject"]["step"]
        size = LEAST_STEP * step.max() + (1 - LEAST_STEP) * step
        return np.concatenate([frames, (_lone(p, data["inject"]) / size).ravel()])

    x, dx = least_squares(residuals, [1.0] * len(free), free, data.name)
    p = ideal | {n: float(v) for n, v in zip(free, x * scale, strict=True)}
    return p, dx * scale, float(np.sqrt(np.mean((model(p) - measured) ** 2)) / measured.std())


_UNITS = update_knobs.UNITS | trace_knobs.UNITS | {
    "rate": "V/s", "v_trace": "V", "full_update": "V", "energy_per_update": "J", "psi_lag": "s", "leak_lag": "s",
    "order_size": "V", "order_width": "s",
}  # fmt: skip


def fit_eligibility(data: BlockData) -> FittedModel:
    """Update law, trace recursion with its circuit's terms, drift, energy; of a plan without frames the update alone."""
    moved, d_moved, update_error = _fit_update(data)
    knobs, d_knobs, knob_errors = fit_update_knobs(data, moved, _of_one)
    if "frames" not in data.sweeps:
        turn, d_turn, _ = _fit_order(data) if knobs else ({}, {}, 0.0)
        known = moved | knobs | turn
        return FittedModel(
            "twin_log_traces", known, {name: _UNITS.get(name, "1") for name in known}, d_moved | d_knobs | d_turn,
            {"update_max_of_full_scale": update_error, **knob_errors}, {"y": (0.01, 5.0), "width": (-WIDEST, WIDEST)},
        )  # fmt: skip
    decay, d_decay, decay_error = _fit_decay(data)
    lag, d_lag, lag_error = _fit_lag(data)
    turn, d_turn, turn_error = _fit_order(data)
    floor = {"floor": float(data["floor"]["y"][-1])}
    traces, d_traces, rms = _fit_traces(data, _TRACE, decay | floor, lone=True)
    ideal, _, ideal_rms = _fit_traces(data, ("gain", "decay_full"), {}, lone=False)
    rails, d_rails, rail_errors = fit_trace_knobs(data)
    hold = data["hold"]
    drift = hold["drift"] / WEIGHT_RANGE
    parameters = {
        **moved, **traces, **knobs, **rails, **lag, **turn, "ideal_gain": ideal["gain"], "ideal_decay": ideal["decay_full"],
        "v_trace": TRACE_WIDTH / moved["trace_power"], "full_update": float(update(moved, 1.0, 0.01, WIDEST)),
        "drift_common": float(np.abs(hold["drift_common"]).max() / WEIGHT_RANGE),
        "drift": float(np.abs(drift).max()),
        "energy_per_update": float(data["update"]["energy"].mean()),
    }  # fmt: skip
    units = {name: _UNITS.get(name, "1") for name in parameters}
    errors = {
        "update_max_of_full_scale": update_error,
        "decay_max_relative": decay_error,
        "late_max_of_a_frame": lag_error,
        "order_max_of_full_scale": turn_error,
        "trace_rms": rms,
        "step_max_relative": float(np.abs(_lone(traces, data["inject"]) / data["inject"]["step"]).max()),
        "trace_rms_ideal_recursion": ideal_rms,
        **knob_errors,
        **rail_errors,
    }
    box = {"y": (0.01, 5.0), "width": (-WIDEST, WIDEST), "weight": (-0.09, 0.09)}
    ranges = {**update_knobs.GATE_KNOBS, **trace_knobs.KNOBS}
    box |= {name: (low, high) for name, (low, high, _) in ranges.items()}
    deviation = (
        d_moved | d_knobs | d_rails | d_decay | d_lag | d_turn | dict(zip(_TRACE, d_traces, strict=True))
    )
    return FittedModel(
        "twin_log_traces", {k: float(v) for k, v in parameters.items()}, units, deviation, errors, box
    )


def _correlations(p: Mapping[str, float], sweep: SweepData) -> np.ndarray:
    measured = _measured(sweep)
    predicted = [eligibility(p, int(seed)) for seed in sweep["seed"]]
    return np.array([np.corrcoef(m, q)[0, 1] for m, q in zip(measured, predicted, strict=True)])


def _rms(p: Mapping[str, float], sweep: SweepData) -> float:
    """Error of y+ - y- at the frames' ends, % of its spread."""
    measured = _measured(sweep)
    predicted = np.stack([eligibility(p, int(seed)) for seed in sweep["seed"]])
    return float(100 * np.sqrt(np.mean((predicted - measured) ** 2)) / measured.std())


def score_eligibility(model: FittedModel, data: BlockData) -> list[Figure]:
    """Traces against the ideal recursion and the model, updates, zeros and drift on held-out stimuli."""
    p = model.parameters
    ideal = _IDEAL | {"gain": p["ideal_gain"], "decay_full": p["ideal_decay"]}
    frames, hold, steps = (data[n] for n in ("frames_check", "hold_check", "inject_check"))
    return [
        Figure("eligibility against the ideal recursion, correlation, lowest of 3 runs",
               float(_correlations(ideal, frames).min()), "1", 0.98, 0.995, better="higher"),
        Figure("eligibility model: rms error of its spread", _rms(p, frames), "%", 10.0, 3.0),
        Figure("baseline, psi lines that follow at once: rms error of its spread", _rms(p | {"psi_lag": 0.0}, frames), "%"),
        Figure("eligibility: step of a lone pulse from the floor to full scale, max error of the largest",
               float(100 * np.abs(_lone(p, steps)).max() / steps["step"].max()), "%", 5.0, 2.0),
        Figure("eligibility: step of a lone pulse from the floor to full scale, max relative error",
               float(100 * np.abs(_lone(p, steps) / steps["step"]).max()), "%", 5.0, 2.0),
        Figure("baseline, a pulse that adds the same to any trace: step of a lone pulse, max error of the largest",
               float(100 * np.abs(_lone(p | {"reach": np.inf}, steps)).max() / steps["step"].max()), "%"),
        Figure("eligibility: leak lost and gained while a line opens and closes, max error of a frame's",
               float(100 * np.abs(_late_errors(p["leak_lag"], data["cut_check"])).max()), "%", 5.0, 2.0),
        Figure("baseline, a line that follows at once: leak lost and gained, max error of a frame's",
               float(100 * np.abs(_late_errors(TINY * 1e-9, data["cut_check"])).max()), "%"),
        *score_update(model, data),
        Figure("fast weight: drift per frame, on its range",
               float(np.abs(hold["drift"]).max() / WEIGHT_RANGE), "1", 1e-6, 3e-7),
        Figure("fast weight: drift of one node per frame, before the pair cancels it, on its range",
               float(np.abs(hold["drift_common"]).max() / WEIGHT_RANGE), "1"),
        *trace_figures(data, p),
    ]  # fmt: skip


def score_update(model: FittedModel, data: BlockData) -> list[Figure]:
    """Updates and their zeros on held-out stimuli and settings."""
    p, check = model.parameters, data["update_check"]
    grid = np.meshgrid(check["y_up"], check["y_down"], check["width"], check["weight"], indexing="ij")
    full, scale = np.abs(check["dw"]).max(), float(update(p, 1.0, 0.01, WIDEST))
    error = 100 * np.abs(update(p, *grid[:3]) - check["dw"]) / full
    small = np.broadcast_to((grid[0] <= SMALL) & (grid[1] <= SMALL), check["dw"].shape)
    moved = np.abs(check["dw"][small])
    relative = 100 * np.abs(update(p, *grid[:3]) - check["dw"])[small] / moved
    return [
        Figure("three-factor update: dw, max error of full range", float(error.max()), "%", 3.0, 1.0),
        Figure(f"three-factor update: dw of traces up to {SMALL:g}, max relative error", float(relative.max()), "%",
               5.0, 2.0),
        Figure("three-factor update: what the order of a frame's windows adds and takes in turn, of full range",
               100 * order_share(check), "%", 1.0, 0.2),
        Figure("three-factor update: law of that order, max error of full range",
               float(100 * np.abs(order(p, *grid[:3]) - check["order"]).max() / full), "%", 0.1, 0.02),
        Figure("three-factor update: dw at zero signal, of full scale",
               float(100 * np.abs(data["silent_check"]["dw"]).max() / scale), "%", 0.1, 0.02),
        Figure("three-factor update: dw at zero eligibility, of full scale",
               float(100 * np.abs(data["balanced_check"]["dw"][:2]).max() / scale), "%", 0.1, 0.02),
        Figure("three-factor update: dw with both traces at 0.3, of full scale",
               float(100 * np.abs(data["balanced_check"]["dw"][2]).max() / scale), "%"),
        *knob_figures("three-factor update", data, p, _of_one),
    ]  # fmt: skip
