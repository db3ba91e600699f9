"""A deck taken apart: nodes, transistors with their constants, capacitors, sources and the analysis.

What it may be made of is what the project's blocks and their benches are made of: CNFETs of the project's form, capacitors,
voltage sources to ground and current sources, constant or piecewise linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np

from neuromorph.devices.cnfet import CnfetParameters
from neuromorph.devices.equations import evaluate_geometry
from neuromorph.devices.netlist import subcircuit
from neuromorph.errors import CircuitError, InputError
from neuromorph.spice.netlist import Line
from neuromorph.spice.structure import Element, Structure, read_element, structure_of
from neuromorph.units import parse_spice

GROUND = ("0", "gnd")
OTHERWISE = "ngspice solves it: --solver ngspice"
CONSTANTS = ("vth0", "eta", "avt", "nv", "vxo", "vxl", "rs", "qv", "lmu", "vt", "tubes", "goff")
"""Of a device, what the bias equations read."""
_VECTOR = re.compile(r"([vi])\(\s*([^\s(),]+)\s*\)", re.I)
_START = re.compile(r"v\(\s*([^\s()]+)\s*\)\s*=\s*([^\s]+)", re.I)


@dataclass(frozen=True)
class Source:
    """A source's corners: times, s, and values, V or A; constant before the first and after the last."""

    times: tuple[float, ...]
    values: tuple[float, ...]

    @property
    def jump(self) -> float:
        """When it first has two values at once, s; infinity where it never does."""
        return next((time for time, later in pairwise(self.times) if later == time), np.inf)

    def at(self, times: np.ndarray) -> np.ndarray:
        """Values at ``times``."""
        return np.interp(times, self.times, self.values)


@dataclass(frozen=True)
class Deck:
    """A flat circuit and its one analysis.

    Attributes
    ----------
    free : nodes whose voltage is to be found, lower case
    driven : nodes with a voltage source to ground, and the source's name
    sign, drain, gate, source : of every device: 1 for n, -1 for p, and places in ``(*free, *driven, ground)``
    constants : by name of :data:`CONSTANTS`, [devices]
    plates, farads : places of a capacitor's ends, and its capacitance; the devices' own among them
    voltages : of the driven nodes
    injected : current sources, from a node, to a node
    start, guess : by node, V: where it is held for the operating point, and where the search begins
    analysis : its words, lower case: ``("tran", "1n", "1u", "0", "2n", "uic")``
    saved : names as in :class:`~neuromorph.spice.engine.Waveforms`
    sources : place of the node of every voltage source, by its name
    injectors : names of the current sources
    """

    free: tuple[str, ...]
    driven: Mapping[str, str]
    sign: np.ndarray
    drain: np.ndarray
    gate: np.ndarray
    source: np.ndarray
    constants: Mapping[str, np.ndarray]
    plates: np.ndarray
    farads: np.ndarray
    voltages: tuple[Source, ...]
    injected: tuple[tuple[int, int, Source], ...]
    start: Mapping[str, float]
    guess: Mapping[str, float]
    analysis: tuple[str, ...]
    saved: tuple[str, ...]
    sources: Mapping[str, int]
    injectors: tuple[str, ...]

    @cached_property
    def form(self) -> tuple[object, ...]:
        """What two decks share that can be solved side by side: all but values, and of a sweep those too."""
        ends = [(a, b) for a, b, _ in self.injected]
        arrays = (self.sign, self.drain, self.gate, self.source, self.plates)
        kind = self.analysis if self.analysis[0] == "dc" else (self.analysis[0], "uic" in self.analysis)
        return (self.free, tuple(self.driven.items()), *(a.tobytes() for a in arrays), tuple(ends), tuple(self.start),
                tuple(self.guess), kind, self.saved)  # fmt: skip


