"""Measured I-V curves of a transistor, read from a CSV file and checked before anything is fitted to them.

The header names every column with its unit: ``vgs_V, vds_V, id_A`` in any
order, with prefixes (``vgs_mV``, ``id_uA``), or ``vsg, vsd, isd`` for the
opposite direction.  One row is one measured point; blank lines and lines that
begin with ``#`` are left out, further columns are ignored.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuromorph.errors import InputError
from neuromorph.units import format_quantity

_PREFIX = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
_HEADER = re.compile(r"^(vgs|vds|id|vsg|vsd|isd)(?:_([a-zµ]*)([VA]))?$")
_COLUMN = {
    "vgs": ("vgs", 1),
    "vds": ("vds", 1),
    "id": ("id", 1),
    "vsg": ("vgs", -1),
    "vsd": ("vds", -1),
    "isd": ("id", -1),
}
_EXAMPLE = "write a header such as vgs_V,vds_V,id_A or vgs_V,vds_V,id_uA"
MAXIMUM_BYTES = 10 << 20
HIGHEST_VOLTAGE = 10.0
"""V.  A thin high-k gate does not survive more; a back gate on thick oxide is not this model."""
HIGHEST_CURRENT = 1e-4
"""A per tube.  Four times the 25 uA at which a tube saturates (Yao, Kane and Dekker, PRL 84, 2941, 2000)."""
LEAST_POINTS, LEAST_GATES = 12, 5


@dataclass(frozen=True)
class IVCurves:
    """Points of a transistor's static characteristics.

    Attributes
    ----------
    vgs, vds, current : ndarray, shape (n,)
        V and A, with the signs of the file: all negative for a p device in use.
    polarity : {"n", "p"}
    tubes : float
    floor : float
        Current, A, below which an error counts absolutely, above relatively.
    source, sha256 : str
        File name and hash.
    """

    vgs: np.ndarray
    vds: np.ndarray
    current: np.ndarray
    polarity: str
    tubes: float
    floor: float
    source: str = ""
    sha256: str = ""

    @property
    def mirrored(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``vgs, vds, current`` as an n device would show them."""
        sign = 1.0 if self.polarity == "n" else -1.0
        return sign * self.vgs, sign * self.vds, sign * self.current


def read_curves(
    path: Path, polarity: str, tubes: float = 1.0, floor: float = 5e-11, where: str = ""
) -> IVCurves:
    """Read and check a CSV file of I-V points.

    Parameters
    ----------
    path : Path
    polarity : {"n", "p"}
    tubes : float
        Tubes in parallel, to judge whether the current can be one.
    floor : float
        A; see :class:`IVCurves`.  2 % of 50 pA is the picoampere of a usual instrument.

    Raises
    ------
    InputError
        Names the file, the column, the line, the value and the remedy.
    """
    path = Path(path)
    if polarity not in ("n", "p"):
        raise InputError(f"polarity {polarity!r} is unknown", remedy="use n or p")
    if not 0 < floor < np.inf:
        raise InputError(f"floor = {floor!r} A must be above 0")
    raw = _bytes(path)
    header, rows = _table(raw, path)
    columns = _columns(header, path)
    values, lines = _numbers(rows, columns, header, path)
    names = {column: header[index] for column, (index, _) in columns.items()}
    curves = IVCurves(
        values["vgs"], values["vds"], values["id"], polarity, tubes, floor,
        path.name, hashlib.sha256(raw).hexdigest(),
    )  # fmt: skip
    _check_count(curves, path)
    _check_size(curves, names, lines, path)
    _check_sign(curves, names, lines, path)
    _check_gate(curves, names, lines, path)
    return curves


def _bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        raw = path.read_bytes() if size <= MAXIMUM_BYTES else b""
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=path) from error
    if size > MAXIMUM_BYTES:
        raise InputError(f"is longer than {MAXIMUM_BYTES >> 20} MiB", where=path, remedy="give fewer points")
    if not raw.strip():
        raise InputError("the file is empty", where=path, remedy=_EXAMPLE)
    return raw


