"""A signal as two pulses, one after the other: the windows of a frame, and the sign lines that tell them apart.

Both pulses have a base width in common, so that neither is ever too short to be there; an update's one tail makes a weight
rise in one window and fall in the other.  What comes first changes from frame to frame (the chip's timing draws it), since
a pulse after a longer rest finds emptier nodes: updates are measured over two frames, one of each order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuromorph.library import SweepData
from neuromorph.spice.waveforms import integral, sample, windows

ZERO, SAMPLE, CONVERT, GAP = 8e-9, 10e-9, 22e-9, 0.5e-9
"""Phases of a window: zeroing a modulator, sampling the current, converting it, and what lies between, s."""
WINDOW = ZERO + SAMPLE + CONVERT + 2 * GAP
PULSE = ZERO + SAMPLE + 2 * GAP
"""When a window's pulse begins, s from its start."""
CONVERSION = 2 * WINDOW
LONGEST = CONVERT - 0.115e-9
"""A pulse that its conversion ends, at half its height, s: of 30 error units that are slow, within 0.01 ns of it."""
BASE = 1.2e-9
"""Width of both pulses without a signal, s."""
VSIGN = 0.51
"""High level of the sign lines, V: as cascodes they keep the weight's voltage from the pair."""
PERIOD = 150e-9
"""From frame to frame of an update's bench, s: the first has no signal, then one of each order."""
UPDATE = f".tran 0.1n {3 * PERIOD:g} 0 0.5n"
UPDATE_OUT = {"dw": "V", "order": "V", "energy": "J"}


def pulse_windows(start: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """When both pulses of a frame whose learning begins at ``start`` may be there, s."""
    first = start + PULSE
    return (first, first + CONVERT), (first + WINDOW, first + WINDOW + CONVERT)


def conversion_controls(start: float) -> tuple[str, tuple[tuple[float, float], tuple[float, float]]]:
    """Sources of the modulators' timing from ``start`` (s) on, and the windows of the pulses."""
    starts = (start, start + WINDOW)
    sampling = [(s + ZERO + GAP, s + ZERO + GAP + SAMPLE) for s in starts]
    around = [(a - 0.1e-9, b + 0.1e-9) for a, b in sampling]
    converting = pulse_windows(start)
    first = [(max(start - 1e-9, 0.0), starts[1])]
    cards = (
        f"vaz az 0 {windows([(s, s + ZERO) for s in starts])}\n"
        f"vsample sample 0 {windows(sampling, high=0.0, low=0.8)}\n"
        f"vsamplb samplb 0 {windows(around)}\n"
        f"vconv conv 0 {windows(converting)}\n"
        f"vfirst first 0 {windows(first)}\n"
        f"vfirstb firstb 0 {windows(first, high=0.0, low=0.8)}"
    )
    return cards, converting


def width_of(time: np.ndarray, value: np.ndarray, height: float, window: tuple[float, float]) -> float:
    """Time a pulse spends above half its ``height`` (V) around its ``window``, s."""
    start, stop = window[0] - 0.5 * GAP, window[1] + 4 * GAP
    above = np.interp(np.linspace(start, stop, 20001), time, value) > 0.5 * height
    return float(above.mean() * (stop - start))


def frame_windows(
    start: float, width: float, positive_first: bool
) -> tuple[list[tuple[float, float]], tuple[float, float], tuple[float, float]]:
    """Pulses of a frame whose learning begins at ``start``, and the windows of positive and negative sign, s.

    Parameters
    ----------
    width : s, by how much the positive pulse is wider than the negative one
    """
    signs = [(start, start + WINDOW - GAP), (start + WINDOW, start + CONVERSION - GAP)]
    begin = [window[0] for window in pulse_windows(start)]
    at = 0 if positive_first else 1
    wide = [0.0, 0.0]
    wide[at], wide[1 - at] = max(width, 0.0), max(-width, 0.0)
    pulses = [(b, b + BASE + w) for b, w in zip(begin, wide, strict=True)]
    return pulses, signs[at], signs[1 - at]


def update_cards(width: float, height: float, positive: str) -> str:
    """Sources of the pulses and the sign lines of :data:`UPDATE`.

    Parameters
    ----------
    width : s, by which the positive pulse is the wider one
    height : V
    positive : ``"raise"`` or ``"lower"``, the line that is high with the positive pulse
    """
    frames = [
        frame_windows(k * PERIOD, w, first)
        for k, (w, first) in enumerate(((0.0, True), (width, True), (width, False)))
    ]
    negative = {"raise": "lower", "lower": "raise"}[positive]
    return "\n".join([
        f"vpulse pulse 0 {windows([pulse for frame in frames for pulse in frame[0]], height)}",
        f"v{positive} {positive} 0 {windows([frame[1] for frame in frames], VSIGN)}",
        f"v{negative} {negative} 0 {windows([frame[2] for frame in frames], VSIGN)}",
    ])  # fmt: skip


def weight_change(waves: Any, _: Any) -> dict[str, float]:
    """Mean change of the weight a frame, half of what the order of the windows makes of it, and the energy of a frame."""
    weight = waves["wp"] - waves["wn"]
    before, between, after = sample(waves.time, weight, PERIOD * np.array([1, 2, 3]) - 1e-9)
    energy = -0.8 * integral(waves.time, waves["vdd#branch"], PERIOD, 3 * PERIOD)
    return {"dw": 0.5 * (after - before), "order": between - 0.5 * (after + before), "energy": 0.5 * energy}


def order_share(sweep: SweepData) -> float:
    """Largest effect of the windows' order over the largest change."""
    return float(np.abs(sweep["order"]).max() / np.abs(sweep["dw"]).max())
