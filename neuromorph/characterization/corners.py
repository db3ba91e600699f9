"""A block at another temperature and supply: what stands at the rail in its benches moves with it, and so do biases made
from the rail.

A bias is a voltage from ground, as a reference gives it, whatever the supply; one of a p transistor's gate is made from the
rail by the same kind of reference, and keeps its distance from it (:attr:`neuromorph.circuit.Knob.from_supply`).  All
transistors have the corner's temperature.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from neuromorph.characterization.samples import written
from neuromorph.circuit import USUAL_KELVIN, USUAL_SUPPLY, Circuit, Point
from neuromorph.errors import OutOfRange

COLD, HOT = 273.15, 358.15
"""Lowest and highest temperature, K: 0 C and 85 C."""
ZERO_CELSIUS = 273.15
LOW_SUPPLY, HIGH_SUPPLY = 0.72, 0.88
"""V: ten percent below the usual one and above it."""
_SOURCES = re.compile(r"v|\.ic|\.nodeset|\+", re.IGNORECASE)


class Corner(NamedTuple):
    """A temperature, K, and a supply, V."""

    kelvin: float = USUAL_KELVIN
    supply: float = USUAL_SUPPLY

    def __str__(self) -> str:
        return f"{self.kelvin - ZERO_CELSIUS:.3g} C and {self.supply:.3g} V"

    def checked(self, where: str) -> Corner:
        """Itself.

        Raises
        ------
        OutOfRange
            Outside 0 to 85 C or 0.72 to 0.88 V.
        """
        if not COLD <= self.kelvin <= HOT:
            raise OutOfRange(f"{self.kelvin - ZERO_CELSIUS:g} C", where=where, remedy="give 0 to 85 C")
        if not LOW_SUPPLY <= self.supply <= HIGH_SUPPLY:
            raise OutOfRange(
                f"a supply of {self.supply:g} V",
                where=where,
                remedy=f"give {LOW_SUPPLY:g} to {HIGH_SUPPLY:g} V",
            )
        return self


USUAL = Corner()


def random_corner(seed: int) -> Corner:
    """Temperature and supply drawn evenly from their ranges."""
    rng = np.random.default_rng(seed)
    return Corner(float(rng.uniform(COLD, HOT)), float(rng.uniform(LOW_SUPPLY, HIGH_SUPPLY)))


def at_corner(circuit: Circuit, corner: Corner, file: Path) -> Circuit:
    """The circuit, its sweeps and checks at a corner; its netlist goes to ``file``."""
    made = written(circuit, lambda device, kind: {"tk": corner.kelvin}, file)
    return at_supply(replace(made, kelvin=corner.kelvin), corner.supply)


def at_supply(circuit: Circuit, supply: float) -> Circuit:
    """The circuit with its sweeps and checks at ``supply``, V.

    Sources and starts of a bench that stand at the usual supply stand at the other one.  Knobs and sources made from the
    rail move with it, also where they are an axis, whose values stay what they are at the usual supply.
    """
    rail = re.compile(rf"(?<![\w.+-]){re.escape(f'{circuit.supply:g}')}(?![\w.])")
    moved = {f"v_{knob.name}" for knob in circuit.knobs if knob.from_supply} | set(circuit.rail_sources)
    moved = {name.lower() for name in moved}

    def line(text: str) -> str:
        if not _SOURCES.match(text):
            return text
        name, *rest = text.split()
        if name.lower() in moved and len(rest) == 3:
            return f"{name} {rest[0]} {rest[1]} {float(rest[2]) + supply - circuit.supply:.9g}"
        return rail.sub(f"{supply:.9g}", text)

    def shifted(bench: Callable[[Circuit, Point], str]) -> Callable[[Circuit, Point], str]:
        return lambda own, point: "\n".join(map(line, bench(own, point).splitlines()))

    return replace(
        circuit,
        supply=supply,
        sweeps=tuple(replace(s, bench=shifted(s.bench)) for s in circuit.sweeps),
        corner_checks=tuple(replace(s, bench=shifted(s.bench)) for s in circuit.corner_checks),
    )
