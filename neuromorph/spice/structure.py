"""What a netlist is made of: subcircuits, their pins and elements, each with the line it stands on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from neuromorph.errors import CircuitError, InputError
from neuromorph.spice.netlist import Line, netlist_lines
from neuromorph.units import parse_spice

_NODES = {"r": 2, "c": 2, "l": 2, "b": 2, "v": 2, "i": 2, "d": 2, "m": 4, "q": 3, "j": 3, "e": 4, "g": 4,
          "s": 4, "f": 2, "h": 2, "w": 2, "t": 4}  # fmt: skip
_MODELLED = "mqdj"
_BARE = "kaoupyz"
"""Elements whose nodes are not read here: couplings, code models, lossy lines."""
_TRANSISTOR = re.compile(r"(^|_)[np]?fet(_|$)|^[np]fet", re.I)
SUPPLIES = ("0", "gnd", "vdd", "vss")


@dataclass(frozen=True)
class Element:
    """An element of a subcircuit.

    Attributes
    ----------
    kind : str
        Its letter: ``"x"`` an instance, ``"c"`` a capacitor and so on.
    nodes : tuple of str
    model : str
        Subcircuit or model it names; for a resistor or capacitor its value.
    parameters : mapping
        What stands on its line as ``name=value``.
    where : str
        ``file:line``.
    """

    name: str
    kind: str
    nodes: tuple[str, ...]
    model: str
    parameters: Mapping[str, str]
    where: str

    @property
    def is_transistor(self) -> bool:
        """A MOS, JFET or bipolar device, or an instance of a subcircuit named as a FET."""
        return self.kind in "mjq" or (self.kind == "x" and _TRANSISTOR.search(self.model) is not None)


@dataclass(frozen=True)
class Subcircuit:
    """A ``.subckt``: pins, parameters with defaults, elements and the comment above it."""

    name: str
    ports: tuple[str, ...]
    parameters: Mapping[str, str]
    elements: tuple[Element, ...]
    header: tuple[str, ...]
    where: str

    @property
    def nodes(self) -> frozenset[str]:
        """Every net of it, lower case."""
        return frozenset(n.lower() for n in (*self.ports, *(n for e in self.elements for n in e.nodes)))


@dataclass
class Structure:
    """Subcircuits and models of some netlists, by lower-case name."""

    subcircuits: dict[str, Subcircuit] = field(default_factory=dict)
    models: set[str] = field(default_factory=set)

    def __getitem__(self, name: str) -> Subcircuit:
        found = self.subcircuits.get(name.lower())
        if found is None:
            names = ", ".join(sorted(s.name for s in self.subcircuits.values())) or "none"
            raise CircuitError(f"no .subckt {name!r} in the netlists", remedy=f"they have: {names}")
        return found

    def parts(self, name: str) -> Iterator[Element]:
        """Elements of a subcircuit and of all it is built from, transistors taken as whole."""
        for element in self[name].elements:
            if element.kind == "x" and not element.is_transistor:
                yield from self.parts(element.model)
            else:
                yield element

    def transistors(self, name: str) -> int:
        """Number of transistors, nested blocks included."""
        return sum(part.is_transistor for part in self.parts(name))

    def tubes(self, name: str, given: Mapping[str, float] | None = None) -> int:
        """Number of nanotubes, nested blocks included; devices without the parameter have none."""
        values = self._parameters(name, given)
        total = 0
        for element in self[name].elements:
            if element.is_transistor:
                total += self.device_tubes(element, values)
            elif element.kind == "x":
                total += self.tubes(element.model, self._passed(element, values))
        return total

    def _parameters(self, name: str, given: Mapping[str, float] | None) -> dict[str, str]:
        """A subcircuit's parameters as text: those given, the others by default."""
        return dict(self[name].parameters) | {n: f"{v:.12g}" for n, v in (given or {}).items()}

    def _passed(self, element: Element, values: Mapping[str, str]) -> dict[str, float]:
        """What an instance hands to its subcircuit."""
        return {n: _value(t, values, element.where) for n, t in element.parameters.items()}

    def capacitance(self, name: str, given: Mapping[str, float] | None = None) -> float:
        """Sum of the explicit capacitors, F, nested blocks included; parameters as given or by default."""
        values = self._parameters(name, given)
        total = 0.0
        for element in self[name].elements:
            if element.kind == "c":
                total += _value(element.model, values, element.where)
            elif element.kind == "x" and not element.is_transistor:
                total += self.capacitance(element.model, self._passed(element, values))
        return total

    def device_tubes(self, device: Element, values: Mapping[str, str] | None = None) -> int:
        """Nanotubes of one transistor: its own ``tubes=``, a parameter it names, or its subcircuit's default."""
        default = self.subcircuits[device.model.lower()].parameters if device.kind == "x" else {}
        text = device.parameters.get("tubes", default.get("tubes", "0"))
        try:
            return int(_value(text, values or {}, device.where))
        except CircuitError as error:
            raise CircuitError(
                f"tubes={text} of {device.name} is not a number", where=device.where
            ) from error


