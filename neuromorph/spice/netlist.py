"""Read netlists as the untrusted input they are: no control sections, includes confined, one hash."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from neuromorph.errors import CircuitError

_INCLUDE = re.compile(r"^\s*\.(include|inc|lib)\s+(?:\"([^\"]+)\"|'([^']+)'|(\S+))", re.I)
_REFUSED = re.compile(
    r"^\s*(\.control|\.endc|\.exec|\.csdf|\.write|shell\b|system\b|source\b|\*ng_script)|filesource|input_file\s*=",
    re.I,
)
MAXIMUM_BYTES = 4 << 20
"""A netlist with its includes may not be longer."""


class Line(NamedTuple):
    """A line of a netlist and where it stands (``file:number``)."""

    where: str
    text: str

    @property
    def is_comment(self) -> bool:
        """Nothing ngspice acts on: a comment, an empty line or the final ``.end``."""
        return not self.text or re.match(r"\s*(\*|\.end\s*$)", self.text, re.I) is not None


def load_netlist(path: Path, allowed: tuple[Path, ...] = ()) -> str:
    """Text of a netlist with its includes expanded and its comments dropped.

    Parameters
    ----------
    path : Path
    allowed : tuple of Path
        Folders from which includes may come, beside the netlist's own tree
        (its folder and the folder above it).

    Raises
    ------
    CircuitError
        For a missing file or include, an include from elsewhere, a control
        section or shell command; names file, line and remedy.
    """
    return "\n".join(line.text for line in netlist_lines(path, allowed) if not line.is_comment)


def netlist_lines(path: Path, allowed: tuple[Path, ...] = ()) -> tuple[Line, ...]:
    """Every line of a netlist, comments too, with its includes expanded."""
    path = Path(path).resolve()
    stamp = path.stat().st_mtime_ns if path.is_file() else 0
    return _load(path, tuple(Path(folder).resolve() for folder in allowed), stamp)


@lru_cache(maxsize=256)
def _load(path: Path, allowed: tuple[Path, ...], _stamp: int) -> tuple[Line, ...]:
    roots = (path.parent, path.parent.parent, *allowed)
    return tuple(_expand(path, roots, (path,)))


def _expand(path: Path, roots: tuple[Path, ...], open_files: tuple[Path, ...]) -> list[Line]:
    if not path.is_file():
        raise CircuitError("netlist not found", where=path, remedy="check the path in the recipe")
    if path.stat().st_size > MAXIMUM_BYTES:
        raise CircuitError(f"netlist is longer than {MAXIMUM_BYTES} bytes", where=path)
    lines: list[Line] = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        if _REFUSED.search(line):
            raise CircuitError(
                f"'{line.strip()}' is refused: netlists may not run commands or read files",
                where=f"{path}:{number}",
                remedy="use .save, .print and .meas; neuromorph runs the analyses",
            )
        match = _INCLUDE.match(line)
        if match:
            target = (path.parent / (match[2] or match[3] or match[4])).resolve()
            lines += _include(target, f"{path}:{number}", roots, open_files)
        else:
            lines.append(Line(f"{path}:{number}", line.rstrip()))
    return lines


def _include(target: Path, where: str, roots: tuple[Path, ...], open_files: tuple[Path, ...]) -> list[Line]:
    if target in open_files:
        raise CircuitError(f"{target.name} includes itself", where=where)
    if not any(target.is_relative_to(root) for root in roots):
        raise CircuitError(
            f"include {target} lies outside the recipe's folders",
            where=where,
            remedy=f"move it under {roots[1]}",
        )
    if not target.is_file():
        raise CircuitError(f"include {target.name} not found", where=where, remedy=f"expected at {target}")
    return _expand(target, roots, (*open_files, target))


def digest(*texts: str) -> str:
    """SHA-256 of texts, as hexadecimal."""
    state = hashlib.sha256()
    for text in texts:
        state.update(text.encode())
        state.update(b"\0")
    return state.hexdigest()
