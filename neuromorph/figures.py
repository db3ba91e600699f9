"""Figures are data: a claim with its value, limits, command and machine, kept in JSON by the command that measured it."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import platform
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

DIGITS = 4
"""Decimals kept of a value over seeds."""


@dataclass(frozen=True)
class Figure:
    """One measured claim.

    Attributes
    ----------
    claim, unit : str
    value : float
    must, goal : float or None
        Limits; ``None`` where the value is only stated.
    better : {"lower", "higher"}
    spread : float, optional
        Over seeds or rounds, in the value's unit.
    details : mapping
        Further facts, kept beside the others in the row.
    """

    claim: str
    value: float
    unit: str = ""
    must: float | None = None
    goal: float | None = None
    better: str = "lower"
    spread: float | None = None
    seeds: tuple[int, ...] = ()
    note: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def over_seeds(
        cls, claim: str, values: Sequence[float], seeds: Sequence[int], unit: str = "", **more: Any
    ) -> Figure:
        """Mean of a value per seed, with their standard deviation as spread; ``by_seed`` goes to the details."""
        spread = round(statistics.stdev(values), DIGITS) if len(values) > 1 else None
        by_seed = [round(float(value), DIGITS) for value in values]
        details = {"by_seed": by_seed, **more.pop("details", {})}
        mean = round(statistics.fmean(values), DIGITS)
        return cls(claim, mean, unit, spread=spread, seeds=tuple(seeds), details=details, **more)

    @property
    def holds(self) -> bool:
        """Whether the value meets ``must``; a stated value always does."""
        if self.must is None:
            return self.value == self.value
        return self.value <= self.must if self.better == "lower" else self.value >= self.must

    def row(self, command: str) -> dict[str, Any]:
        """The JSON object of this claim, with where and when it was measured."""
        own = asdict(self)
        details = own.pop("details")
        return {
            **own,
            "seeds": list(self.seeds),
            "holds": self.holds,
            "command": command,
            **stamp(),
            **details,
        }


def machine() -> str:
    """Processor and number of cores."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores"


def stamp() -> dict[str, Any]:
    """Machine, versions and date of a measurement."""
    versions = {"python": platform.python_version()}
    for package in ("neuromorph", "numpy", "scipy", "jax", "h5py", "PySpice"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"machine": machine(), "versions": versions, "date": time.strftime("%Y-%m-%d", time.gmtime())}


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(content, indent=1, allow_nan=True) + "\n")
    os.replace(partial, path)


def record(path: Path, figures: Iterable[Figure], command: str) -> None:
    """Merge figures into a result file; a claim measured again replaces its rows of the same seeds or of some of them.

    Runs that end at the same time wait for each other.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.with_name(f".{path.name}.lock")):
        rows = json.loads(path.read_text()) if path.exists() else []
        fresh = [figure.row(command) for figure in figures]
        kept = [row for row in rows if not any(_replaces(new, row) for new in fresh)]
        write_json(path, sorted([*kept, *fresh], key=_key))


def _key(row: dict[str, Any]) -> tuple[str, tuple[int, ...]]:
    return row["claim"], tuple(row["seeds"])


def _replaces(new: dict[str, Any], old: dict[str, Any]) -> bool:
    return new["claim"] == old["claim"] and set(old["seeds"]) <= set(new["seeds"])


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file where the system has such locks."""
    with path.open("w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        except ImportError:  # no such locks here
            pass
        yield


def table(figures: Iterable[Figure]) -> str:
    """A plain table of claims, values and limits."""
    lines = [f"{'claim':58s} {'value':>12s} {'must':>10s} {'goal':>10s}  holds"]
    for figure in figures:
        must = "" if figure.must is None else f"{figure.must:.4g}"
        goal = "" if figure.goal is None else f"{figure.goal:.4g}"
        holds = "" if figure.must is None else ("yes" if figure.holds else "NO")
        value = f"{figure.value:.4g} {figure.unit}".strip()
        lines.append(f"{figure.claim:58s} {value:>12s} {must:>10s} {goal:>10s}  {holds}")
    return "\n".join(lines)