def _value(text: str, parameters: Mapping[str, str], where: str) -> float:
    """A number, or the parameter whose name stands in braces."""
    name = text.strip("{}'\"")
    try:
        return parse_spice(parameters.get(name, name))
    except InputError as error:
        raise CircuitError(f"{text} is neither a number nor a parameter", where=where) from error


def read_structure(paths: Iterable[Path]) -> Structure:
    """Subcircuits and models of netlists, checked to refer to nothing that is missing.

    Raises
    ------
    CircuitError
        For a line that cannot be read, a subcircuit that does not end or is defined twice, an instance of a
        missing subcircuit or with a wrong number of nodes, a missing model; names file and line.
    """
    return _read(tuple(netlist_lines(Path(path)) for path in paths))


def structure_of(text: str, where: str = "netlist") -> Structure:
    """:func:`read_structure` of a text, includes expanded.

    Raises
    ------
    CircuitError
        As :func:`read_structure`; names the line's number in the text.
    """
    lines = [Line(f"{where}:{number}", line) for number, line in enumerate(text.splitlines(), 1)]
    return _read((tuple(lines),))


@lru_cache(maxsize=64)
def _read(files: tuple[tuple[Line, ...], ...]) -> Structure:
    structure = Structure()
    for lines in files:
        _read_file(_joined(lines), structure)
    for subcircuit in structure.subcircuits.values():
        for element in subcircuit.elements:
            _check(element, structure)
    return structure


def _joined(lines: Iterable[Line]) -> list[Line]:
    """Lines with their ``+`` continuations."""
    joined: list[Line] = []
    for line in lines:
        if line.text.lstrip().startswith("+") and joined:
            joined[-1] = Line(joined[-1].where, f"{joined[-1].text} {line.text.lstrip()[1:]}")
        else:
            joined.append(line)
    return joined


def _read_file(lines: Iterable[Line], structure: Structure) -> None:
    header: list[str] = []
    begun: tuple[Line, tuple[str, ...]] | None = None
    elements: list[Element] = []
    for line in lines:
        word = line.text.lower().split()[:1]
        if word == [".model"]:
            structure.models.add(line.text.lower().split()[1] if len(line.text.split()) > 1 else "")
        elif word == [".subckt"]:
            if begun:
                raise CircuitError("a .subckt inside another", where=line.where, remedy="close it with .ends")
            begun, elements, header = (line, tuple(header)), [], []
        elif word == [".ends"]:
            if not begun:
                raise CircuitError(".ends without .subckt", where=line.where)
            _add(structure, _subcircuit(*begun, elements))
            begun = None
        elif begun and not line.is_comment and not line.text.lstrip().startswith("."):
            elements.append(read_element(line))
        elif not begun and line.text.startswith("*"):
            header.append(line.text[1:])
        elif not begun:
            header = []
    if begun:
        raise CircuitError("this .subckt has no .ends", where=begun[0].where)


def _add(structure: Structure, subcircuit: Subcircuit) -> None:
    known = structure.subcircuits.setdefault(subcircuit.name.lower(), subcircuit)
    if known.where != subcircuit.where:
        raise CircuitError(
            f".subckt {subcircuit.name} is defined again", where=subcircuit.where,
            remedy=f"rename one: the first is at {known.where}",
        )  # fmt: skip


def _words(text: str) -> tuple[list[str], dict[str, str]]:
    """Plain words of a line, and its ``name=value`` pairs (lower-case names)."""
    text = re.sub(r"\s*=\s*", "=", text.split(";")[0].split(" $ ")[0])
    words = re.findall(r"(?:\{[^}]*\}|'[^']*'|\([^)]*\)|\S)+", text)
    plain = [w for w in words if "=" not in w and w.lower() != "params:"]
    pairs = dict(w.split("=", 1) for w in words if "=" in w)
    return plain, {name.lower(): value for name, value in pairs.items()}


def _subcircuit(line: Line, header: tuple[str, ...], elements: list[Element]) -> Subcircuit:
    words, parameters = _words(line.text)
    if len(words) < 3:
        raise CircuitError(f"{line.text.strip()!r} names no pins", where=line.where)
    return Subcircuit(words[1], tuple(words[2:]), parameters, tuple(elements), header, line.where)