@dataclass
class _Parts:
    """What is found while instances are followed: devices with sign, nodes and parameters, capacitors with their plates."""

    devices: list[tuple[float, tuple[str, ...], dict[str, float]]] = field(default_factory=list)
    capacitors: list[tuple[str, str, float]] = field(default_factory=list)

    @cached_property
    def known(self) -> dict[str, np.ndarray]:
        """Parameters and constants of all devices, [devices]."""
        parameters = [values for _, _, values in self.devices]
        arrays = {
            name: np.array([values[name] for values in parameters]) for name in CnfetParameters().values()
        }
        every = {**arrays, **evaluate_geometry(arrays, np)}
        return {name: np.broadcast_to(every[name], len(parameters)) for name in (*CONSTANTS, "cgate")}


def read_deck(text: str, where: str = "deck") -> Deck:
    """Take a deck apart: its title, subcircuits, elements, sources and analysis.

    Raises
    ------
    CircuitError
        For an element that is none of the above, a transistor of other equations, a number that cannot be read, another
        analysis than one transient from 0 on or one sweep; names the line.
    """
    definitions, cards = _halves(text, where)
    parts = _followed(definitions, tuple(line for line in cards if line.text[0].lower() not in ".vi"), where)
    voltages, injected = dict[str, tuple[str, Source]](), list[tuple[str, str, str, Source]]()
    start, guess, analysis, saved = dict[str, float](), dict[str, float](), tuple[str, ...](), list[str]()
    for line in cards:
        word = line.text.split()[0].lower()
        if word in (".ic", ".nodeset"):
            values = {n.lower(): _number(v, line.where) for n, v in _START.findall(line.text)}
            (start if word == ".ic" else guess).update(values)
        elif word in (".tran", ".dc"):
            analysis = _analysis(line)
        elif word == ".save":
            found = _VECTOR.findall(line.text.lower())
            saved += [name if kind == "v" else f"{name}#branch" for kind, name in found]
        elif word in (".options", ".end", ".option"):
            continue
        elif word.startswith("."):
            raise CircuitError(f"{word} is not known here", where=line.where, remedy=OTHERWISE)
        elif word[0] in "vi":
            _add_source(read_element(line), voltages, injected)
    if not analysis:
        raise CircuitError("the deck has no analysis", where=where, remedy="give it a .tran or .dc line")
    every = [(name, source) for name, source in voltages.values()] + [(i[0], i[3]) for i in injected]
    for name, source in every if analysis[0] == "tran" else ():
        if source.jump <= parse_spice(analysis[2]):
            raise CircuitError(
                f"{name} jumps at {source.jump:g} s", where=where, remedy="give the jump an edge"
            )
    return _numbered(parts, voltages, injected, start, guess, analysis, tuple(saved), where)


def _analysis(line: Line) -> tuple[str, ...]:
    """Words of a transient that is kept from its start, or of a sweep of one source."""
    words = (line.text.split()[0][1:].lower(), *line.text.lower().split()[1:])
    plain = [word for word in words[1:] if word != "uic"]
    lengths = (2, 3, 4) if words[0] == "tran" else (4,)
    late = words[0] == "tran" and len(plain) > 2 and _number(plain[2], line.where) != 0
    if len(plain) not in lengths or late:
        raise CircuitError(f"{line.text.strip()!r} is no transient from 0 on and no sweep of one source", where=line.where,
                           remedy=OTHERWISE)  # fmt: skip
    return words


def _halves(text: str, where: str) -> tuple[str, list[Line]]:
    """Subcircuits' text, and the deck's own cards; continuations joined."""
    definitions, cards, inside = list[str](), list[Line](), False
    for number, line in enumerate(text.splitlines()[1:], 2):
        word = line.split()[:1]
        if not word or word[0].startswith("*"):
            continue
        inside |= word[0].lower() == ".subckt"
        if inside:
            definitions.append(line)
        elif word[0].startswith("+") and cards:
            cards[-1] = Line(cards[-1].where, f"{cards[-1].text} {line.strip()[1:]}")
        else:
            cards.append(Line(f"{where}:{number}", line))
        inside &= word[0].lower() != ".ends"
    return "\n".join(definitions), cards


