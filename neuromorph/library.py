"""The characterization library: a folder with one HDF5 file a block.

Layout of a block's file (schema 1)::

    /                     attrs: schema, block, netlist_sha256, plan_sha256, ngspice_version,
                          options, neuromorph_version, created
    /sweeps/<sweep>/axes/<axis>        values, attr units
    /sweeps/<sweep>/inner/<axis>       values, attr units
    /sweeps/<sweep>/outputs/<output>   array over outer then inner axes, NaN where failed, attr units
    /sweeps/<sweep>/status             1 solved, 2 failed; /reason ngspice's words
    /fit                  parameters with units, covariance, errors, validity box (after ``fit``)

One file a block keeps writers apart, keeps a shipped file small and lets git
show which block changed.  Files are written whole and put in place atomically.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np

from neuromorph.circuit import USUAL_KELVIN, USUAL_SUPPLY
from neuromorph.errors import LibraryError
from neuromorph.spice.netlist import digest
from neuromorph.units import format_quantity

SCHEMA = 1
SOLVED, FAILED = 1, 2
_TEXT = h5py.string_dtype()


@dataclass(frozen=True)
class SweepData:
    """What a sweep measured.

    Attributes
    ----------
    axes, inner : dict of str to ndarray
        Outer and inner axis values, SI.
    outputs : dict of str to ndarray
        Arrays over outer then inner axes.
    units : dict of str to str
        Unit of every axis and output.
    status : ndarray of int8
        Over the outer axes.
    reasons : dict of tuple to str
        Why a point failed.
    """

    axes: dict[str, np.ndarray]
    inner: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]
    units: dict[str, str]
    status: np.ndarray
    reasons: dict[tuple[int, ...], str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> np.ndarray:
        for group in (self.outputs, self.axes, self.inner):
            if name in group:
                return group[name]
        raise LibraryError(f"the sweep holds no {name!r}", remedy=f"it holds: {', '.join(self.units)}")


@dataclass(frozen=True)
class FittedModel:
    """Behavioural parameters of a block with what is known of their truth.

    Attributes
    ----------
    form : str
        Which behavioural form the parameters belong to.
    parameters, units : dict
        SI values and their units.
    deviation : dict of str to float
        Standard deviation of each fitted parameter (0 for one read off directly).
    errors : dict of str to float
        Errors of the fit on the data it saw, by metric.
    box : dict of str to (float, float)
        Validity range of every input.
    """

    form: str
    parameters: dict[str, float]
    units: dict[str, str]
    deviation: dict[str, float] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    box: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class BlockData:
    """A block's file in memory."""

    name: str
    attributes: dict[str, Any]
    sweeps: dict[str, SweepData]
    fit: FittedModel | None = None

    @property
    def kelvin(self) -> float:
        """Temperature that it was measured at, K."""
        return float(self.attributes.get("kelvin", USUAL_KELVIN))

    @property
    def supply(self) -> float:
        """Supply that it was measured at, V."""
        return float(self.attributes.get("supply", USUAL_SUPPLY))

    @property
    def is_usual(self) -> bool:
        """Whether it was measured at the usual temperature and supply."""
        return (self.kelvin, self.supply) == (USUAL_KELVIN, USUAL_SUPPLY)

    def __getitem__(self, sweep: str) -> SweepData:
        if sweep not in self.sweeps:
            raise LibraryError(
                f"block {self.name} has no curve {sweep!r}",
                remedy=f"run: neuromorph characterize {self.name}",
            )
        return self.sweeps[sweep]


