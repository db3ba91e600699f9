"""How a block's fitted parameters move with its transistors, temperature and supply.

To first order the parameters of any instance are what every transistor's own shift does, added up (in the logarithm where a
parameter is a scale).  Second order counts where a pair is off its middle: a width or a gain is even in that, so the square
of an offset's change moves them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neuromorph.characterization.corners import HIGH_SUPPLY, LOW_SUPPLY, USUAL_SUPPLY
from neuromorph.devices.variation import REFERENCE_TUBES
from neuromorph.errors import OutOfRange

ROOM, COLD, HOT = 300.15, 273.15, 358.15
"""Temperatures, K: where everything else is measured, 0 C and 85 C."""
OFFSETS = ("offset", "rest", "shift")
"""Ends of the names of parameters whose zero means nothing."""
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
    warming : by parameter, the change's two coefficients over ``(T - 300.15 K) / 50 K``; empty where no temperature was
        measured
    supplying : the same over ``(V - 0.8 V) / 0.08 V``, where other supplies were measured
    bending : by offset, what its first-order change's square does to every parameter; none where no fit follows an offset.
        Of a pair whose offset no parameter shows (``"xp - xn"``), the square of the difference of its shifts.
    """

    block: str
    nominal: dict[str, float]
    devices: tuple[str, ...]
    tubes: np.ndarray
    scales: frozenset[str]
    slopes: dict[str, np.ndarray]
    warming: dict[str, tuple[float, float]] = field(default_factory=dict)
    supplying: dict[str, tuple[float, float]] = field(default_factory=dict)
    bending: dict[str, dict[str, float]] = field(default_factory=dict)

    def warmed(self, name: str, kelvin: float) -> float:
        """Change of a parameter at a temperature, in its logarithm where it is a scale.

        Raises
        ------
        OutOfRange
            Outside 0 to 85 C, or where no temperature was measured.
        """
        if kelvin == ROOM:
            return 0.0
        if not self.warming or not COLD <= kelvin <= HOT:
            raise OutOfRange(
                f"{kelvin - 273.15:g} C", where=self.block,
                remedy="give 0 to 85 C" if self.warming else f"neuromorph sensitivity {self.block} --temperature",
            )  # fmt: skip
        x = (kelvin - ROOM) / 50.0
        first, second = self.warming[name]
        return first * x + second * x * x

    def supplied(self, name: str, volt: float) -> float:
        """Change of a parameter at another supply, in its logarithm where it is a scale.

        Raises
        ------
        OutOfRange
            Outside 0.72 to 0.88 V, or where no other supply was measured.
        """
        if volt == USUAL_SUPPLY:
            return 0.0
        if not self.supplying or not LOW_SUPPLY <= volt <= HIGH_SUPPLY:
            raise OutOfRange(
                f"a supply of {volt:g} V", where=self.block,
                remedy=f"give {LOW_SUPPLY:g} to {HIGH_SUPPLY:g} V" if self.supplying
                else f"neuromorph sensitivity {self.block} --supply",
            )  # fmt: skip
        x = (volt - USUAL_SUPPLY) / (HIGH_SUPPLY - USUAL_SUPPLY)
        first, second = self.supplying[name]
        return first * x + second * x * x

    def instances(
        self, shifts: np.ndarray, kelvin: float = ROOM, supply: float = USUAL_SUPPLY
    ) -> dict[str, np.ndarray]:
        """Parameters of instances whose devices are shifted.

        Parameters
        ----------
        shifts : ndarray, [..., devices]
            By how much each device's current falls, in the logarithm, if it had eight tubes: ``mismatch`` times
            standard normal numbers.
        kelvin, supply : float
            Temperature of all of them, and what feeds them, V.
        """
        return self.moved(self.nominal, shifts, kelvin, supply)

    def moved(
        self,
        parameters: Mapping[str, float],
        shifts: np.ndarray,
        kelvin: float = ROOM,
        supply: float = USUAL_SUPPLY,
    ) -> dict[str, np.ndarray]:
        """``parameters`` of another plan, or some of them, of instances as in :meth:`instances`.

        An offset is no scale, whatever this plan made of it: it moves by as much as here.
        """
        shares = shifts * np.sqrt(REFERENCE_TUBES / self.tubes).astype(shifts.dtype)
        squares = {
            offset: np.square(shares @ self.direction(offset).astype(shifts.dtype)) for offset in self.bending
        }
        found = {}
        for name, value in parameters.items():
            change = shares @ self.slopes[name].astype(shifts.dtype)
            for offset, square in squares.items():
                if bent := self.bending[offset].get(name):
                    change = change + shifts.dtype.type(bent) * square
            change = change + self.warmed(name, kelvin) + self.supplied(name, supply)
            if name not in self.scales:
                found[name] = value + change
            elif name.endswith(OFFSETS):
                found[name] = value + self.nominal[name] * change
            else:
                found[name] = value * np.exp(change)
        return found

    def spread(self, mismatch: float) -> dict[str, float]:
        """Standard deviation of every parameter, in its logarithm where it is a scale."""
        weights = mismatch * np.sqrt(REFERENCE_TUBES / self.tubes)
        first = {name: float(np.linalg.norm(weights * slopes)) for name, slopes in self.slopes.items()}
        size = {offset: np.sum((weights * self.direction(offset)) ** 2) for offset in self.bending}
        # the square of a normal number of variance v has the variance 2 v^2
        bent = {
            name: sum(
                2 * (bends.get(name, 0.0) * size[offset]) ** 2 for offset, bends in self.bending.items()
            )
            for name in first
        }
        return {name: float(np.sqrt(spread**2 + bent[name])) for name, spread in first.items()}

    def direction(self, offset: str) -> np.ndarray:
        """What every device does to an offset, [devices], or to the difference of a pair (``"xp - xn"``)."""
        if offset in self.slopes:
            return self.slopes[offset]
        plus, minus = offset.split(" - ")
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
            "warming": {name: list(pair) for name, pair in self.warming.items()},
            "supplying": {name: list(pair) for name, pair in self.supplying.items()},
            "bending": {
                offset: {name: float(f"{v:.4g}") for name, v in bends.items()} for offset, bends in self.bending.items()
            },
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Sensitivity:
        """Inverse of :meth:`to_dict`."""
        pairs = {
            what: {name: (pair[0], pair[1]) for name, pair in values.get(what, {}).items()}
            for what in ("warming", "supplying")
        }
        return cls(
            values["block"], dict(values["nominal"]), tuple(values["devices"]), np.array(values["tubes"]),
            frozenset(values["scales"]), {name: np.array(v) for name, v in values["slopes"].items()},
            bending={offset: dict(bends) for offset, bends in values.get("bending", {}).items()}, **pairs,
        )  # fmt: skip
