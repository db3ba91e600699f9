"""How a block's fitted parameters move with its transistors.

To first order the parameters of any instance are what every transistor's own shift does, added up (in the logarithm where a
parameter is a scale).  Second order counts in two ways: what the square of a transistor's own shift does, and where a pair
is off its middle: a width or a gain is even in that, so the square of an offset's change moves them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuromorph.characterization.corner_table import OFFSETS
from neuromorph.devices.variation import REFERENCE_TUBES

FLOOR = "_floor"
"""End of the names of parameters that end at nought."""
SIGNED = "±"
"""Beginning of a key whose square has the sign of its side."""
PARALLEL = 0.9
"""Cosine from which on two offsets are one direction."""


@dataclass(frozen=True)
class Sensitivity:
    """How a block's fitted parameters move with its transistors.

    Parameters
    ----------
    nominal : parameters without any shift, of the same plan
    devices, tubes : paths of the transistors and their numbers of tubes
    scales : names of the parameters whose logarithms are moved
    slopes : by parameter, [devices]: change for a device of eight tubes whose current's logarithm falls by one
    bending : by offset, what its first-order change's square does to every parameter; none where no fit follows an offset.
        Of a pair whose offset no parameter shows (``"xp - xn"``), the square of the difference of its shifts; of a ratio
        of two sides (one parameter, or two: ``"up - down"``), that of its logarithm, the logarithm's size
        (``"|up - down|"``), or its square with its sign (``"±up - down"``: what it does on one side and not on the other).
        Of any other parameter what its own change's square does to it.
    curves : by parameter, [devices]: what the square of a device's own shift does beside that, in units as ``slopes``;
        none of a parameter that moves along straight lines
    """

    block: str
    nominal: dict[str, float]
    devices: tuple[str, ...]
    tubes: np.ndarray
    scales: frozenset[str]
    slopes: dict[str, np.ndarray]
    bending: dict[str, dict[str, float]] = field(default_factory=dict)
    curves: dict[str, np.ndarray] = field(default_factory=dict)

    def instances(self, shifts: np.ndarray) -> dict[str, np.ndarray]:
        """Parameters of instances whose devices are shifted.

        Parameters
        ----------
        shifts : ndarray, [..., devices]
            By how much each device's current falls, in the logarithm, if it had eight tubes: ``mismatch`` times
            standard normal numbers.
        """
        return self.moved(self.nominal, shifts)

    def moved(self, parameters: Mapping[str, float], shifts: np.ndarray) -> dict[str, np.ndarray]:
        """``parameters`` of another plan, or some of them, of instances as in :meth:`instances`.

        An offset is no scale, whatever this plan made of it: it moves by as much as here.  A floor is never negative.
        """
        found = {}
        for name, change in self.changes(parameters, shifts).items():
            value = parameters[name]
            if name not in self.scales:
                found[name] = np.maximum(value + change, 0) if name.endswith(FLOOR) else value + change
            elif name.endswith(OFFSETS):
                found[name] = value + self.nominal[name] * change
            else:
                found[name] = value * np.exp(change)
        return found

    def changes(self, names: Iterable[str], shifts: np.ndarray) -> dict[str, np.ndarray]:
        """By how much parameters move, as it adds up: scales in the logarithm, an offset among them over its value."""
        shares = shifts * np.sqrt(REFERENCE_TUBES / self.tubes).astype(shifts.dtype)
        squares = {
            offset: _bent(offset, shares @ self.direction(offset).astype(shifts.dtype))
            for offset in self.bending
        }
        found = {}
        for name in names:
            change = shares @ self.slopes[name].astype(shifts.dtype)
            if name in self.curves:
                change = change + np.square(shares) @ self.curves[name].astype(shifts.dtype)
            for offset, square in squares.items():
                if bent := self.bending[offset].get(name):
                    change = change + shifts.dtype.type(bent) * square
            found[name] = change
        return found

    def spread(self, mismatch: float) -> dict[str, float]:
        """Standard deviation of every parameter, in its logarithm where it is a scale."""
        weights = mismatch * np.sqrt(REFERENCE_TUBES / self.tubes)
        first = {name: float(np.linalg.norm(weights * slopes)) for name, slopes in self.slopes.items()}
        bent = {name: 2 * float(np.sum((weights**2 * self.curves.get(name, 0.0)) ** 2)) for name in first}
        for offset, bends in self.bending.items():
            along = weights * self.direction(offset)
            v = float(along @ along)
            # of a normal number of variance v, the square has the variance 2 v^2, the size (1 - 2 / pi) v, and the square
            # with its sign 3 v^2, of which 2 sqrt(2 / pi) v^1.5 goes with the number
            own = {"|": (1 - 2 / np.pi) * v, SIGNED: 3 * v**2}.get(offset[0], 2 * v**2)
            for name, bend in bends.items():
                bent[name] += bend**2 * own
                if offset.startswith(SIGNED):
                    common = float(weights * self.slopes[name] @ along)
                    bent[name] += 4 * np.sqrt(2 / np.pi) * np.sqrt(v) * bend * common
        return {name: float(np.sqrt(spread**2 + bent[name])) for name, spread in first.items()}

    def direction(self, offset: str) -> np.ndarray:
        """What every device does to a key of ``bending``, [devices]."""
        offset = offset.strip("|" + SIGNED)
        if offset in self.slopes:
            return self.slopes[offset]
        plus, minus = offset.split(" - ")
        if plus in self.slopes:
            return self.slopes[plus] - self.slopes[minus]
        return np.array([float(device == plus) - float(device == minus) for device in self.devices])

    def offsets(self) -> list[str]:
        """Parameters that are offsets, each a direction of its own."""
        found: dict[str, np.ndarray] = {}
        for name in self.slopes:
            gradient = self.direction(name) * np.sqrt(REFERENCE_TUBES / self.tubes)
            size = np.linalg.norm(gradient)
            alike = [
                abs(gradient @ other) > PARALLEL * size * np.linalg.norm(other) for other in found.values()
            ]
            if name.endswith(OFFSETS) and size > 0 and not any(alike):
                found[name] = gradient
        return list(found)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; slopes to four digits."""
        return {
            "block": self.block, "nominal": self.nominal, "devices": list(self.devices), "tubes": self.tubes.tolist(),
            "scales": sorted(self.scales),
            "slopes": {name: [float(f"{v:.4g}") for v in slopes] for name, slopes in self.slopes.items()},
            "bending": {
                offset: {name: float(f"{v:.4g}") for name, v in bends.items()} for offset, bends in self.bending.items()
            },
            "curves": {name: [float(f"{v:.4g}") for v in curves] for name, curves in self.curves.items()},
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Sensitivity:
        """Inverse of :meth:`to_dict`."""
        return cls(
            values["block"], dict(values["nominal"]), tuple(values["devices"]), np.array(values["tubes"]),
            frozenset(values["scales"]), {name: np.array(v) for name, v in values["slopes"].items()},
            bending={offset: dict(bends) for offset, bends in values["bending"].items()},
            curves={name: np.array(v) for name, v in values["curves"].items()},
        )  # fmt: skip


def _bent(offset: str, change: np.ndarray) -> np.ndarray:
    """What of a change along a key of ``bending`` counts: its square, its size, or the square with its sign."""
    if offset.startswith("|"):
        return np.abs(change)
    return change * np.abs(change) if offset.startswith(SIGNED) else np.square(change)