@lru_cache(maxsize=256)
def _followed(definitions: str, cards: tuple[Line, ...], where: str) -> _Parts:
    """Devices and capacitors of a deck; those of one sample's many points are the same."""
    structure, parts, signs = structure_of(definitions, where), _Parts(), _signs(definitions)
    for line in cards:
        _follow(read_element(line), structure, signs, {}, {}, "", parts)
    return parts


def _signs(definitions: str) -> dict[str, float]:
    """1 or -1 of every subcircuit that is an n or p CNFET by its very text: other equations are another device's."""
    found, known, name, body = dict[str, float](), _equations(), "", list[str]()
    for line in definitions.splitlines():
        word = line.split()[0].lower()
        if word == ".subckt":
            name, body = line.split()[1].lower(), []
        elif word == ".ends":
            if tuple(body) in known:
                found[name] = known[tuple(body)]
        else:
            body.append(line.strip())
    return found


@lru_cache(maxsize=1)
def _equations() -> dict[tuple[str, ...], float]:
    """1 or -1 by the lines within the subcircuit of a CNFET, n and p, with and without a velocity factor."""
    found = {}
    for sign, polarity in ((1.0, "n"), (-1.0, "p")):
        for parameters in (CnfetParameters(), CnfetParameters(vsf=0.5)):
            # a comment and .subckt before them, .ends and an empty line behind
            found[tuple(subcircuit("fet", polarity, parameters)[2:-2])] = sign
    return found


def _add_source(
    element: Element, voltages: dict[str, tuple[str, Source]], injected: list[tuple[str, str, str, Source]]
) -> None:
    name, nodes = element.name.lower(), tuple(_plain(node) for node in element.nodes)
    if element.kind == "i":
        injected.append((name, nodes[0], nodes[1], _source(element)))
    elif nodes[1] != "0" or nodes[0] == "0" or nodes[0] in voltages:
        raise CircuitError(
            f"{name} is no source from a node of its own to ground", where=element.where, remedy=OTHERWISE
        )
    else:
        voltages[nodes[0]] = (name, _source(element))


def _plain(node: str) -> str:
    node = node.lower()
    return "0" if node in GROUND else node


def _follow(
    element: Element,
    structure: Structure,
    signs: Mapping[str, float],
    nets: Mapping[str, str],
    values: Mapping[str, str],
    prefix: str,
    parts: _Parts,
) -> None:
    """An element inside ``prefix``, whose ports are ``nets`` outside and whose parameters have ``values``."""
    nodes = tuple(
        nets.get(_plain(n), _plain(n) if _plain(n) == "0" else f"{prefix}{_plain(n)}") for n in element.nodes
    )
    given = {name: values.get(text.strip("{}'"), text) for name, text in element.parameters.items()}
    if element.is_transistor:
        if element.model.lower() not in signs:
            raise CircuitError(f"{element.name} is a {element.model}, no CNFET of the project's equations",
                               where=element.where, remedy=OTHERWISE)  # fmt: skip
        parts.devices.append((signs[element.model.lower()], nodes, _device(element, given, structure)))
    elif element.kind == "c":
        text = element.model.strip("{}'")
        parts.capacitors.append((nodes[0], nodes[1], _number(values.get(text, text), element.where)))
    elif element.kind == "x":
        inner = structure[element.model]
        ports = {_plain(port): node for port, node in zip(inner.ports, nodes, strict=True)}
        inside = {**inner.parameters, **given}
        for part in inner.elements:
            _follow(part, structure, signs, ports, inside, f"{prefix}{element.name.lower()}.", parts)
    else:
        raise CircuitError(f"{element.name} is no CNFET, capacitor or source", where=element.where,
                           remedy=OTHERWISE)  # fmt: skip


@lru_cache(maxsize=4096)
def _known(parameters: tuple[tuple[str, str], ...]) -> dict[str, float]:
    numbers = {name: parse_spice(text) for name, text in parameters}
    return dict(CnfetParameters().with_(**numbers).values())


def _device(element: Element, given: Mapping[str, str], structure: Structure) -> dict[str, float]:
    wanted = set(CnfetParameters().values())
    texts = {**structure[element.model].parameters, **given}
    try:
        return _known(tuple(sorted((name, text) for name, text in texts.items() if name in wanted)))
    except InputError as error:
        raise CircuitError(
            f"{element.name}: {error.what}", where=element.where, remedy=error.remedy
        ) from error