class Library:
    """A folder of characterized blocks.

    Parameters
    ----------
    path : path-like
        The folder; it need not exist before the first write.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    @classmethod
    def shipped(cls) -> Library:
        """The reference library that comes with the package."""
        return cls(Path(__file__).parent / "data" / "library")

    @classmethod
    def held_out(cls) -> Library:
        """The held-out curves that come with the package, on which its models are scored."""
        return cls(Path(__file__).parent / "data" / "held_out")

    def file(self, block: str) -> Path:
        """Where a block is kept."""
        return self.path / f"{block}.h5"

    def blocks(self) -> tuple[str, ...]:
        """Names of the blocks present."""
        return tuple(sorted(p.stem for p in self.path.glob("*.h5")))

    def attributes(self, block: str) -> dict[str, Any]:
        """Provenance of a block; empty when it is not there."""
        if not self.file(block).exists():
            return {}
        with _open(self.file(block)) as file:
            return dict(file.attrs)

    def read(self, block: str) -> BlockData:
        """Everything known of a block.

        Raises
        ------
        LibraryError
            When the file is missing, damaged or of another schema.
        """
        path = self.file(block)
        if not path.exists():
            present = ", ".join(self.blocks()) or "no blocks"
            raise LibraryError(
                f"no block {block!r}, it holds {present}",
                where=self.path,
                remedy=f"run: neuromorph characterize {block} --library {self.path}",
            )
        with _open(path) as file:
            try:
                sweeps = {name: _read_sweep(group) for name, group in file["sweeps"].items()}
                fit = _read_fit(file["fit"]) if "fit" in file else None
                return BlockData(block, dict(file.attrs), sweeps, fit)
            except (KeyError, OSError, ValueError) as error:
                raise LibraryError(
                    f"damaged: {error}", where=path, remedy="characterize the block again"
                ) from error

    def write(self, data: BlockData) -> Path:
        """Write a block whole and atomically."""
        self.path.mkdir(parents=True, exist_ok=True)
        path = self.file(data.name)
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            with h5py.File(partial, "w", track_order=True) as file:
                file.attrs.update({**data.attributes, "schema": SCHEMA, "block": data.name})
                sweeps = file.create_group("sweeps", track_order=True)
                for name, sweep in data.sweeps.items():
                    _write_sweep(sweeps.create_group(name, track_order=True), sweep)
                if data.fit:
                    _write_fit(file.create_group("fit"), data.fit)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        return path

    @contextlib.contextmanager
    def locked(self, block: str, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Hold a block for writing; processes that come later wait.

        The system gives the lock up when its holder dies, however it dies.
        Without such locks (not on POSIX) nothing is held.
        """
        try:
            import fcntl
        except ImportError:
            yield
            return
        path = self.path / f".{block}.lock"
        while True:
            file = self._opened(path)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                on_wait()
                fcntl.flock(file, fcntl.LOCK_EX)
            # the holder before us removed the file: what we hold is no longer the one others open
            if _same_file(path, file):
                break
            file.close()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            file.close()

    def _opened(self, path: Path) -> IO[str]:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            return path.open("w")
        except OSError as error:
            raise LibraryError(
                f"this folder cannot be written: {error.strerror}", where=self.path,
                remedy="name another with --library",
            ) from error  # fmt: skip

    def models(self, *blocks: str) -> dict[str, dict[str, float]]:
        """Fitted parameters by block, SI.

        Raises
        ------
        LibraryError
            When a block has not been fitted.
        """
        found = {}
        for block in blocks or self.blocks():
            fit = self.read(block).fit
            if fit is None:
                raise LibraryError(
                    f"block {block} has no fitted model", where=self.path, remedy="run: neuromorph fit"
                )
            found[block] = dict(fit.parameters)
        return found

    def boxes(self, *blocks: str) -> dict[str, dict[str, tuple[float, float]]]:
        """Validity ranges of fitted blocks, SI."""
        fits = {block: self.read(block).fit for block in blocks or self.blocks()}
        return {block: dict(fit.box) for block, fit in fits.items() if fit}

    def digest(self, *blocks: str) -> str:
        """Hash of the fitted parameters and netlists of some blocks (all by default): what a run must match."""
        texts = []
        for block in blocks or self.blocks():
            attributes, fit = self.attributes(block), self.read(block).fit
            texts += [
                block,
                str(attributes.get("netlist_sha256", "")),
                repr(sorted(fit.parameters.items()) if fit else []),
            ]
        return digest(*texts)[:16]


