"""Diehl's rule as the circuit does it: tanh of the trace difference, soft bound by direction.

    dw = W tanh((x - x_tar - shift) / W) R(w) + lift R_down(w)    per post spike
    R(w) = A (r(w) / w_stop)^mu,  r(w) = s ln(1 + exp((w_stop - w) / s))

with A and w_stop of their own for potentiation and depression, and mu 1.5 and 0.5: fitted powers (1.48 and 0.54) trade with
amplitudes and stops on coarser plans; w is measured from the lower rail of the weight range. Shift and lift all but cancel
where the sign changes; what the lift says is that potentiation sets in earlier than its own room tells. Post spikes come in
bursts, as of a neuron that fires: a spike pulls the trace down a little, and what it leaves in the amplifier's tail goes on
after it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuromorph.figures import Figure
from neuromorph.fitting.least_squares import least_squares
from neuromorph.library import BlockData, FittedModel, SweepData

SUPPLY = 0.8
LOW_RAIL = 0.15
"""Weight node at w = 0, V."""
MU = {"up": 1.5, "down": 0.5}
"""Powers of the room that a weight has, by direction."""
POSTS, POST_INTERVAL = 12, 6e-9
"""Post spikes of a burst and the time from one to the next, s: about as a neuron that wins a frame fires.  The first of a
burst moves a weight by a tenth more than those that follow; the time between them does not count."""
POST_WIDTH = 1.35e-9
"""Flat top of a post pulse, s: with its edges 1.45 ns, that of an update shaper.  A neuron's own spike narrows by a quarter
at high rates, and an update with it."""
UPDATE_SECONDS = 150e-9
"""Length of a run that measures a burst's updates, s: with the wait that follows a frame."""
PRE_START = 10e-9
PAIR_POST = 120e-9


def burst(start: float) -> np.ndarray:
    """Times of the post spikes of a burst, s, shape (POSTS,)."""
    return start + POST_INTERVAL * np.arange(POSTS)


def change(p: dict[str, float], v_w: np.ndarray, difference: Any) -> np.ndarray:
    """Weight change of one post spike, V, at weight node ``v_w`` and trace minus target, V."""
    push = p["v_width"] * np.tanh((difference - p["v_shift"]) / p["v_width"])
    w = v_w - LOW_RAIL

    def room(way: str) -> np.ndarray:
        stop = p[f"v_stop_{way}"]
        room = p["v_soft"] * np.logaddexp(0, (stop - w) / p["v_soft"]) / stop
        return p[f"dw_{way}"] * room ** MU[way]

    down = room("down")
    return push * np.where(push > 0, room("up"), down) + p["v_lift"] * down


def burst_change(p: dict[str, float], v_w: np.ndarray, difference: Any) -> np.ndarray:
    """Weight change a spike of a burst, V, that begins at weight node ``v_w``: every spike finds what the last one left."""
    w = v_w
    for _ in range(POSTS):
        w = w + change(p, w, difference)
    return (w - v_w) / POSTS


def stays(v_w: np.ndarray, dw: np.ndarray) -> np.ndarray:
    """Where a burst leaves the weight within its range; below w = 0, where a weight ends, the law is not for it."""
    return np.isfinite(dw) & (v_w + POSTS * dw >= LOW_RAIL)


def fit_stdp(data: BlockData) -> FittedModel:
    """Update surface and trace at the default knobs."""
    sweep = data["update"]
    target = float(data.attributes["default_vxtar"])
    difference = (sweep["v_x"] - target)[None, :]
    dw, v_w = sweep["dw"], sweep["v_w"][:, None]
    full, inside = np.nanmax(np.abs(dw)), stays(v_w, dw)
    names = (
        "dw_up",
        "dw_down",
        "v_stop_up",
        "v_stop_down",
        "v_width",
        "v_shift",
        "v_soft",
        "v_lift",
    )

    def unpack(x: np.ndarray) -> dict[str, float]:
        return dict(
            zip(
                names,
                (*x[:2], *(x[2:4] / 3), x[4] / 15, x[5] / 200, abs(x[6]) / 30, x[7] / 200),
                strict=True,
            )
        )

    def residuals(x: np.ndarray) -> np.ndarray:
        return ((burst_change(unpack(x), v_w, difference) - dw) / full)[inside]

    x, dx = least_squares(residuals, [0.2, 0.2, 1, 1, 1, 0, 1, 0], names, data.name)
    p = unpack(x)
    deviation = dict(zip(names, dx * (1, 1, 1 / 3, 1 / 3, 1 / 15, 1 / 200, 1 / 30, 1 / 200), strict=True))
    trace, d_trace = _fit_trace(data)
    p.update(trace)
    deviation.update(d_trace)
    power = SUPPLY * sweep["static_current"]
    p["trace_static_power"] = float(np.nanmean(power))
    p["energy_per_trace_spike"] = _energy_per_trace_spike(data["trace"])
    p["energy_per_update"] = float(np.nanmean(sweep["energy"] - power * UPDATE_SECONDS)) / POSTS
    units = {k: "V" if k.startswith("v_") else "1" for k in p}
    units.update(
        tau_trace="s",
        v_trace_step="V",
        v_trace_width="V",
        v_trace_rest="V",
        energy_per_update="J",
        energy_per_trace_spike="J",
        trace_static_power="W",
        dw_up="V/V",
        dw_down="V/V",
    )
    errors = {"update_max_of_full_scale": float(np.abs(residuals(x)).max())}
    box = {
        "v_w": (float(sweep["v_w"].min()), float(sweep["v_w"].max())),
        "v_x": (float(sweep["v_x"].min()), float(sweep["v_x"].max())),
    }
    return FittedModel("diehl_soft_bound", {k: float(v) for k, v in p.items()}, units, deviation, errors, box)