def read_element(line: Line) -> Element:
    """An element's line taken apart.

    Raises
    ------
    CircuitError
        When it is none, or has too few nodes.
    """
    words, parameters = _words(line.text)
    name, kind = words[0], words[0][0].lower()
    if kind in _BARE:
        return Element(name, kind, (), "", parameters, line.where)
    count = len(words) - 2 if kind == "x" else _NODES.get(kind)
    if count is None:
        raise CircuitError(f"{name!r} is no SPICE element", where=line.where,
                           remedy="its first letter says what it is: x instance, r, c, m ...")  # fmt: skip
    nodes = tuple(words[1 : 1 + count])
    needs_model = kind == "x" or kind in _MODELLED
    if len(nodes) < max(count, 1) or (needs_model and len(words) < count + 2):
        raise CircuitError(f"{line.text.strip()!r} has too few nodes", where=line.where)
    model = words[1 + count] if len(words) > 1 + count else ""
    return Element(name, kind, nodes, model, parameters, line.where)


def _check(element: Element, structure: Structure) -> None:
    name = element.model.lower()
    if element.kind in _MODELLED and name not in structure.models:
        known = ", ".join(sorted(structure.models)) or "none"
        raise CircuitError(f"{element.name} uses the model {element.model!r}, which is missing",
                           where=element.where, remedy=f".model cards here: {known}; add its file to netlists")  # fmt: skip
    if element.kind != "x":
        return
    if name not in structure.subcircuits:
        known = ", ".join(sorted(s.name for s in structure.subcircuits.values()))
        raise CircuitError(f"{element.name} uses the subcircuit {element.model!r}, which is missing",
                           where=element.where, remedy=f"subcircuits here: {known}; add its file to netlists")  # fmt: skip
    pins = structure.subcircuits[name].ports
    if len(pins) != len(element.nodes):
        raise CircuitError(
            f"{element.name} connects {len(element.nodes)} nodes to {element.model}, which has {len(pins)} pins",
            where=element.where, remedy=f"its pins are: {' '.join(pins)}",
        )  # fmt: skip


_SECTION = re.compile(r"^\s*(ports?|knobs?|states?)\s*:\s*", re.I)


def port_meanings(subcircuit: Subcircuit) -> dict[str, str]:
    """What the comment above a subcircuit says of its pins, by pin.

    Read are the sections ``ports:``, ``knobs:`` and ``states:``: a pin, several,
    or a range ``in1..in8``, then words up to the next comma, semicolon or line that begins with a pin.
    """
    pins = {pin.lower(): pin for pin in subcircuit.ports}
    meanings: dict[str, str] = {}
    inside, last = False, tuple[str, ...]()
    for line in subcircuit.header:
        for part in re.split(r";\s*(?=(?:ports?|knobs?|states?)\s*:)", line):
            begins = _SECTION.match(part)
            inside = bool(begins) or (inside and part.startswith("   "))
            last = () if begins else last
            if not inside:
                continue
            for separator, clause in _clauses(part[begins.end() :] if begins else part):
                named, words = _leading_pins(clause.split(), pins)
                if named:
                    last = tuple(pin for pin in named if not meanings.get(pin))
                    meanings.update(dict.fromkeys(last, words))
                elif words:
                    meanings.update(
                        {pin: f"{meanings[pin]}{separator} {words}".lstrip(",; ") for pin in last}
                    )
    return meanings


def _clauses(text: str) -> list[tuple[str, str]]:
    """Pieces between commas and semicolons outside brackets, each with the mark before it."""
    pieces = re.split(r"([,;])\s*(?![^()]*\))", text)
    return list(zip([",", *pieces[1::2]], pieces[::2], strict=True))


def _leading_pins(words: list[str], pins: Mapping[str, str]) -> tuple[list[str], str]:
    """Pins that a clause begins with, and the words after them; a sum such as ``vref + 0.1 V`` begins with none."""
    named: list[str] = []
    rest = list(words)
    while rest:
        found = _pin_range(rest[0].lower(), pins)
        if not found:
            break
        named += found
        rest.pop(0)
    if rest and not (rest[0][0].isalpha() or rest[0][0] == "("):
        return [], " ".join(words)
    return named, " ".join(rest)


def _pin_range(word: str, pins: Mapping[str, str]) -> list[str]:
    """The pin a word is, or those of a range."""
    match = re.fullmatch(r"([a-z_]+)(\d+)\.\.(?:\1)?(\d+)", word)
    names = [f"{match[1]}{k}" for k in range(int(match[2]), int(match[3]) + 1)] if match else [word]
    return [pins[name] for name in names] if all(name in pins for name in names) else []
