"""A whole network's deck with transistors of its own: mismatch for what is no recipe's block."""

from __future__ import annotations

import re

import numpy as np

from neuromorph.characterization.montecarlo import drawn
from neuromorph.characterization.samples import device_parameters
from neuromorph.devices.cnfet import CnfetParameters
from neuromorph.devices.equations import evaluate_geometry
from neuromorph.devices.variation import REFERENCE_TUBES, DeviceStatistics, folded
from neuromorph.spice.instances import Device, devices, individualised
from neuromorph.spice.structure import Structure, structure_of

WHOLE = "whole"
"""Subcircuit that takes up a deck's own instances."""


def drawn_deck(deck: str, statistics: DeviceStatistics, seed: int, number: int) -> str:
    """``deck`` with every transistor drawn, by its path: ``whole.`` is put before what it had.

    Parameters
    ----------
    deck : str
        A netlist with its subcircuits, their instances at the top, sources and analysis.
    seed, number : int
        Of the draw.

    Raises
    ------
    CircuitError
        When a transistor is no CNFET of the project's form.
    """
    title, text, structure, ports, rest = _whole(deck)

    def own(device: Device) -> dict[str, float]:
        kind: CnfetParameters = device_parameters(structure, device, WHOLE)
        found = folded(kind, drawn(statistics, seed, number, device, kind))
        return {name: float(values[0]) for name, values in found.parameters.items()}

    cards = [re.sub(r"v\((x\w+\.)", rf"v(x{WHOLE}.\1", line) for line in rest]
    made = individualised(text, structure, WHOLE, own)
    return "\n".join([title, made, f"x{WHOLE} {ports} {WHOLE}", *cards]) + "\n"


def drawn_shifts(deck: str, statistics: DeviceStatistics, seed: int, number: int) -> dict[str, float]:
    """By how much the logarithm of every transistor's current falls in :func:`drawn_deck`, if it had eight tubes; by path.

    Raises
    ------
    CircuitError
        When a transistor is no CNFET of the project's form.
    """
    structure, found = _whole(deck)[2], dict[str, float]()
    for device in devices(structure, WHOLE):
        kind = device_parameters(structure, device, WHOLE)
        swing = float(evaluate_geometry(kind.values(), np)["nv"])
        volt = float(drawn(statistics, seed, number, device, kind).shift[0])
        found[device.path] = volt / swing / float(np.sqrt(REFERENCE_TUBES / kind.tubes))
    return found


def _whole(deck: str) -> tuple[str, str, Structure, str, list[str]]:
    """Title, subcircuits with the deck's own instances in one, their structure, that one's ports, and the other cards."""
    title, *lines = deck.splitlines()
    parts, rest, instances = list[str](), list[str](), list[str]()
    inside = False
    for line in lines:
        first = line.split()[:1]
        inside |= first == [".subckt"]
        (parts if inside else instances if line[:1] == "x" else rest).append(line)
        inside &= first != [".ends"]
    ports = " ".join(sorted({node for line in instances for node in _nodes(line)} - {"0"}))
    parts += [f".subckt {WHOLE} {ports}", *instances, f".ends {WHOLE}"]
    text = "\n".join(parts)
    return title, text, structure_of(text, "deck"), ports, rest


def _nodes(instance: str) -> list[str]:
    """Between an instance's name and its model; parameters do not count."""
    return [word for word in instance.split() if "=" not in word][1:-1]
