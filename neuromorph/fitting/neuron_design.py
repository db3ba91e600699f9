"""Knob settings of the neuron: ranges, the region in which it resets, and random settings to train and check on.

The axon's spike ends when the refractory node, charged by the width knob's current, has risen; the refractory
knob's leak drains the same node.  Where the leak wins the spike never ends, so the two knobs are limited
together.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neuromorph.circuit import USUAL_KELVIN
from neuromorph.errors import OutOfRange
from neuromorph.fitting.bias import settings, transistor

KNOBS = {
    "vwidth": (0.36, 0.46, 0.43), "vref": (0.15, 0.27, 0.225), "vleak": (0.05, 0.30, 0.15), "vgain": (0.40, 0.46, 0.43),
}  # fmt: skip
"""Lowest, highest and usual value of every knob, V."""
LATCH = 0.675
"""Largest sum of vwidth and vref, V; at 0.70 V a spike lasts 2.7 ns, beyond 0.71 V it does not end."""
TRAINED = 0.69
"""Largest sum in the settings a fit sees, V: beyond the stated region, so that its edge is not extrapolated."""
HIGHEST = 9e-7
"""Largest tonic current, A."""


def setting(knobs: Mapping[str, float]) -> dict[str, float]:
    """All four knobs, the usual ones where none is given.

    Raises
    ------
    OutOfRange
        Outside a knob's range, or where the spike would hardly end.
    """
    values = settings("axon_hillock", KNOBS, knobs)
    if values["vwidth"] + values["vref"] > LATCH + 1e-12:
        raise OutOfRange(
            f"vwidth + vref = {values['vwidth'] + values['vref']:.3g} V is above {LATCH:g} V, where the refractory leak "
            "all but stops the spike's end",
            where="axon_hillock", remedy="lower vwidth (a shorter spike) or vref (a longer refractory period)",
        )  # fmt: skip
    return values


def random_setting(seed: int, stretch: float = 1.0, limit: float = LATCH) -> dict[str, float]:
    """Knobs drawn evenly, V; ``stretch`` above 1 draws beyond the ranges and clips, so that edges are hit."""
    rng = np.random.default_rng(seed)
    while True:
        values = {}
        for name, (low, high, _) in KNOBS.items():
            middle, half = 0.5 * (low + high), 0.5 * stretch * (high - low)
            values[name] = float(np.clip(rng.uniform(middle - half, middle + half), low, high))
        if values["vwidth"] + values["vref"] <= limit:
            return values


def training_setting(seed: int) -> dict[str, float]:
    """A setting of the training curves: edges included."""
    return random_setting(seed, 1.15, TRAINED)


def nominal_rheobase(vleak: float, kelvin: float = USUAL_KELVIN) -> float:
    """Rheobase to a few percent, A: where benches begin, not a result."""
    warm = float(np.exp((0.56 - vleak) / 29.8e-3 * (1 - USUAL_KELVIN / kelvin)))
    return 1.1 * (0.84e-9 * float(transistor(vleak, 0.15, 29.8e-3, 2.86, 2.83)) + 8e-12) * warm


def tonic_current(vleak: float, level: float, kelvin: float = USUAL_KELVIN) -> float:
    """Current between 1.3 rheobases (level 0) and the largest (level 1), evenly in its logarithm, A."""
    low = max(1.3 * nominal_rheobase(vleak, kelvin), 1e-9)
    return low * (HIGHEST / low) ** level


def tonic_span(knobs: Mapping[str, float], current: float, kelvin: float = USUAL_KELVIN) -> float:
    """Longest tonic interval to expect, s."""
    charging = 1.5e-15 / (current - 0.95 * nominal_rheobase(knobs["vleak"], kelvin))
    cool = float(np.exp((0.45 - knobs["vref"]) / 33e-3 * max(USUAL_KELVIN / kelvin - 1, 0)))
    return charging + 4e-9 * cool * float(np.exp((0.225 - knobs["vref"]) / 33e-3)) + 2e-9 * float(
        1 + np.exp((knobs["vwidth"] - 0.43) / 33e-3)
    )  # fmt: skip
