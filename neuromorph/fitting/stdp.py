"""Diehl's rule as the circuit does it: tanh of the trace difference, soft bound by direction.

    dw = W (z R(w) + (1 - z) / 2 R_down(w) exp(-v_w / fade)),  z = tanh((x - x_tar - shift) / W)    per post spike
    R(w) = A q (1 + s) / (1 + s q),  q = (r(w) / w_stop)^mu,  r(w) = soft ln(1 + exp((w_stop - w) / soft))

with A and w_stop of their own for potentiation and depression, and mu 2 and 1; w is measured from the lower end of
the weight range, and v_w from ground. A weight's two p devices pass a current with the square of their overdrive until
they leave saturation, which is s. The second term is what the mirror that pulls the node to ground no longer takes of
the depressing half of the amplifier's current: a weight that is depressed on and on comes to rest 10 to 30 mV above
ground. Post spikes come in bursts, as of a neuron that fires: a spike pulls the trace down a little, and what it leaves
in the amplifier's tail goes on after it.
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
MU = {"up": 2, "down": 1}
"""Powers of the room that a weight has, by direction: the whole ones that fit best."""
SOFT = 54e-3
"""Rounding of both stops, V: what a fit finds that is free to choose it, and then trades it with stops and saturation."""
LEAST_PULL = 0.1
"""Pull on a stop that ends below twice its rounding, in shares of the largest step: few points of an instance that is far
off are depressed, too few to tell it."""
POSTS, POST_INTERVAL = 12, 6e-9
"""Post spikes of a burst and the time from one to the next, s: about as a neuron that wins a frame fires.  The first of a
burst moves a weight by a tenth more than those that follow; the time between them does not count."""
POST_WIDTH = 1.35e-9
"""Flat top of a post pulse, s: with its edges 1.45 ns, that of an update shaper.  A neuron's own spike narrows by a quarter
at high rates, and an update with it."""
UPDATE_SECONDS = 150e-9
"""Length of a run that measures a burst's updates, s: with the wait that follows a frame."""
PRE_START = 10e-9
PRE_LAG, POST_LAG = 1.3e-9, 0.775e-9
"""From a spike to the step of its line's trace, and to the middle of the pulse by which it updates, s."""
PAIR_POST = 120e-9


def burst(start: float) -> np.ndarray:
    """Times of the post spikes of a burst, s, shape (POSTS,)."""
    return start + POST_INTERVAL * np.arange(POSTS)


def change(p: dict[str, float], v_w: np.ndarray, difference: Any) -> np.ndarray:
    """Weight change of one post spike, V, at weight node ``v_w`` and trace minus target, V."""
    z = np.tanh((difference - p["v_shift"]) / p["v_width"])
    w = v_w - LOW_RAIL

    def room(way: str) -> np.ndarray:
        stop = p[f"v_stop_{way}"]
        q = (SOFT * np.logaddexp(0, (stop - w) / SOFT) / stop) ** MU[way]
        return p[f"dw_{way}"] * q * (1 + p["saturation"]) / (1 + p["saturation"] * q)

    down = room("down")
    lost = (1 - z) / 2 * down * np.exp(-v_w / p["v_fade"])
    return p["v_width"] * (z * np.where(z > 0, room("up"), down) + lost)


def burst_change(p: dict[str, float], v_w: np.ndarray, difference: Any) -> np.ndarray:
    """Weight change a spike of a burst, V, that begins at weight node ``v_w``: every spike finds what the last one left."""
    w = v_w
    for _ in range(POSTS):
        w = w + change(p, w, difference)
    return (w - v_w) / POSTS


def within_range(sweep: SweepData) -> np.ndarray:
    """Rows of an update surface whose bursts begin at 0 <= w."""
    return sweep["v_w"] > LOW_RAIL - 1e-6


def full_scale(sweep: SweepData) -> float:
    """Largest weight change a spike of a burst that begins within the weight range, V."""
    return float(np.nanmax(np.abs(sweep["dw"][within_range(sweep)])))


