"""k winners a frame: bias of k, delay of the closing line, and who wins.

    the line closes at n winners when        ln n > (vk - v_one)/e - (v_unit0 - vunit)/e + bend
    delay(n) = t_gate + c / (I_unit (n - n_trip))

(the line charges with the unit currents in excess of the sink, in units ``n_trip`` of one winner).
Neurons win when they fire before the k-th spike's delay has passed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuromorph.figures import Figure
from neuromorph.fitting.least_squares import least_squares
from neuromorph.library import BlockData, FittedModel, SweepData

NEURONS = 8
START = 3e-9
"""Inputs begin, s."""
UNIT0 = 0.36
"""Reference of the unit current's bias, V."""


def drives(seed: int, spread: float) -> np.ndarray:
    """Input currents, A, of the eight neurons: log-uniform over ``spread`` (ratio) below 0.6 uA."""
    rng = np.random.default_rng(seed)
    return 6e-7 * np.exp(-spread * rng.random(NEURONS))


def trip(p: dict[str, float], spiked: Any, vunit: Any) -> np.ndarray:
    """Bias vk, V, at which so many winners just close the line."""
    logs, unit = np.log(np.asarray(spiked, float)), UNIT0 - np.asarray(vunit)
    return (
        p["v_one"] + p["v_fold"] * logs + p["v_bend"] * logs**2
        + p["unit_gain"] * unit + p["unit_bend"] * unit**2 + p["mixed"] * unit * logs
    )  # fmt: skip


def winners_to_trip(p: dict[str, float], vk: Any, vunit: Any) -> np.ndarray:
    """Number of winners, not whole, whose current equals the sink's at bias ``vk``, V."""
    grid = np.geomspace(0.05, 40, 2000)
    curve = trip(p, grid, vunit if np.ndim(vunit) == 0 else np.asarray(vunit)[..., None])
    if np.ndim(curve) == 1:
        return np.interp(vk, curve, grid)
    return np.array([np.interp(v, c, grid) for v, c in zip(np.asarray(vk).ravel(), curve, strict=True)])


def winners(p: dict[str, float], vk: Any, vunit: Any) -> np.ndarray:
    """k: how many winners it takes to close the line."""
    return np.ceil(winners_to_trip(p, vk, vunit)).astype(int)


def closing_delay(p: dict[str, float], spiked: Any, vk: Any, vunit: Any) -> np.ndarray:
    """Time, s, from the spikes to the closed line; infinite while too few have spiked."""
    excess = np.asarray(spiked, float) - winners_to_trip(p, vk, vunit)
    unit = np.exp((UNIT0 - np.asarray(vunit)) / p["e_unit"])
    with np.errstate(divide="ignore"):
        return np.where(excess > 0, p["t_gate"] + p["t_charge"] / (unit * np.maximum(excess, 1e-9)), np.inf)


_TRIP = {"v_one": 0.4, "v_fold": 0.04, "v_bend": 0.01, "unit_gain": 1.0, "unit_bend": 1.0, "mixed": 1.0}
_DELAY = {"t_gate": 1e-10, "t_charge": 1e-9, "e_unit": 0.04}


def _unpack(x: np.ndarray, scales: dict[str, float]) -> dict[str, float]:
    return {n: float(v * s) for (n, s), v in zip(scales.items(), x, strict=True)}


def _fit(residuals: Any, start: Any, scales: dict[str, float], block: str) -> tuple[dict, dict]:
    x, dx = least_squares(lambda x: residuals(_unpack(x, scales)), start, tuple(scales), block)
    return _unpack(x, scales), _unpack(dx, scales)


def fit_winner_take_all(data: BlockData) -> FittedModel:
    """Bias of k, delay and strength of the shunt."""
    sweep = data["trip"]
    spiked, vunit = sweep["spiked"][:, None], sweep["vunit"][None, :]
    inside = np.isfinite(sweep["vk_trip"])
    p, deviation = _fit(
        lambda p: 100 * (trip(p, spiked, vunit) - sweep["vk_trip"])[inside],
        (1, 1, 0, 1, 0, 0),
        _TRIP,
        data.name,
    )
    measured, at = _closings(data, "delay")
    # at a quarter of a unit of excess or less the small error of the trip decides the delay
    near = at[0] - winners_to_trip(p, at[2], at[1]) > 0.25
    measured, at = measured[near], tuple(a[near] for a in at)
    delay, d_delay = _fit(
        lambda q: np.log(closing_delay(p | {n: abs(v) for n, v in q.items()}, *at) / measured),
        (3, 1, 1),
        _DELAY,
        data.name,
    )
    p |= delay
    deviation |= d_delay
    p |= _shunt(data)
    p["unit_power"] = _unit_power(p, data["delay"])
    units = {n: "V" if n.startswith("v_") else "1" for n in p}
    units.update(e_unit="V", t_gate="s", t_charge="s", unit_bend="1/V", mixed="1", e_inhibition="V",
                 i_inhibition="A", unit_power="W")  # fmt: skip
    worst = float(np.nanmax(np.abs(trip(p, spiked, vunit) - sweep["vk_trip"])))
    return FittedModel(
        "first_k_winners", p, units, deviation, {"vk_trip_max_volt": worst}, {"vk": (0.35, 0.56)}
    )


