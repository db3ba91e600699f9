"""The LSTM cell's charge, leak and read-out, fitted to DC surfaces; dynamics of its capacitor and its mirrors.

C dc/dt = I_i s(v_i) G(g, c) + I_f f (a U - D) - I_hold - g_hold c,   I(io) = I_o o A relu(B((c - co) / Wo, k_o o))

f = s(-v_f) and o = s(v_o) are gates; U and D, the parts of the leak's tail on either side of its pair, are
``(1 -+ B((c - c0) / W, k_f f)) / 2``; what is sourced leaves its mirror as ``a`` of itself.  B is the balance of a pair,
and f alone of the gates the side of one that its tail takes out of weak inversion (:mod:`neuromorph.fitting.pair`).

The product's two mirrors end at the rails: with the headroom law ``H(x) = x / sqrt(x^2 + v_h^2)`` of what is left
to either, ``G = tanh(g) (H_p + H_n) / 2 + (H_p - H_n) / 2``, ``H_p = H(V - c)``, ``H_n = H(V + c)``, V the rail's
distance of 0.4 V (the saturation of Khakifirooz, Nayfeh and Antoniadis, IEEE Trans. Electron Devices 56:1674, 2009,
with its exponent of 1.8 rounded to 2, which costs no power).

The mirrors of both amplifiers hold charge and follow late (:mod:`neuromorph.fitting.cell_mirrors`): what I_i and I_f
set are the inputs of their mirrors.  C is what a cell behind steady gates charges as.

Cut off between frames, the cell moves by ``C dc/dt = -(I_wait + G_wait c)``; joined again it falls by ``v_rejoin +
(s + n / cosh^2(c / W)) c``, since the amplifiers' node has waited at the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neuromorph.figures import Figure
from neuromorph.fitting.cell_knobs import KNOBS, at_knobs, fit_knobs
from neuromorph.fitting.cell_leak import (
    fit_leak,
    forget_gate,
    hold_current,
    leak_current,
    leak_shares,
    leaking,
)
from neuromorph.fitting.cell_mirrors import (
    CHARGES,
    fit_mirrors,
    leak_axes,
    leak_owed,
    moved,
    product_axes,
    product_owed,
    standing,
)
from neuromorph.fitting.gate import RAIL, amplifier, headroom, sigmoid
from neuromorph.fitting.least_squares import least_squares
from neuromorph.fitting.pair import balance, shares
from neuromorph.library import BlockData, FittedModel

CAPACITANCE = 50e-15
"""The cell's capacitor in the netlist; gates add to it (fitted)."""
FRAME = 100e-9
TICK = 2e-9
"""Time step of a cell whose gates move, s."""
OPEN = {"vi": 0.14, "vf": 0.35, "vo": 0.1}
"""Gate voltages of a cell that is charged behind steady gates, V."""
_Found = tuple[dict[str, float], dict[str, float], dict[str, float]]
"""Parameters, their deviations, and the fit's errors."""


