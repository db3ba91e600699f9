"""Every transistor of a circuit as one of its own: subcircuits copied per instance, parameters written on device lines.

Two instances of a subcircuit share its text, so ngspice cannot give their transistors different values.  A copy of the
subcircuit per instance can; nodes and instances keep their names, and with them whatever a bench refers to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from neuromorph.errors import CircuitError
from neuromorph.spice.structure import Element, Structure

_BEGIN = re.compile(r"^\s*\.subckt\s+(\S+)", re.I)
_END = re.compile(r"^\s*\.ends\b", re.I)


@dataclass(frozen=True)
class Device:
    """One transistor of a flattened circuit.

    Attributes
    ----------
    path : instances down to it, ``xin.xo.xtail``
    element : its line
    given : what its line sets, with the parameters of the subcircuits around it put in
    """

    path: str
    element: Element
    given: Mapping[str, str]


def devices(structure: Structure, top: str) -> list[Device]:
    """Transistors of a subcircuit and of all its parts, in the order of the netlist."""
    return list(_devices(structure, top, "", dict(structure[top].parameters)))


def _devices(structure: Structure, name: str, prefix: str, values: Mapping[str, str]) -> Iterator[Device]:
    for element in structure[name].elements:
        path = f"{prefix}{element.name}"
        if element.is_transistor:
            yield Device(path, element, _given(element, values))
        elif element.kind == "x":
            inside = {**structure[element.model].parameters, **_given(element, values)}
            yield from _devices(structure, element.model, f"{path}.", inside)


def _given(element: Element, values: Mapping[str, str]) -> dict[str, str]:
    """An instance's parameters; a name in braces is the surrounding subcircuit's."""
    return {name: values.get(text.strip("{}'"), text) for name, text in element.parameters.items()}


def individualised(
    text: str, structure: Structure, top: str, parameters: Callable[[Device], Mapping[str, float]]
) -> str:
    """A netlist's text in which every transistor carries parameters of its own.

    A bench may use a part of the block alone: a subcircuit by its own name is the first instance of it in ``top``, or,
    where ``top`` has none, a circuit beside it (path ``name:``).

    Parameters
    ----------
    text : str
        The netlist, includes expanded.
    structure : Structure
        Of the same netlist.
    top : str
        Subcircuit of the block.
    parameters : callable
        What to write on a device's line, by device.

    Raises
    ------
    CircuitError
        When the text defines no subcircuit ``top``.
    """
    bodies, rest = _subcircuits(text)
    if top.lower() not in bodies:
        raise CircuitError(
            f"no .subckt {top!r} in the netlist", remedy=f"it has: {', '.join(sorted(bodies))}"
        )
    first = {top.lower(): ""}
    for path, model in _instances(structure, top, ""):
        first.setdefault(model.lower(), f"{path}.")
    copies: list[str] = []
    kept: list[str] = []
    for name, lines in bodies.items():
        if not any(element.kind == "x" or element.is_transistor for element in structure[name].elements):
            kept += lines  # a device's own equations
            continue
        prefix, own = first.get(name, f"{name}:"), structure[name]
        _copy(bodies, structure, name, prefix, own.name, dict(own.parameters), parameters, copies)
    return "\n".join([*rest, *kept, *copies])


def _instances(structure: Structure, name: str, prefix: str) -> Iterator[tuple[str, str]]:
    for element in structure[name].elements:
        if element.kind == "x" and not element.is_transistor:
            path = f"{prefix}{element.name}"
            yield path, element.model
            yield from _instances(structure, element.model, f"{path}.")


def _subcircuits(text: str) -> tuple[dict[str, list[str]], list[str]]:
    """Lines of every subcircuit by lower-case name, and all other lines; continuations joined, comments dropped."""
    bodies: dict[str, list[str]] = {}
    rest: list[str] = []
    inside: list[str] | None = None
    for line in _whole_lines(text):
        begins = _BEGIN.match(line)
        if begins:
            inside = bodies.setdefault(begins[1].lower(), [])
        (rest if inside is None else inside).append(line)
        if _END.match(line):
            inside = None
    return bodies, rest


def _whole_lines(text: str) -> list[str]:
    lines: list[str] = []
    for line in text.splitlines():
        plain = line.split(";")[0].split(" $ ")[0].rstrip()
        if plain.lstrip().startswith("+") and lines:
            lines[-1] += " " + plain.lstrip()[1:].strip()
        elif plain:
            lines.append(plain)
    return lines


def _copy(
    bodies: Mapping[str, list[str]],
    structure: Structure,
    name: str,
    prefix: str,
    new_name: str,
    values: Mapping[str, str],
    parameters: Callable[[Device], Mapping[str, float]],
    copies: list[str],
) -> None:
    elements = {element.name.lower(): element for element in structure[name].elements}
    lines = []
    for line in bodies[name.lower()]:
        words = line.split()
        element = elements.get(words[0].lower())
        if _BEGIN.match(line):
            line = " ".join([words[0], new_name, *words[2:]])
        elif _END.match(line):
            line = f".ends {new_name}"
        elif element is not None and element.is_transistor:
            device = Device(f"{prefix}{element.name}", element, _given(element, values))
            own = {key: f"{value:.9g}" for key, value in parameters(device).items()}
            line = _instance(element, element.model, {**element.parameters, **own})
        elif element is not None and element.kind == "x":
            part = f"{new_name}__{element.name}"
            line = _instance(element, part, element.parameters)
            inside = {**structure[element.model].parameters, **_given(element, values)}
            path = f"{prefix}{element.name}."
            _copy(bodies, structure, element.model, path, part, inside, parameters, copies)
        lines.append(line)
    copies.extend(lines)


def _instance(element: Element, model: str, parameters: Mapping[str, str]) -> str:
    """An element's line, with its own nodes, another model and each parameter once."""
    return " ".join([element.name, *element.nodes, model, *(f"{k}={v}" for k, v in parameters.items())])
