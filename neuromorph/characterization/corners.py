"""A block at another supply: what stands at the rail in its benches moves with it, and so do biases made from the rail.

A bias is a voltage from ground, as a reference gives it, whatever the supply; one of a p transistor's gate is made from the
rail by the same kind of reference, and keeps its distance from it (:attr:`neuromorph.circuit.Knob.from_supply`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from neuromorph.circuit import Circuit, Point

LOW_SUPPLY, USUAL_SUPPLY, HIGH_SUPPLY = 0.72, 0.8, 0.88
"""V: ten percent below, where everything else is measured, ten percent above."""
_SOURCES = re.compile(r"v|\.ic|\.nodeset|\+", re.IGNORECASE)


def at_supply(circuit: Circuit, supply: float) -> Circuit:
    """The circuit with its sweeps at ``supply``, V.

    Sources and starts of a bench that stand at the usual supply stand at the other one.  Knobs made from the rail move
    with it, also where they are an axis, whose values stay what they are at the usual supply.
    """
    rail = re.compile(rf"(?<![\w.+-]){re.escape(f'{circuit.supply:g}')}(?![\w.])")
    moved = {f"v_{knob.name}".lower() for knob in circuit.knobs if knob.from_supply}

    def line(text: str) -> str:
        if not _SOURCES.match(text):
            return text
        name, *rest = text.split()
        if name.lower() in moved and len(rest) == 3:
            return f"{name} {rest[0]} {rest[1]} {float(rest[2]) + supply - circuit.supply:.9g}"
        return rail.sub(f"{supply:.9g}", text)

    def shifted(bench: Callable[[Circuit, Point], str]) -> Callable[[Circuit, Point], str]:
        return lambda own, point: "\n".join(map(line, bench(own, point).splitlines()))

    return replace(circuit, sweeps=tuple(replace(s, bench=shifted(s.bench)) for s in circuit.sweeps))
