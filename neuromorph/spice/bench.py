"""What a bench says of itself in its comments, and what ngspice measured in it.

A comment line ``* KEY: TEXT`` of a bench or chain:

=========  ===================================  =============================================
key        text                                 meaning
=========  ===================================  =============================================
run        COMMAND                              how to run it
expect     QUANTITY LOW HIGH                    limits of a ``.meas`` result, SPICE numbers
quantity   QUANTITY | UNIT | MEANING            what the result is
shows      TEXT                                 what the bench demonstrates; lines are joined
phase      START STOP | TEXT                    a stretch of the transient, SPICE numbers in s
panel      LABEL | UNIT [LOW HIGH] | VECTORS    a panel of its plot: ``v(node)``, ``i(source)``;
                                                its axis may be cut, in the unit
=========  ===================================  =============================================
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from neuromorph.errors import CircuitError
from neuromorph.spice.netlist import load_netlist
from neuromorph.units import parse_spice

_VECTOR = re.compile(r"([vi])\((\S+)\)")
_RESULT = re.compile(r"^(\w+)\s*=\s*(\S+)", re.M)
_OUTPUT = re.compile(r"\s*\.(meas|measure|print)\s", re.I)


class Quantity(NamedTuple):
    """Unit and meaning of a ``.meas`` result."""

    unit: str
    meaning: str


class Phase(NamedTuple):
    """A stretch of a transient, s."""

    start: float
    stop: float
    text: str


class Panel(NamedTuple):
    """Waveforms that share an axis; vectors by their names in :class:`~neuromorph.spice.engine.Waveforms`."""

    label: str
    unit: str
    vectors: tuple[str, ...]
    limits: tuple[float, float] | None = None


def remarks(bench: Path, key: str) -> list[str]:
    """Texts of the ``* KEY: TEXT`` lines, in order."""
    head = f"* {key}: "
    return [line[len(head) :].strip() for line in bench.read_text().splitlines() if line.startswith(head)]


def _fields(bench: Path, key: str, form: str) -> list[list[str]]:
    """Remarks cut at ``|``, each with as many fields as its form."""
    rows = [[field.strip() for field in text.split("|")] for text in remarks(bench, key)]
    for row in rows:
        if len(row) != form.count("|") + 1:
            raise CircuitError(f"'* {key}: {' | '.join(row)}'", where=bench, remedy=f"write * {key}: {form}")
    return rows


def title(bench: Path) -> str:
    """What stands after the name in the first line."""
    return bench.read_text().splitlines()[0].partition(": ")[2]


def expectations(bench: Path) -> dict[str, tuple[float, float]]:
    """Limits that a bench states for its results."""
    rows = [text.split() for text in remarks(bench, "expect")]
    return {name: (parse_spice(low), parse_spice(high)) for name, low, high in rows}


def quantities(bench: Path) -> dict[str, Quantity]:
    """Unit and meaning of a bench's results."""
    rows = _fields(bench, "quantity", "QUANTITY | UNIT | MEANING")
    return {name: Quantity(unit, meaning) for name, unit, meaning in rows}


def phases(bench: Path) -> list[Phase]:
    """Stretches of a bench's transient."""
    rows = _fields(bench, "phase", "START STOP | TEXT")
    ends = [[parse_spice(word) for word in times.split()] for times, _ in rows]
    return [Phase(start, stop, text) for (start, stop), (_, text) in zip(ends, rows, strict=True)]


def panels(bench: Path) -> list[Panel]:
    """Panels of a bench's plot."""
    rows = _fields(bench, "panel", "LABEL | UNIT [LOW HIGH] | v(node) i(source)")
    return [_panel(bench, label, *unit.split(maxsplit=1), words=words) for label, unit, words in rows]


def _panel(bench: Path, label: str, unit: str, limits: str = "", *, words: str) -> Panel:
    if not limits:
        return Panel(label, unit, _vectors(bench, words))
    low, high = (parse_spice(word) for word in limits.split())
    return Panel(label, unit, _vectors(bench, words), (low, high))


def _vectors(bench: Path, words: str) -> tuple[str, ...]:
    matches = [_VECTOR.fullmatch(word.lower()) for word in words.split()]
    if not matches or None in matches:
        raise CircuitError(f"panel shows '{words}'", where=bench, remedy="write v(node) or i(source)")
    return tuple(m[2] if m[1] == "v" else f"{m[2]}#branch" for m in matches if m)


def engine_netlist(bench: Path) -> str:
    """A bench as the engine takes it: expanded, without what prints results."""
    lines = [line for line in load_netlist(bench).splitlines() if not _OUTPUT.match(line)]
    return "\n".join([f"* {bench.stem}", *lines, ".end", ""])


def results(output: str) -> dict[str, float]:
    """``.meas`` results in the output of ``ngspice -b``; a failed one is missing."""
    found = {}
    for name, word in _RESULT.findall(output):
        try:
            found[name.lower()] = float(word)
        except ValueError:  # "failed"
            continue
    return found
