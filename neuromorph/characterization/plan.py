"""What is to be measured of a circuit: its sweeps, checked, and a hash that changes when an answer could."""

from __future__ import annotations

import contextlib
import functools
import inspect
import io
import itertools
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

from neuromorph.circuit import Circuit, Sweep
from neuromorph.errors import CircuitError
from neuromorph.library import Library
from neuromorph.spice.netlist import digest

_TWO_NODES = "vircld"
"""Elements whose second and third words are their nodes."""
_CONSTANTS = (int, float, complex, str, bytes, bool, type(None), tuple, list, dict, frozenset, set, Path)


@dataclass(frozen=True)
class Plan:
    """Sweeps of a circuit and their hash."""

    circuit: Circuit
    sweeps: tuple[Sweep, ...]
    digest: str

    @property
    def points(self) -> int:
        """ngspice runs that it takes."""
        return sum(int(np.prod(sweep.shape)) for sweep in self.sweeps)

    def is_done(self, library: Library) -> bool:
        """Whether the library holds exactly this."""
        return library.attributes(self.circuit.name).get("plan_sha256") == self.digest


def planned(circuit: Circuit, sweeps: Iterable[Sweep] | None = None) -> Plan:
    """The plan of some sweeps (by default all that are not held out).

    Raises
    ------
    CircuitError
        When there is nothing to measure, the stated number of transistors is wrong, or a source of a bench drives nothing.
    """
    chosen = tuple(s for s in circuit.sweeps if not s.held_out) if sweeps is None else tuple(sweeps)
    if not chosen:
        raise CircuitError("the recipe has no sweep to measure", where=circuit.name,
                           remedy="add a Sweep that is not held out")  # fmt: skip
    counted = circuit.structure().transistors(circuit.subcircuit)
    if counted != circuit.transistors:
        raise CircuitError(f"it states {circuit.transistors} transistors, its netlist has {counted}",
                           where=circuit.name, remedy="correct transistors=")  # fmt: skip
    decks = [[circuit.bench(sweep, point) for _, point in sweep.points()] for sweep in chosen]
    for sweep, texts in zip(chosen, decks, strict=True):
        _refuse_loose_ends(circuit, sweep, texts[0])
    outputs = [f"{sweep.name}:{sorted(sweep.outputs)}" for sweep in chosen]
    code = ["\n".join(source_of(sweep.measure)) for sweep in chosen]
    texts = [circuit.netlist_text(), *itertools.chain(*decks), *outputs, *code]
    return Plan(circuit, chosen, digest(*texts))


def source_of(function: Callable[..., Any]) -> Iterator[str]:
    """Text of a function and of what it uses of its own module, without comments and blank lines.

    Constants come as their values; what it takes from elsewhere does not count.
    """
    yield from _source(function, set())


def _source(function: Any, seen: set[Any]) -> Iterator[str]:
    if isinstance(function, functools.partial):
        yield repr((_plain(function.args), _plain(function.keywords)))
        function = function.func
    code = getattr(function, "__code__", None)
    if code is None or code in seen:
        yield getattr(function, "__qualname__", type(function).__name__)
        return
    seen.add(code)
    yield _text(function)
    for cell in function.__closure__ or ():
        yield from _used(cell.cell_contents, function.__module__, seen)
    for name in sorted(_names(code)):
        if name in function.__globals__:
            yield name
            yield from _used(function.__globals__[name], function.__module__, seen)


def _used(value: Any, module: str, seen: set[Any]) -> Iterator[str]:
    if callable(value):
        if getattr(value, "__module__", None) == module:
            yield from _source(value, seen)
    else:
        yield repr(_plain(value))


def _names(code: CodeType) -> set[str]:
    """Global names in a function and in the functions inside it."""
    inner = (const for const in code.co_consts if isinstance(const, CodeType))
    return set(code.co_names).union(*(_names(const) for const in inner))


def _plain(value: Any) -> Any:
    """A constant as itself, an array as a list, anything else as the name of its kind."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(map(repr, value))
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Path):
        return value.name
    return value if isinstance(value, _CONSTANTS) else type(value).__name__


def _text(function: Callable[..., Any]) -> str:
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):  # typed at a prompt
        return repr(function.__code__.co_code)
    lines = source.splitlines()
    for token in _comments(source):
        row, column = token.start
        lines[row - 1] = lines[row - 1][:column]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _comments(source: str) -> Iterator[tokenize.TokenInfo]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    with contextlib.suppress(tokenize.TokenError, IndentationError):  # a lambda within a call that goes on
        yield from (token for token in tokens if token.type == tokenize.COMMENT)


def _refuse_loose_ends(circuit: Circuit, sweep: Sweep, bench: str) -> None:
    """A node that one source alone touches is a misspelt pin."""
    cards = [
        line.lower().split()
        for line in re.sub(r"\n\s*\+", " ", bench).splitlines()
        if line.strip() and line.lstrip()[0] not in "*."
    ]
    words = [set(re.findall(r"[\w.#]+", " ".join(card[1:]))) for card in cards]
    for n, card in enumerate(cards):
        if card[0][0] not in _TWO_NODES:
            continue
        for node in card[1:3]:
            if (
                node not in ("0", "gnd")
                and "." not in node
                and not any(node in w for m, w in enumerate(words) if m != n)
            ):
                raise CircuitError(
                    f"{card[0]} of its bench is connected to node {node!r}, which nothing else touches",
                    where=f"{circuit.name}, sweep {sweep.name}",
                    remedy=f"the pins of .subckt {circuit.subcircuit} are: {' '.join(circuit.ports())}",
                )  # fmt: skip