def _table(raw: bytes, path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header cells, and the cells of every row with its line number."""
    try:
        text = raw.decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text), strict=True)
        parsed = [(reader.line_num, cells) for cells in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"is no CSV text: {error}", where=path, remedy=_EXAMPLE) from error
    kept = [
        (number, [cell.strip() for cell in cells])
        for number, cells in parsed
        if any(cell.strip() for cell in cells) and not cells[0].lstrip().startswith("#")
    ]
    if not kept:
        raise InputError("the file has no header", where=path, remedy=_EXAMPLE)
    return kept[0][1], kept[1:]


def _columns(header: list[str], path: Path) -> dict[str, tuple[int, float]]:
    """Position and factor to SI of ``vgs``, ``vds`` and ``id``."""
    found: dict[str, tuple[int, float]] = {}
    for index, cell in enumerate(header):
        match = _HEADER.match(cell)
        if not match:
            continue
        name, sign = _COLUMN[match[1]]
        expected = "A" if name == "id" else "V"
        if match[3] is None:
            raise InputError(f"column {cell!r} names no unit", where=path, remedy=f"write {cell}_{expected}")
        if match[3] != expected or match[2] not in _PREFIX:
            raise InputError(
                f"column {cell!r} has an unknown unit", where=path,
                remedy=f"write {match[1]}_{expected}, or with m, u, n, p or f before the {expected}",
            )  # fmt: skip
        if name in found:
            raise InputError(f"two columns give {name}: {header[found[name][0]]!r} and {cell!r}", where=path)
        found[name] = (index, sign * _PREFIX[match[2]])
    missing = [name for name in ("vgs", "vds", "id") if name not in found]
    if missing:
        shown = ", ".join(header)[:80]
        raise InputError(f"no column {', '.join(missing)} among {shown!r}", where=path, remedy=_EXAMPLE)
    return found


def _numbers(
    rows: list[tuple[int, list[str]]], columns: dict[str, tuple[int, float]], header: list[str], path: Path
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """SI values by column, and the line of each point."""
    values: dict[str, list[float]] = {name: [] for name in columns}
    for line, cells in rows:
        if len(cells) != len(header):
            raise InputError(
                f"{len(cells)} cells, the header has {len(header)}", where=f"{path}:{line}",
                remedy="separate cells by commas and write numbers with a decimal point",
            )  # fmt: skip
        for name, (index, factor) in columns.items():
            values[name].append(factor * _number(cells[index], header[index], f"{path}:{line}"))
    return {name: np.array(v) for name, v in values.items()}, np.array([line for line, _ in rows])


def _number(cell: str, column: str, where: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise InputError(
            f"column {column} holds {cell!r}, not a finite number",
            where=where,
            remedy="remove or mend the row",
        )
    return value


def _check_count(curves: IVCurves, path: Path) -> None:
    points, gates = len(curves.vgs), len(np.unique(np.round(curves.vgs, 4)))
    if points < LEAST_POINTS or gates < LEAST_GATES:
        raise InputError(
            f"{points} points at {gates} gate voltages are too few", where=path,
            remedy=f"give at least {LEAST_POINTS} points at {LEAST_GATES} gate voltages or more",
        )  # fmt: skip


def _check_size(curves: IVCurves, names: dict[str, str], lines: np.ndarray, path: Path) -> None:
    """Each column has the size of what it is said to be."""
    remedy = "check the unit in the header and that no columns are swapped"
    for name, values in (("vgs", curves.vgs), ("vds", curves.vds)):
        k = int(np.argmax(np.abs(values)))
        largest = abs(values[k])
        if not 1e-3 <= largest <= HIGHEST_VOLTAGE:
            raise InputError(
                f"column {names[name]} reaches {format_quantity(largest, 'V')}, which is no {name} of a CNFET "
                f"(1 mV to {HIGHEST_VOLTAGE:g} V)", where=f"{path}:{lines[k]}", remedy=remedy,
            )  # fmt: skip
    k = int(np.argmax(np.abs(curves.current)))
    largest = abs(curves.current[k])
    if largest > HIGHEST_CURRENT * curves.tubes:
        raise InputError(
            f"column {names['id']} reaches {format_quantity(largest, 'A')}, and {curves.tubes:g} tubes carry at "
            f"most {format_quantity(HIGHEST_CURRENT * curves.tubes, 'A')}",
            where=f"{path}:{lines[k]}", remedy=remedy + ", and --tubes",
        )  # fmt: skip
    if largest < 10 * curves.floor:
        raise InputError(
            f"column {names['id']} stays below {format_quantity(10 * curves.floor, 'A')}", where=path,
            remedy="give --floor the current at which your noise is as large as 2 %, and check the unit",
        )  # fmt: skip


def _check_sign(curves: IVCurves, names: dict[str, str], lines: np.ndarray, path: Path) -> None:
    """The current flows the way the drain voltage drives it."""
    against = (curves.current * curves.vds < 0) & (np.abs(curves.current) > 10 * curves.floor)
    if np.any(against):
        k = int(np.argmax(against))
        raise InputError(
            f"column {names['id']} = {format_quantity(curves.current[k], 'A')} flows against "
            f"{names['vds']} = {format_quantity(curves.vds[k], 'V')}", where=f"{path}:{lines[k]}",
            remedy="give the current into the drain (isd for the current out of it); a p device has "
            "negative vgs, vds and id, or positive vsg, vsd and isd",
        )  # fmt: skip


def _check_gate(curves: IVCurves, names: dict[str, str], lines: np.ndarray, path: Path) -> None:
    """At constant drain voltage the current grows with the gate's drive."""
    vgs, vds, current = curves.mirrored
    for level in np.unique(np.round(vds, 3)):
        at = np.flatnonzero(np.round(vds, 3) == level)
        at = at[np.argsort(vgs[at], kind="stable")]
        size = np.abs(current[at])
        if len(at) >= 3 and size[0] > 10 * curves.floor and size[-1] < size[0] / 2:
            raise InputError(
                f"column {names['id']} falls from {format_quantity(size[0], 'A')} to "
                f"{format_quantity(size[-1], 'A')} where {names['vgs']} turns a {curves.polarity} device on",
                where=f"{path}:{lines[at[-1]]}",
                remedy="check --polarity and that no columns are swapped",
            )
        falls = np.flatnonzero((size[1:] < size[:-1] / 2) & (size[:-1] > 10 * curves.floor))
        if len(falls):
            k = at[falls[0] + 1]
            raise InputError(
                f"column {names['id']} drops to {format_quantity(abs(current[k]), 'A')} at {names['vgs']} = "
                f"{format_quantity(curves.vgs[k], 'V')}, less than half of its neighbour nearer to off",
                where=f"{path}:{lines[k]}",
                remedy="remove outliers and the ambipolar branch, and keep one direction of a sweep with hysteresis",
            )
