"""The mirrors behind the cell's amplifiers: states in the logarithm of their current, which owe the cell charge.

The gates of a mirror in weak inversion hold a charge that goes with the logarithm of its current, so a mirror whose input
is I' follows by

    q d(ln I)/dt = I' - I,

fast where it carries much and slowly where it carries little (a log-domain filter: D. R. Frey, IEE Proceedings G 140:406,
1993).  An amplifier has three kinds of them: its tail follows the gate (``q_tail``); each side of its pair has a p mirror
(``q_side``); the side that sinks goes through an n mirror besides (``q_sink``).  Charges are those of an e-fold, the same
in both amplifiers, which are built alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neuromorph.fitting.cell_leak import forget_gate, leak_shares
from neuromorph.fitting.gate import sigmoid
from neuromorph.fitting.least_squares import least_squares
from neuromorph.fitting.pair import shares
from neuromorph.library import BlockData, SweepData

CHARGES = ("q_tail", "q_side", "q_sink")
MOVE, EDGE, END = 20e-9, 1e-9, 299e-9
"""When a gate moves, within what time, and until when charge is counted in the benches of the recipe, s."""
_STEP = 0.5e-9

Mirrors = tuple[Any, Any, Any, Any]
"""Currents of tail, sourcing side, sinking side and sinking output, A."""


def follow(current: Any, target: Any, charge: float, seconds: float) -> tuple[Any, Any]:
    """Current of a mirror after ``seconds`` with ``target`` at its input, and its mean meanwhile, A; exact for a constant
    target."""
    left = np.exp(-np.asarray(target) * seconds / charge)
    after = target * current / (current + (target - current) * left)
    return after, target - charge / seconds * np.log(after / current)


def standing(tail: Any, up: Any, down: Any) -> Mirrors:
    """The mirrors of an amplifier whose inputs have not moved for long."""
    return tail, tail * up, tail * down, tail * down


def moved(
    p: Mapping[str, float], mirrors: Mirrors, tail: Any, up: Any, down: Any, seconds: float
) -> tuple[Mirrors, Any, Any]:
    """Mirrors after ``seconds`` and the currents that were sourced and sunk meanwhile, A.

    Parameters
    ----------
    p : parameters of ``memory_cell``
    tail : current of the amplifier's gate, A
    up, down : its pair's shares
    """
    q_tail, q_side, q_sink = (p[name] for name in CHARGES)
    tail_after, mean = follow(mirrors[0], tail, q_tail, seconds)
    up_after, sourced = follow(mirrors[1], mean * up, q_side, seconds)
    down_after, turned = follow(mirrors[2], mean * down, q_side, seconds)
    sunk_after, sunk = follow(mirrors[3], turned, q_sink, seconds)
    return (tail_after, up_after, down_after, sunk_after), sourced, sunk


def owed(
    p: Mapping[str, float],
    before: tuple[Any, Any, Any],
    after: tuple[Any, Any, Any],
    source: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Charge of an amplifier beyond that of currents which follow at once, C, when its inputs move from ``before`` to
    ``after`` (tail, up, down) within an edge, and the charge's mean delay, s; ``source`` of what is sourced arrives."""
    mirrors, charge, moment = standing(*before), np.zeros(1), np.zeros(1)
    middle = MOVE + 0.5 * EDGE
    at_rest = [tail * (source * up - down) for tail, up, down in (before, after)]
    for k in range(round(MOVE / _STEP), round(END / _STEP)):
        time = (k + 0.5) * _STEP
        gone = np.clip((time - MOVE) / EDGE, 0.0, 1.0)
        tail, up, down = (a + gone * (b - a) for a, b in zip(before, after, strict=True))
        mirrors, sourced, sunk = moved(p, mirrors, tail, up, down, _STEP)
        missing = (source * sourced - sunk - at_rest[time > middle]) * _STEP
        charge, moment = charge + missing, moment + missing * (time - middle)
    return charge, moment / charge


def product_owed(p: Mapping[str, float], v_i: Any, before: Any, after: Any) -> tuple[np.ndarray, np.ndarray]:
    """Charge into the cell, C, and its delay, s, when the candidate has moved from ``before`` to ``after``, V."""
    tail = p["i_charge"] * sigmoid(v_i, 1.0, p["i_offset"], p["i_width"], p["i_floor"])
    sides = [shares(np.asarray(g) - p["g_offset"], p["g_width"]) for g in (before, after)]
    return owed(p, (tail, *sides[0]), (tail, *sides[1]))


def leak_owed(p: Mapping[str, float], c: Any, before: Any, after: Any) -> tuple[np.ndarray, np.ndarray]:
    """The same when the forget gate has moved from ``before`` to ``after``, V, with the cell at ``c`` V."""
    gates = [forget_gate(p, v) for v in (before, after)]
    sides = [leak_shares(p, gate, c) for gate in gates]
    tails = [p["i_leak"] * gate for gate in gates]
    return owed(p, (tails[0], *sides[0]), (tails[1], *sides[1]), p["leak_source"])


def product_axes(sweep: SweepData) -> tuple[np.ndarray, ...]:
    """Input gate, candidate before and after, broadcast to a sweep in which the candidate moves, V."""
    return tuple(np.meshgrid(sweep["v_i"], sweep["g_from"], sweep["g_to"], indexing="ij"))


def leak_axes(sweep: SweepData) -> tuple[np.ndarray, ...]:
    """Cell, forget gate before and after, broadcast to a sweep in which the forget gate moves, V."""
    return tuple(np.meshgrid(sweep["v_c"], sweep["f_from"], sweep["f_to"], indexing="ij"))


def fit_mirrors(
    data: BlockData, p: Mapping[str, float]
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Charges of an e-fold, their deviations, and the largest error of what the cell is owed, V.

    Fitted to charges alone; when they come follows, since charge and current of a mirror are one law.
    """
    scale = 1e-16
    product, leak = data["lag_g"], data["lag_f"]

    def law(x: np.ndarray) -> dict[str, float]:
        return {name: float(abs(value) * scale) for name, value in zip(CHARGES, x, strict=True)}

    def missed(x: np.ndarray) -> np.ndarray:
        q = {**p, **law(x)}
        charges = product_owed(q, *product_axes(product))[0], leak_owed(q, *leak_axes(leak))[0]
        errors = [c - sweep["charge"] for c, sweep in zip(charges, (product, leak), strict=True)]
        return np.concatenate([e.ravel() for e in errors]) / p["capacitance"]

    x, dx = least_squares(lambda x: missed(x) / 1e-3, [0.9, 0.3, 0.1], CHARGES, data.name, diff_step=1e-3)
    worst = float(np.abs(missed(x)).max())
    return law(x), {n: float(v * scale) for n, v in zip(CHARGES, dx, strict=True)}, {"lag_max_volt": worst}