def _number(text: str, where: str) -> float:
    try:
        return parse_spice(text)
    except InputError as error:
        raise CircuitError(f"{text} is no number", where=where) from error


def _source(element: Element) -> Source:
    """Of a source's line: a number, or ``pwl(...)``."""
    text = element.model.lower()
    if not text.startswith("pwl"):
        return Source((0.0,), (_number(text, element.where),))
    numbers = [_number(word, element.where) for word in text[3:].strip(" ()").replace(",", " ").split()]
    if len(numbers) < 2 or len(numbers) % 2:
        raise CircuitError(f"{element.name}: pwl has no pairs of time and value", where=element.where)
    pairs = list(dict.fromkeys(zip(numbers[::2], numbers[1::2], strict=True)))
    times = [time for time, _ in pairs]
    if any(later < time for time, later in pairwise(times)):
        raise CircuitError(f"{element.name}: the times of its pwl do not rise", where=element.where)
    return Source(tuple(times), tuple(value for _, value in pairs))


def _numbered(
    parts: _Parts,
    voltages: Mapping[str, tuple[str, Source]],
    injected: list[tuple[str, str, str, Source]],
    start: Mapping[str, float],
    guess: Mapping[str, float],
    analysis: tuple[str, ...],
    saved: tuple[str, ...],
    where: str,
) -> Deck:
    met = dict.fromkeys(node for _, nodes, _ in parts.devices for node in nodes)
    met.update(dict.fromkeys(node for a, b, _ in parts.capacitors for node in (a, b)))
    met.update(dict.fromkeys(node for _, a, b, _ in injected for node in (a, b)))
    free = tuple(node for node in met if node not in voltages and node != "0")
    place = {node: k for k, node in enumerate([*free, *voltages, "0"])}
    names = {name: place[node] for node, (name, _) in voltages.items()}
    _refuse_unknown((*start, *guess, *saved), {*place, *(f"{name}#branch" for name in names)}, where)
    d, g, s = (np.array([place[nodes[k]] for _, nodes, _ in parts.devices], int) for k in range(3))
    own = parts.known["cgate"]
    ends = [(place[a], place[b]) for a, b, _ in parts.capacitors]
    plates = np.array([*ends, *zip(g, s, strict=True), *zip(g, d, strict=True)], int).reshape(-1, 2)
    return Deck(
        free=free,
        driven={node: name for node, (name, _) in voltages.items()},
        sign=np.array([sign for sign, _, _ in parts.devices]),
        drain=d, gate=g, source=s,
        constants={name: parts.known[name] for name in CONSTANTS},
        plates=plates,
        farads=np.concatenate([[c for _, _, c in parts.capacitors], own, own]),
        voltages=tuple(source for _, source in voltages.values()),
        injected=tuple((place[a], place[b], source) for _, a, b, source in injected),
        start=dict(start), guess=dict(guess), analysis=analysis, saved=saved, sources=names,
        injectors=tuple(name for name, _, _, _ in injected),
    )  # fmt: skip


def _refuse_unknown(wanted: Iterable[str], known: set[str], where: str) -> None:
    for name in wanted:
        if name not in known:
            what = "node" if not name.endswith("#branch") else "voltage source"
            raise CircuitError(f"the deck has no {what} {name.removesuffix('#branch')!r}", where=where,
                               remedy="see its .ic, .nodeset, .save")  # fmt: skip


def corners(deck: Deck, stop: float) -> np.ndarray:
    """Times at which a source bends, from 0 to ``stop``, s; those nearer than a femtosecond are one."""
    every: Iterator[float] = (
        t for source in (*deck.voltages, *(s for _, _, s in deck.injected)) for t in source.times
    )
    times = np.unique([0.0, stop, *(t for t in every if 0 < t < stop)])
    apart = np.diff(times) > 1e-15
    kept = times[np.concatenate([[True], apart])]
    kept[-1] = stop
    return kept
