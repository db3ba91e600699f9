"""Regular spike trains from levels: thresholds that say at which ticks a line fires."""

from __future__ import annotations

import numpy as np

SILENT = 2.0
"""Threshold no level in [0, 1] exceeds."""


def regular_thresholds(ticks: int, lines: int, spikes: int, seed: int = 0) -> np.ndarray:
    """Thresholds [ticks, lines]: line k fires at tick t iff its level > threshold[t, k].

    A full line fires ``spikes`` evenly spaced spikes a frame at a phase of its own;
    a lower level drops slots in bit-reversed order, so what is left stays spread.
    """
    phases = np.random.default_rng([seed, 4]).random(lines)
    slots = np.floor((np.arange(spikes)[:, None] + phases[None, :]) * ticks / spikes).astype(int)
    thresholds = np.full((ticks, lines), SILENT, np.float32)
    thresholds[slots, np.arange(lines)[None, :]] = _spread_order(spikes)[:, None]
    return thresholds


def _spread_order(n: int) -> np.ndarray:
    """Ranks [n] in [0, 1) such that the lowest m ranks lie spread over the n slots."""
    bits = max(int(np.ceil(np.log2(n))), 1)
    reversed_bits = np.array([int(f"{slot:0{bits}b}"[::-1], 2) for slot in range(n)])
    return np.argsort(np.argsort(reversed_bits)) / n