def _energy_per_trace_spike(sweep: SweepData) -> float:
    """J; of a long train, what fits into the run counts."""
    room = np.ceil((sweep["time"][-1] - PRE_START) / sweep["interval"])
    return float(np.nanmean(sweep["energy"] / np.minimum(sweep["spikes"], room[:, None])))


def trace(spikes: np.ndarray, at: np.ndarray, p: dict[str, float]) -> np.ndarray:
    """Trace above its rest, V: a step per spike and a tanh-saturating decay, exact between spikes."""
    x, now = 0.0, 0.0
    out = np.zeros(len(at))
    events = sorted([(t, 1, -1) for t in spikes] + [(t, 0, k) for k, t in enumerate(at)])
    for time, is_spike, index in events:
        # dx/dt = -(W/tau) tanh(x/W)  =>  sinh(x/W) decays exponentially
        width = p["v_trace_width"]
        x = width * np.arcsinh(np.sinh(x / width) * np.exp(-(time - now) / p["tau_trace"]))
        now = time
        if is_spike:
            x += p["v_trace_step"]
        else:
            out[index] = x
    return out


def _fit_trace(data: BlockData) -> tuple[dict[str, float], dict[str, float]]:
    """The trace above where its own amplifier holds it, ``v_trace_rest`` from the knob.

    The update's bench begins with the trace at the knob's voltage, from where it goes to its rest during the burst: of that
    offset, ``v_shift`` has a part.
    """
    sweep = data["trace"]
    rest = float(data.attributes["default_vxrest"])
    names, scale = ("tau_trace", "v_trace_step", "v_trace_width", "v_trace_rest"), (4e-8, 0.025, 0.065, 1e-3)
    stride = slice(0, None, 8)

    def unpack(x: np.ndarray) -> dict[str, float]:
        return dict(zip(names, np.append(np.abs(x[:3]), x[3]) * scale, strict=True))

    def residuals(x: np.ndarray) -> np.ndarray:
        p, errors = unpack(x), []
        for a, interval in enumerate(sweep["interval"]):
            for b, count in enumerate(sweep["spikes"]):
                spikes = PRE_START + 1.3e-9 + interval * np.arange(int(count))
                above = sweep["x"][a, b][stride] - rest - p["v_trace_rest"]
                errors.append((trace(spikes, sweep["time"][stride], p) - above) * 10)
        return np.concatenate(errors)

    x, dx = least_squares(residuals, [1, 1, 1, 0], names, data.name, diff_step=1e-4)
    return unpack(x), dict(zip(names, dx * scale, strict=True))


def score_stdp(model: FittedModel, data: BlockData) -> list[Figure]:
    """Held-out points of the update surface, and spike pairs through the whole block."""
    p = model.parameters
    target = float(data.attributes["default_vxtar"])
    rest = float(data.attributes["default_vxrest"])
    full = np.abs(data["update"]["dw"]).max()
    check = data["update_check"]
    v_w = check["v_w"][:, None]
    predicted = burst_change(p, v_w, (check["v_x"] - target)[None, :])
    surface = 100 * np.abs(predicted - check["dw"])[stays(v_w, check["dw"])] / full
    pairs = data["pairs_check"]
    errors = []
    for a, lag in enumerate(pairs["lag"]):
        for b, spacing in enumerate(pairs["pre_interval"]):
            spikes = PAIR_POST - lag - spacing * np.arange(3)[::-1] + 1.3e-9
            x = trace(spikes, burst(PAIR_POST) + 0.7e-9, p) + rest
            w = pairs["v_w"]
            for difference in x - target:  # spike by spike
                w = w + change(p, w, np.float64(difference))
            errors.append(np.abs((w - pairs["v_w"]) / POSTS - pairs["dw"][a, b]))
    constant = 100 * np.abs(check["dw"] - data["update"]["dw"].mean()).mean() / full
    return [
        Figure(
            "STDP: update surface, max error of full range",
            float(surface.max()),
            "%",
            3.0,
            1.0,
        ),
        Figure("STDP: update surface, mean error of full range", float(surface.mean()), "%"),
        Figure(
            "STDP: pre spikes and a burst of post spikes through the trace, max error of full range",
            float(100 * np.max(errors) / full),
            "%",
            3.0,
            1.0,
        ),
        Figure("STDP: baseline, constant, mean error of full range", float(constant), "%"),
    ]
