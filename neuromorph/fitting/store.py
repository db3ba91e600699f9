"""Weight store: fast node, slow copy on the levels of a staircase, transfer between them, latched refresh.

A refresh takes the share eps of the fast node's distance into the wanted value, rounds it to a level and, in
passing, pulls the fast node a little towards the slow one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neuromorph.figures import Figure
from neuromorph.library import BlockData, FittedModel
from neuromorph.spice.waveforms import windows

LOW, LEVELS = 0.555, 32
STEP = 0.09 / LEVELS
"""Staircase of one node: 90 mV in 32 steps; the difference of two nodes has 64 steps, six bits, over 180 mV."""
STEP_SECONDS, LEAD = 3e-9, 1.8e-9
"""A step's duration, and how far the compared staircase runs ahead of the copied one, s."""
OFFSET = 0.25
"""Steps by which the compared staircase is lowered, beside half a step: charge of the switches (measured)."""
SHARE_PHASE = 14e-9
REFRESH = SHARE_PHASE + 3e-9 + (LEVELS + 1) * STEP_SECONDS + LEAD + 5e-9
BLOCK = 64
FRAME = 100e-9
PASS = 13_800
"""Frames of one pass of the chorales."""


def level_voltage(level: Any) -> Any:
    """V of a level of the staircase."""
    return LOW + STEP * np.asarray(level, float)


def _staircase(start: float, shift: float) -> list[tuple[float, float]]:
    corners = []
    for k in range(LEVELS + 1):
        begin = start + k * STEP_SECONDS
        value = LOW + (k + shift) * STEP
        corners += [(begin, value), (begin + STEP_SECONDS - 0.3e-9, value)]
    return corners


def refresh_controls(starts: Sequence[float], dither: Sequence[float]) -> str:
    """Sources of refreshes that begin at ``starts`` (s), each with a dither in steps (-0.5 ... 0.5)."""
    phases: dict[str, list[tuple[float, float]]] = {
        n: [] for n in ("az", "copy", "take", "give", "cmp", "pass")
    }
    level, ramp = [(0.0, LOW)], [(0.0, LOW)]
    for start, shift in zip(starts, dither, strict=True):
        climb = start + SHARE_PHASE + 3e-9
        compare = (climb - 1e-9, climb + (LEVELS + 1) * STEP_SECONDS + LEAD)
        phases["az"].append((start, start + SHARE_PHASE))
        phases["copy"].append((start, start + 5e-9))
        phases["take"].append((start, start + 5e-9))
        phases["give"].append((start + 7e-9, start + 13e-9))
        phases["cmp"].append(compare)
        phases["pass"].append((compare[0] + 0.5e-9, compare[1] - 0.5e-9))
        level += _staircase(climb + LEAD, 0.0)
        ramp += _staircase(climb, OFFSET - 0.5 - shift)
    cards = [f"v{n} {n} 0 {windows(times, high=0.0, low=0.8, edge=0.2e-9)}" for n, times in phases.items()]
    for name, corners in (("level", level), ("ramp", ramp)):
        cards.append(f"v{name} {name} 0 pwl({' '.join(f'{t:.9g} {v:.7g}' for t, v in corners)})")
    return "\n".join(cards)


def fit_store(data: BlockData) -> FittedModel:
    """Share, pull, residual of the levels, leak of the slow node, energy."""
    follow, hold, idle = data["follow"], data["hold"], data["idle"]
    apart = STEP * (follow["fast"] - follow["slow"][0])
    share = np.polyfit(apart, follow["wanted"][0], 1)
    pull = np.polyfit(apart, -follow["fast_change"][0], 1)
    residual = hold["slow_level"] - np.round(hold["slow_level"])
    parameters = {
        "share": share[0], "pull": pull[0], "step": STEP, "levels": float(LEVELS),
        "share_offset": share[1] / STEP, "level_offset": float(np.median(residual)),
        "level_spread": float(residual.std()),
        "slow_leak": float(np.abs(idle["slow_drift"]).max()),
        "energy_per_refresh": float(hold["energy"].mean()),
    }  # fmt: skip
    units = {n: "1" for n in parameters} | {"step": "V", "slow_leak": "V", "energy_per_refresh": "J"}
    wanted = np.polyval(share, apart)
    errors = {
        "transfer_max_of_full_scale": float(np.abs(wanted - follow["wanted"][0]).max() / np.abs(wanted).max())
    }
    box = {"level": (0.0, float(LEVELS)), "fast": (LOW, LOW + LEVELS * STEP)}
    return FittedModel(
        "staircase_refresh", {k: float(v) for k, v in parameters.items()}, units, {}, errors, box
    )


def score_store(model: FittedModel, data: BlockData) -> list[Figure]:
    """Transfer at held-out distances; levels that stay where they are; drift over a pass."""
    p, check, kept = model.parameters, data["follow_check"], data["keep_check"]
    apart = STEP * (check["fast"] - check["slow"][0])
    full = p["share"] * LEVELS * STEP
    error = 100 * np.abs(p["share"] * apart + p["share_offset"] * STEP - check["wanted"][0]).max() / full
    levels = kept["slow_level"]
    per_block = np.abs(levels[:, -1] - levels[:, 2]).max() / (levels.shape[1] - 3)
    drift = 100 * per_block * (PASS / BLOCK) / LEVELS
    wander = 100 * np.abs(levels - levels[:, 2:3])[:, 2:].max() / LEVELS
    return [
        Figure(
            "weight store: value carried from fast to slow, max error of full scale",
            float(error),
            "%",
            3.0,
            1.0,
        ),
        Figure(
            "slow weight: drift over one pass of the chorales (13,800 frames), of range",
            float(drift),
            "%",
            1.0,
            0.1,
        ),
        Figure("slow weight: largest departure within twelve blocks, of range", float(wander), "%"),
        Figure("weight store: share taken over at a transfer (the network asks 0.032)", p["share"], "1"),
    ]