def _closings(data: BlockData, name: str) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Delays of the points that closed within 15 ns, and where they lie (spiked, vk, vunit)."""
    sweep = data[name]
    grid = np.meshgrid(sweep["spiked"], sweep["vunit"], sweep["vk"], indexing="ij")
    delay = sweep["delay"]
    keep = np.isfinite(delay) & (delay < 15e-9)
    spiked, vunit, vk = (g[keep] for g in grid)
    return delay[keep], (spiked, vk, vunit)


def _unit_power(p: dict[str, float], sweep: SweepData) -> float:
    """What one winner's unit current draws at ``UNIT0``, W, from the lines that did not close: there no sink limits it."""
    units = sweep["spiked"][:, None, None] * np.exp((UNIT0 - sweep["vunit"][None, :, None]) / p["e_unit"])
    below = np.isnan(sweep["delay"]) & np.isfinite(sweep["static_power"])
    return float(np.mean((sweep["static_power"] / units)[below]))


def _shunt(data: BlockData) -> dict[str, float]:
    """Largest shunt current, A, at the softest bias and its growth with vinh, below 0.35 V."""
    sweep = data["shunt"]
    current = sweep["current"][:, -1]
    weak = (sweep["vinh"] < 0.35) & (current > 0)
    slope, offset = np.polyfit(sweep["vinh"][weak], np.log(current[weak]), 1)
    return {"i_inhibition": float(np.exp(offset + slope * 0.3)), "e_inhibition": float(1 / slope)}


def who_wins(p: dict[str, float], free_spikes: np.ndarray, vk: float, vunit: float) -> np.ndarray:
    """Which neurons fire, from the first spikes, s, they would fire without inhibition."""
    order = np.sort(free_spikes)
    k = int(winners(p, vk, vunit))
    closed = np.inf
    for n in range(k, len(order) + 1):
        delay = float(closing_delay(p, n, vk, vunit))
        closed = min(closed, order[n - 1] + delay)
    return free_spikes < closed


def score_winner_take_all(model: FittedModel, data: BlockData) -> list[Figure]:
    """Held-out biases and delays; winners among real neurons with random, close inputs."""
    p = model.parameters
    check = data["trip_check"]
    predicted = trip(p, check["spiked"][:, None], check["vunit"][None, :])
    volts = 1e3 * np.abs(predicted - check["vk_trip"])
    measured, at = _closings(data, "delay_check")
    near = at[0] - winners_to_trip(p, at[2], at[1]) > 0.25
    delay = 100 * np.abs(closing_delay(p, *(a[near] for a in at)) / measured[near] - 1)
    extra, strongest = _contests(p, data)
    energy = float(np.nanmean(data["contest_check"]["energy"]))
    return [
        Figure("winner-take-all: bias of k, max error", float(np.nanmax(volts)), "mV"),
        Figure("winner-take-all: closing delay, excess above 1/4 unit, max error", float(np.max(delay)), "%"),
        Figure(
            "winner-take-all: frames where only the strongest inputs win", strongest, "%", better="higher"
        ),
        Figure("winner-take-all: winners beyond k, mean", extra, "1"),
        Figure("winner-take-all: energy of eight neurons and their line until 19 ns", energy, "J"),
    ]


def _contests(p: dict[str, float], data: BlockData) -> tuple[float, float]:
    """Mean surplus of winners over k, and the percentage of frames whose winners are the strongest."""
    sweep = data["contest_check"]
    k = int(winners(p, float(sweep["vk"][0]), float(data.attributes["default_vunit"])))
    surplus, strongest = [], []
    for a, seed in enumerate(sweep["seed"]):
        for b, spread in enumerate(sweep["spread"]):
            fired = np.isfinite(sweep["first_spike"][a, b, 0])
            ranks = np.argsort(np.argsort(-drives(int(seed), float(spread))))
            surplus.append(int(fired.sum()) - k)
            strongest.append(set(np.flatnonzero(fired)) == set(np.flatnonzero(ranks < fired.sum())))
    return float(np.mean(surplus)), 100 * float(np.mean(strongest))
