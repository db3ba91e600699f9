"""A whole network's deck with transistors of its own: mismatch for what is no recipe's block."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from neuromorph.characterization.montecarlo import drawn
from neuromorph.characterization.samples import device_parameters
from neuromorph.devices.cnfet import CnfetParameters
from neuromorph.devices.variation import DeviceStatistics, folded
from neuromorph.spice.instances import Device, individualised
from neuromorph.spice.structure import read_structure

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
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "deck.cir"
        file.write_text(f"{title}\n{text}\n")
        structure = read_structure([file])

    def own(device: Device) -> dict[str, float]:
        kind: CnfetParameters = device_parameters(structure, device, WHOLE)
        found = folded(kind, drawn(statistics, seed, number, device, kind))
        return {name: float(values[0]) for name, values in found.parameters.items()}

    cards = [re.sub(r"v\((x\w+\.)", rf"v(x{WHOLE}.\1", line) for line in rest]
    made = individualised(text, structure, WHOLE, own)
    return "\n".join([title, made, f"x{WHOLE} {ports} {WHOLE}", *cards]) + "\n"


def _nodes(instance: str) -> list[str]:
    """Between an instance's name and its model; parameters do not count."""
    return [word for word in instance.split() if "=" not in word][1:-1]