def fit_stdp(data: BlockData) -> FittedModel:
    """Update surface and trace at the default knobs."""
    sweep = data["update"]
    target = float(data.attributes["default_vxtar"])
    difference = (sweep["v_x"] - target)[None, :]
    dw, v_w = sweep["dw"], sweep["v_w"][:, None]
    full, measured = full_scale(sweep), np.isfinite(dw)
    names = (
        "dw_up",
        "dw_down",
        "v_stop_up",
        "v_stop_down",
        "v_width",
        "v_shift",
        "saturation",
        "v_fade",
    )
    scale = np.array([1, 1, 1 / 3, 1 / 3, 1 / 15, 1 / 200, 1, 1 / 20])
    signed = names.index("v_shift")

    def unpack(x: np.ndarray) -> dict[str, float]:
        return dict(zip(names, np.where(np.arange(len(x)) == signed, x, np.abs(x)) * scale, strict=True))

    def residuals(x: np.ndarray) -> np.ndarray:
        p = unpack(x)
        low = [LEAST_PULL * max(2 - p[f"v_stop_{way}"] / SOFT, 0.0) for way in MU]
        return np.r_[((burst_change(p, v_w, difference) - dw) / full)[measured], low]

    start = [0.2, 0.2, 1, 0.6, 1.2, _turn(dw, difference[0]) / scale[signed], 1, 1]
    x, dx = least_squares(residuals, start, names, data.name)
    p = unpack(x)
    deviation = dict(zip(names, dx * scale, strict=True))
    trace, d_trace = _fit_trace(data)
    p.update(trace)
    deviation.update(d_trace)
    power = SUPPLY * sweep["static_current"]
    p["trace_static_power"] = float(np.nanmean(power))
    p["energy_per_trace_spike"] = _energy_per_trace_spike(data["trace"])
    p["energy_per_update"] = (
        float(np.nanmean((sweep["energy"] - power * UPDATE_SECONDS)[within_range(sweep)])) / POSTS
    )
    units = {k: "V" if k.startswith("v_") else "1" for k in p}
    units.update(
        tau_trace="s",
        overlap="s",
        v_trace_step="V",
        v_trace_width="V",
        v_trace_rest="V",
        energy_per_update="J",
        energy_per_trace_spike="J",
        trace_static_power="W",
        dw_up="V/V",
        dw_down="V/V",
    )
    errors = {"update_max_of_full_scale": float(np.abs(residuals(x))[: -len(MU)].max())}
    box = {
        "v_w": (float(sweep["v_w"].min()), float(sweep["v_w"].max())),
        "v_x": (float(sweep["v_x"].min()), float(sweep["v_x"].max())),
    }
    return FittedModel("diehl_soft_bound", {k: float(v) for k, v in p.items()}, units, deviation, errors, box)


def _turn(dw: np.ndarray, difference: np.ndarray) -> float:
    """Where updates turn from depression to potentiation, V, at the weight that has most room for both."""
    filled = np.nan_to_num(dw)
    row = dw[np.argmax(np.minimum(-filled.min(axis=1), filled.max(axis=1)))]
    known = np.isfinite(row)
    return float(np.interp(0.0, np.maximum.accumulate(row[known]), difference[known]))


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
                spikes = PRE_START + PRE_LAG + interval * np.arange(int(count))
                above = sweep["x"][a, b][stride] - rest - p["v_trace_rest"]
                errors.append((trace(spikes, sweep["time"][stride], p) - above) * 10)
        return np.concatenate(errors)

    x, dx = least_squares(residuals, [1, 1, 1, 0], names, data.name, diff_step=1e-4)
    p = unpack(x)
    return p | {"overlap": _overlap(sweep, p)}, dict(zip(names, dx * scale, strict=True))


def _overlap(sweep: SweepData, p: dict[str, float]) -> float:
    """Seconds' worth of a spike's step that update pulses miss which come while it rises, by a lone spike."""
    lone = sweep["x"][0, int(np.argmin(sweep["spikes"]))]
    x = (lone - lone[0]) / p["v_trace_step"]
    late, within = np.linspace(0, 2e-9, 81), (np.linspace(-0.5, 0.5, 51) * (POST_WIDTH + 0.1e-9))[:, None]
    seen = np.interp(PRE_START + POST_LAG + late + within, sweep["time"], x).mean(axis=0)
    return float(np.trapezoid(np.exp(-(late + POST_LAG - PRE_LAG) / p["tau_trace"]) - seen, late))


def score_stdp(model: FittedModel, data: BlockData) -> list[Figure]:
    """Held-out points of the update surface, and spike pairs through the whole block."""
    p = model.parameters
    target = float(data.attributes["default_vxtar"])
    rest = float(data.attributes["default_vxrest"])
    full = full_scale(data["update"])
    check = data["update_check"]
    v_w = check["v_w"][:, None]
    predicted = burst_change(p, v_w, (check["v_x"] - target)[None, :])
    surface = 100 * np.abs(predicted - check["dw"]) / full
    pairs = data["pairs_check"]
    errors = []
    for a, lag in enumerate(pairs["lag"]):
        for b, spacing in enumerate(pairs["pre_interval"]):
            spikes = PAIR_POST - lag - spacing * np.arange(3)[::-1] + PRE_LAG
            x = trace(spikes, burst(PAIR_POST) + POST_LAG, p) + rest
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