def _same_file(path: Path, file: IO[str]) -> bool:
    """Whether ``path`` still leads to the open ``file``; it may be removed at any moment."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _open(path: Path):
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise LibraryError(
            "this is not a readable HDF5 file",
            where=path,
            remedy="delete it and characterize the block again",
        ) from error
    with file:
        schema = int(file.attrs.get("schema", 0))
        if schema != SCHEMA:
            raise LibraryError(
                f"library schema {schema}, this version reads schema {SCHEMA}",
                where=path,
                remedy="characterize the block again with this version",
            )
        yield file


def _write_sweep(group: h5py.Group, sweep: SweepData) -> None:
    for kind in ("axes", "inner", "outputs"):
        sub = group.create_group(kind, track_order=True)
        for name, values in getattr(sweep, kind).items():
            options = {"compression": "gzip", "shuffle": True} if values.size > 64 else {}
            data = values.astype("f4") if kind == "outputs" and values.size > 4096 else values
            sub.create_dataset(name, data=data, **options).attrs["units"] = sweep.units.get(name, "")
    group.create_dataset("status", data=sweep.status.astype("i1"))
    reasons = [f"{' '.join(map(str, index))}|{text}" for index, text in sweep.reasons.items()]
    group.create_dataset("reason", data=np.array(reasons, dtype=object), dtype=_TEXT)


def _read_sweep(group: h5py.Group) -> SweepData:
    parts: dict[str, dict[str, np.ndarray]] = {}
    units = {}
    for kind in ("axes", "inner", "outputs"):
        parts[kind] = {name: np.asarray(ds[()], float) for name, ds in group[kind].items()}
        units.update({name: str(ds.attrs["units"]) for name, ds in group[kind].items()})
    reasons = {}
    for line in group["reason"].asstr()[()]:
        index, text = line.split("|", 1)
        reasons[tuple(int(i) for i in index.split())] = text
    return SweepData(parts["axes"], parts["inner"], parts["outputs"], units, group["status"][()], reasons)


def _write_fit(group: h5py.Group, fit: FittedModel) -> None:
    group.attrs["form"] = fit.form
    for name, value in fit.parameters.items():
        dataset = group.require_group("parameters").create_dataset(name, data=float(value))
        dataset.attrs["units"] = fit.units.get(name, "")
        dataset.attrs["deviation"] = float(fit.deviation.get(name, 0.0))
    group.create_group("errors").attrs.update(fit.errors)
    group.create_group("box").attrs.update(
        {name: np.asarray(bounds, float) for name, bounds in fit.box.items()}
    )


def _read_fit(group: h5py.Group) -> FittedModel:
    parameters = group["parameters"]
    return FittedModel(
        str(group.attrs["form"]),
        {name: float(ds[()]) for name, ds in parameters.items()},
        {name: str(ds.attrs["units"]) for name, ds in parameters.items()},
        {name: float(ds.attrs["deviation"]) for name, ds in parameters.items()},
        {name: float(value) for name, value in group["errors"].attrs.items()},
        {name: (float(b[0]), float(b[1])) for name, b in group["box"].attrs.items()},
    )


def provenance(netlist: str, plan: str, ngspice_version: str, options: str) -> dict[str, Any]:
    """Attributes that say where a block's curves come from."""
    from neuromorph import __version__

    return {
        "netlist_sha256": digest(netlist), "plan_sha256": plan, "ngspice_version": ngspice_version,
        "options": options, "neuromorph_version": __version__,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }  # fmt: skip


def failed_points(data: BlockData) -> Mapping[str, str]:
    """Failed points of a block, ``"sweep, axis = value, ..." -> reason``."""
    return {
        ", ".join((name, *_point(sweep, index))): reason
        for name, sweep in data.sweeps.items()
        for index, reason in sweep.reasons.items()
    }


def _point(sweep: SweepData, index: tuple[int, ...]) -> Iterator[str]:
    for axis, i in zip(sweep.axes, index, strict=True):
        yield f"{axis} = {format_quantity(sweep.axes[axis][i], sweep.units[axis], 4)}"