def random_frames(seed: int, frames: int, far: bool = False) -> dict[str, np.ndarray]:
    """Gate and candidate voltages of random frames, V from the reference, each shape (frames,).

    ``far``: over the whole swing, the candidate of one sign for four frames, so that the cell reaches its rails.
    """
    rng = np.random.default_rng(seed)
    if far:
        sign = np.where((np.arange(frames) // 4 + seed) % 2, 1.0, -1.0)
        return {
            "vi": rng.uniform(-0.1, 0.35, frames), "vf": rng.uniform(-0.03, 0.35, frames),
            "vo": rng.uniform(-0.3, 0.35, frames), "vg": sign * rng.uniform(0.0, 0.4, frames),
        }  # fmt: skip
    return {
        "vi": rng.uniform(-0.12, 0.12, frames), "vf": rng.uniform(-0.06, 0.16, frames),
        "vo": rng.uniform(-0.1, 0.12, frames), "vg": rng.uniform(-0.1, 0.1, frames),
    }  # fmt: skip


def random_setting(seed: int) -> dict[str, float]:
    """Knobs drawn evenly from their ranges, V."""
    rng = np.random.default_rng(seed)
    return {name: float(rng.uniform(low, high)) for name, (low, high, _) in KNOBS.items()}


def _gated(x: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Gate in scaled parameters: offset in 10 mV, width in 33 mV, floor in 1e-3, never negative."""
    return sigmoid(v, 1.0, x[0] * 1e-2, x[1] * 33e-3, abs(x[2]) * 1e-3)


def _fit_charge(data: BlockData) -> tuple[np.ndarray, np.ndarray, float]:
    sweep = data["charge"]
    current = sweep["current"]
    full = np.abs(current).max()

    def residuals(x: np.ndarray) -> np.ndarray:
        tanh = amplifier(sweep["g"], x[3], x[4], x[5] * 1e-2, x[6] * 65e-3)
        return (np.multiply.outer(_gated(x, sweep["v_i"]), tanh) - current / full).ravel()

    names = ("i_offset", "i_width", "i_floor", "charge_up", "charge_down", "g_offset", "g_width")
    x, dx = least_squares(residuals, [0, 1, 0.1, 1, 1, 0, 1], names, data.name)
    return x, dx, float(full)


def _fit_rails(data: BlockData, p: Mapping[str, float]) -> tuple[float, float, float]:
    """v_headroom, its deviation and the largest error of full scale."""
    sweep = data["rails"]
    full = np.abs(sweep["current"]).max()

    def residuals(x: np.ndarray) -> np.ndarray:
        near = {**p, "v_headroom": x[0] * 40e-3}
        model = [charge_current(near, 0.2, g, sweep["c"]) for g in sweep["v_g"]]
        return ((np.stack(model) - sweep["current"]) / full).ravel()

    x, dx = least_squares(residuals, [1.0], ("v_headroom",), data.name)
    return float(x[0] * 40e-3), float(dx[0] * 40e-3), float(np.abs(residuals(x)).max())


def _fit_read(data: BlockData) -> tuple[np.ndarray, np.ndarray, float]:
    sweep = data["read"]
    current = sweep["current"]
    full = np.abs(current).max()

    def residuals(x: np.ndarray) -> np.ndarray:
        gate = _gated(x, sweep["v_o"])[:, None]
        read = x[3] * np.maximum(balance(sweep["c"] - x[4] * 1e-2, x[5] * 65e-3, x[6] * gate), 0)
        return (weight * (gate * read - current / full)).ravel()

    # a network's cells stand within 0.2 V
    weight = 1 / (1 + (sweep["c"] / 0.2) ** 4)
    names = ("o_offset", "o_width", "o_floor", "i_read", "v_read_offset", "v_read_width", "read_inversion")
    x, dx = least_squares(residuals, [0, 1, 0.1, 1, 0, 1, 0.3], names, data.name)
    return x, dx, float(full)


def _fit_rise(data: BlockData, p: Mapping[str, float]) -> tuple[float, float, float]:
    """Capacitance of a cell that is charged behind steady gates, its deviation, F, and the largest error, V."""
    sweep = data["rise"]
    start, times = sweep["c"][..., 0], sweep["time"]

    def residuals(x: np.ndarray) -> np.ndarray:
        filled, missed = {**p, "capacitance": x[0] * CAPACITANCE}, []
        for row, v_g in enumerate(sweep["v_g"]):
            c = start[row]
            for k in range(1, len(times)):
                gates = {"vi": OPEN["vi"], "vf": OPEN["vf"], "vg": float(v_g)}
                c = advance(filled, c, float(times[k] - times[k - 1]), 10, **gates)
                missed.append(c - sweep["c"][row, :, k])
        return np.concatenate(missed) / 1e-3

    x, dx = least_squares(residuals, [1.0], ("capacitance",), data.name, diff_step=1e-3)
    worst = float(1e-3 * np.abs(residuals(x)).max())
    return float(x[0] * CAPACITANCE), float(dx[0] * CAPACITANCE), worst


def waited(p: Mapping[str, float], c: Any, seconds: Any) -> np.ndarray:
    """By how much a cell at ``c`` V from the reference moves while it is cut off, V; small, so to first order."""
    return -np.asarray(seconds) * (p["i_wait"] + p["g_wait"] * np.asarray(c)) / p["capacitance"]


def _fit_wait(data: BlockData, p: Mapping[str, float]) -> _Found:
    """Current and conductance of a cell that is cut off, their deviations and the largest error, V."""
    sweep = data["wait"]
    c, seconds = sweep["c"][..., None], sweep["wait"]

    def law(x: np.ndarray) -> dict[str, float]:
        return {"i_wait": x[0] * 1e-12, "g_wait": x[1] * 1e-12}

    def residuals(x: np.ndarray) -> np.ndarray:
        return ((waited({**p, **law(x)}, c, seconds) - sweep["moved"]) / 1e-3).ravel()

    x, dx = least_squares(residuals, [1.0, 1.0], ("i_wait", "g_wait"), data.name)
    return law(x), law(dx), {"wait_max_volt": float(1e-3 * np.abs(residuals(x)).max())}


def rejoined(p: Mapping[str, float], c: Any) -> np.ndarray:
    """By how much a cell at ``c`` V from the reference moves when it is joined to open amplifiers again, V."""
    near = p["rejoin_near"] / np.cosh(np.asarray(c) / p["v_leak_width"]) ** 2
    return -(p["v_rejoin"] + (p["rejoin_share"] + near) * np.asarray(c))


def _fit_rejoin(data: BlockData, p: Mapping[str, float]) -> _Found:
    """Shares and offset of what the cell gives away, their deviations and the largest error, V."""
    sweep = data["rejoin"]

    def law(x: np.ndarray) -> dict[str, float]:
        return {"rejoin_share": x[0] * 1e-2, "v_rejoin": x[1] * 1e-4, "rejoin_near": x[2] * 1e-2}

    def residuals(x: np.ndarray) -> np.ndarray:
        return ((rejoined({**p, **law(x)}, sweep["c"]) - sweep["moved"]) / 1e-3).ravel()

    names = ("rejoin_share", "v_rejoin", "rejoin_near")
    x, dx = least_squares(residuals, [1.0, 1.0, 0.3], names, data.name)
    return law(x), law(dx), {"rejoin_max_volt": float(1e-3 * np.abs(residuals(x)).max())}


_LATER: Mapping[str, Callable[[BlockData, Mapping[str, float]], _Found]] = {
    "wait": _fit_wait,
    "lag_g": fit_mirrors,
    "rejoin": _fit_rejoin,
}
"""What is fitted where its sweep was measured, behind the currents and the capacitor."""


def fit_memory_cell(data: BlockData) -> FittedModel:
    """All parameters of the cell; those of moving gates and of rejoining where their sweeps were measured."""
    charge, d_charge, i_full = _fit_charge(data)
    leak, d_leak = fit_leak(data)
    read, d_read, o_full = _fit_read(data)
    p = {
        "i_charge": i_full * 0.5 * (charge[3] + charge[4]), "charge_up": i_full * charge[3],
        "charge_down": i_full * charge[4], "i_offset": charge[0] * 1e-2, "i_width": charge[1] * 33e-3,
        "i_floor": abs(charge[2]) * 1e-3, "g_offset": charge[5] * 1e-2, "g_width": charge[6] * 65e-3,
        **leak, "i_read": o_full * read[3], "o_offset": read[0] * 1e-2,
        "o_width": read[1] * 33e-3, "o_floor": abs(read[2]) * 1e-3, "v_read_offset": read[4] * 1e-2,
        "v_read_width": read[5] * 65e-3, "read_inversion": read[6], "read_gain": 1.0,
    }  # fmt: skip
    deviation = {
        "i_charge": i_full * d_charge[3], **d_leak, "i_read": o_full * d_read[3],
        "v_read_offset": d_read[4] * 1e-2, "v_read_width": d_read[5] * 65e-3,
        "read_inversion": d_read[6],
    }  # fmt: skip
    p["v_headroom"], deviation["v_headroom"], rails_error = _fit_rails(data, p)
    p["capacitance"], deviation["capacitance"], rise_error = _fit_rise(data, p)
    errors = {"rails_max_of_full_scale": rails_error, "rise_max_volt": rise_error}
    for sweep, fit in _LATER.items():
        if sweep in data.sweeps:
            values, d_values, error = fit(data, p)
            p, deviation, errors = p | values, deviation | d_values, errors | error
    if data.sweeps.keys() >= SURFACES.keys():
        laws, d_laws, errors["knobs_rms"] = fit_knobs(data, p, SURFACES)
        p |= laws
        deviation |= d_laws
    if "frames" in data.sweeps:
        p["energy_per_frame"] = float(np.mean(data["frames"]["energy"]))
        errors |= _over_frames(p, data)
    currents, ones = (
        ("i_charge", "charge", "i_leak", "i_hold", "i_read", "i_wait"),
        ("turn", "power", "widening", "inversion"),
    )
    units = {k: "1" if k.endswith(ones) else "A" if k.startswith(currents) else "V" for k in p}
    special = {
        "capacitance": "F",
        "g_wait": "S",
        "g_hold": "S",
        "rejoin_share": "1",
        "rejoin_near": "1",
        "leak_source": "1",
        "energy_per_frame": "J",
    } | dict.fromkeys(CHARGES, "C")
    special |= dict.fromkeys(("read_gain", "i_floor", "f_floor", "o_floor"), "1")
    units |= {name: unit for name, unit in special.items() if name in p}
    box = {"v": (-RAIL, RAIL), "c": (-RAIL, RAIL), **{name: KNOBS[name][:2] for name in KNOBS}}
    return FittedModel("gated_capacitor", {k: float(v) for k, v in p.items()}, units, deviation, errors, box)


def _over_frames(p: Mapping[str, float], data: BlockData) -> dict[str, float]:
    """Errors of the cell over random frames and far ones, V."""
    near, far = data["frames"], data["far"]
    count = near["c"].shape[-1]
    off = {
        "far_rms_volt": simulate_frames(p, far["seed"], count, far=True) - far["c"][0],
        "frames_rms_volt": simulate_frames(p, near["seed"], count) - near["c"],
    }
    return {name: float(np.sqrt(np.mean(error**2))) for name, error in off.items()}


def _gate(p: Mapping[str, float], letter: str, v: Any) -> np.ndarray:
    return sigmoid(v, 1.0, p[f"{letter}_offset"], p[f"{letter}_width"], p[f"{letter}_floor"])


def charge_current(p: Mapping[str, float], vi: Any, vg: Any, c: Any = 0.0) -> np.ndarray:
    """Into the cell through its first amplifier, A, over input gate (rows) and candidate or cell (columns), V."""
    tanh = amplifier(vg, p["charge_up"], p["charge_down"], p["g_offset"], p["g_width"])
    up, down = headroom(p["v_headroom"], c)
    whole = 0.5 * (p["charge_up"] + p["charge_down"])
    return np.multiply.outer(_gate(p, "i", vi), 0.5 * (tanh * (up + down) + whole * (up - down)))


def read_current(p: Mapping[str, float], vo: Any, c: Any) -> np.ndarray:
    """Rate current, A, over output gate (rows) and cell (columns), V."""
    gate = np.expand_dims(_gate(p, "o", vo), tuple(range(np.ndim(vo), np.ndim(vo) + np.ndim(c))))
    return p["i_read"] * gate * _rectified(p, gate, c)


def _rectified(p: Mapping[str, float], gate: Any, c: Any) -> Any:
    """Read-out over its tail at a gate of its full current."""
    return np.maximum(balance(c - p["v_read_offset"], p["v_read_width"], p["read_inversion"] * gate), 0)


SURFACES = {
    "bias_i": lambda p, v, g: charge_current(p, v, g) - p["i_hold"],
    "bias_f": leaking,
    "bias_o": read_current,
}
"""Currents measured while a bias is swept."""


def slope(p: Mapping[str, float], c: Any, vi: float, vf: float, vg: float) -> np.ndarray:
    """dc/dt, V/s, at gate voltages from the reference."""
    return (charge_current(p, vi, vg, c) - leak_current(p, vf, c) - hold_current(p, c)) / p["capacitance"]


def advance(p: Mapping[str, float], c: Any, seconds: float, steps: int, **gates: float) -> Any:
    """c after ``seconds`` at constant gate voltages ``vi``, ``vf``, ``vg``; the midpoint rule."""
    h = seconds / steps
    for _ in range(steps):
        middle = c + 0.5 * h * slope(p, c, **gates)
        c = c + h * slope(p, middle, **gates)
    return c


def simulate_frames(p: Mapping[str, float], seeds: Any, frames: int, far: bool = False) -> np.ndarray:
    """Cell voltage from the reference at the end of each random frame, V, shape (seeds, frames)."""
    drawn = [random_frames(int(seed), frames, far) for seed in np.atleast_1d(seeds)]
    drive = {name: np.stack([one[name] for one in drawn]) for name in drawn[0]}
    product, forget = _inputs(p, drive)
    c, mirrors, ends = np.zeros(len(drawn)), None, []
    for k in range(frames):
        tails = product[0][:, k], forget[:, k]
        sides = product[1][:, k], product[2][:, k]
        for _ in range(round(FRAME / TICK)):
            mirrors, c = _tick(p, mirrors, c, tails, sides)
        ends.append(c)
    return np.stack(ends, axis=1)


def _inputs(p: Mapping[str, float], drive: Mapping[str, np.ndarray]) -> tuple[Any, np.ndarray]:
    """Tail and shares of the product, and the forget gate, at gate voltages."""
    sides = shares(drive["vg"] - p["g_offset"], p["g_width"])
    return (p["i_charge"] * _gate(p, "i", drive["vi"]), *sides), forget_gate(p, drive["vf"])


def _tick(p: Mapping[str, float], mirrors: Any, c: Any, tails: Any, sides: Any) -> tuple[Any, Any]:
    """Mirrors of product and leak, and the cell, a tick on."""
    source, sink = leak_shares(p, tails[1], c)
    tails = tails[0], p["i_leak"] * tails[1]
    if mirrors is None:
        mirrors = standing(tails[0], *sides), standing(tails[1], source, sink)
    product, sourced, sunk = moved(p, mirrors[0], tails[0], sides[0], sides[1], TICK)
    leak, given, taken = moved(p, mirrors[1], tails[1], source, sink, TICK)
    up, down = headroom(p["v_headroom"], c)
    current = sourced * up - sunk * down + p["leak_source"] * given - taken - hold_current(p, c)
    # the slope of the leak takes it half a tick further
    bent = 2 * TICK * tails[1] / (p["capacitance"] * p["v_leak_width"]) * source * sink
    return (product, leak), c + TICK * current * (1 - bent) / p["capacitance"]


def score_memory_cell(model: FittedModel, data: BlockData) -> list[Figure]:
    """Held values after 1, 10 and 100 frames and random frames, of 150 mV; up to the rails, of 400 mV."""
    p, full = model.parameters, 0.15
    check = data["retention_check"]
    errors = []
    for a, vf in enumerate(check["v_f"]):
        c = check["c_start"].copy()
        done = 0.0
        for b, frames in enumerate(check["frames"]):
            steps = int(40 * (frames - done))
            c = advance(p, c, (frames - done) * FRAME, steps, vi=-0.4, vf=float(vf), vg=0.0)
            done = frames
            errors.append(np.abs(c - check["c"][a, :, b]))
    small = np.abs(check["c_start"]) <= full
    held, held_far = 100 * np.max(np.array(errors)[:, small]) / full, 100 * np.max(errors) / RAIL
    check = data["wait_check"]
    moved = waited(p, check["c"][..., None], check["wait"])
    owed, naive_owed = _lag_errors(p, data, full)
    joined = data["rejoin_check"]
    shared = 100 * np.abs(rejoined(p, joined["c"]) - joined["moved"]).max() / full
    wrong = 100 * np.abs(moved - check["moved"]).max(axis=(0, 1)) / full
    far = data["far_check"]
    runs = simulate_frames(p, far["seed"], far["c"].shape[-1], far=True)
    rms_far = 100 * np.sqrt(np.mean((runs - far["c"][0]) ** 2)) / RAIL
    frames = data["frames_check"]
    predicted = simulate_frames(p, frames["seed"], frames["c"].shape[-1])
    rms = 100 * np.sqrt(np.mean((predicted - frames["c"]) ** 2)) / full
    reads = [_read_error(p, int(s), frames["c"][k], frames["read"][k]) for k, s in enumerate(frames["seed"])]
    naive = 100 * np.sqrt(np.mean((frames["c"] - frames["c"].mean()) ** 2)) / full
    return [
        Figure(
            "memory cell: held value after 1, 10, 100 frames, max error of full scale",
            float(held),
            "%",
            3.0,
            1.0,
        ),
        Figure("memory cell: random frames, rms error of full scale", float(rms), "%", 3.0, 1.0),
        Figure(
            "memory cell: charge owed after a gate has moved, max error of full scale", owed, "%", 2.0, 0.5
        ),
        Figure("memory cell: baseline, currents follow at once, max error of full scale", naive_owed, "%"),
        Figure(
            "memory cell: cut off with open gates, 164 ns, max error of full scale",
            float(wrong[1]),
            "%",
            1.0,
            0.3,
        ),
        Figure(
            "memory cell: cut off with open gates, 10 us, max error of full scale",
            float(wrong[3]),
            "%",
            3.0,
            1.0,
        ),
        Figure(
            "memory cell: cut off and joined again, max error of full scale", float(shared), "%", 0.5, 0.1
        ),
        Figure(
            "memory cell: baseline, nothing is shared, max error of full scale",
            float(100 * np.abs(joined["moved"]).max() / full),
            "%",
        ),
        Figure("memory cell: held value up to the rails, max error of 0.4 V", float(held_far), "%", 3.0, 1.0),
        Figure("memory cell: random frames to the rails, rms error of 0.4 V", float(rms_far), "%", 3.0, 1.0),
        Figure("memory cell: read-out, max error of full scale", float(100 * np.max(reads)), "%", 2.0, 0.5),
        Figure("memory cell: baseline, constant, rms of full scale", float(naive), "%"),
        *_knob_errors(p, data, full),
    ]


def _lag_errors(p: Mapping[str, float], data: BlockData, full: float) -> tuple[float, float]:
    """Largest errors of the charges owed, with the law and without one, % of a full cell."""
    product, leak = data["lag_g_check"], data["lag_f_check"]
    charges = [product["charge"], leak["charge"]]
    laws = [product_owed(p, *product_axes(product))[0], leak_owed(p, *leak_axes(leak))[0]]
    scale = 100 / p["capacitance"] / full
    error = max(float(np.abs(law - q).max()) for law, q in zip(laws, charges, strict=True))
    return scale * error, scale * max(float(np.abs(q).max()) for q in charges)


def _read_error(p: Mapping[str, float], seed: int, c: np.ndarray, read: np.ndarray) -> float:
    """Largest error of the rate current over a run's frames, of full scale."""
    drive = random_frames(seed, len(c))
    gate = _gate(p, "o", drive["vo"])
    model = p["i_read"] * gate * _rectified(p, gate, c)
    return float(np.max(np.abs(model - read)) / p["i_read"])


def _knob_errors(p: Mapping[str, float], data: BlockData, full: float) -> list[Figure]:
    """Random frames at random settings of all biases, and what the usual parameters would give."""
    check, seed = data["knobs_check"], int(data["knobs_check"]["seed"][0])
    settings = [random_setting(int(s)) for s in check["setting"]]
    cells, frames = check["c"][:, 0], check["c"].shape[-1]
    known = [at_knobs(p, **knobs) for knobs in settings]
    runs = np.concatenate([simulate_frames(q, seed, frames) for q in known])
    blind = np.concatenate([simulate_frames(p, seed, frames)] * len(settings))
    reads = [_read_error(q, seed, c, r) for q, c, r in zip(known, cells, check["read"][:, 0], strict=True)]

    def rms(model: np.ndarray) -> float:
        return float(100 * np.sqrt(np.mean((model - cells) ** 2)) / full)

    return [
        Figure(
            "memory cell: held-out biases, random frames, rms error of full scale", rms(runs), "%", 6.0, 2.0
        ),
        Figure(
            "memory cell: held-out biases, read-out, max error of full scale", 100 * max(reads), "%", 4.0, 1.0
        ),
        Figure("memory cell: baseline, knobs ignored, rms error of full scale", rms(blind), "%"),
    ]
