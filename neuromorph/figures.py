"""Figures are data: a claim with its value, limits, command and machine, kept in JSON by the command that measured it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


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

    @property
    def holds(self) -> bool:
        """Whether the value meets ``must``; a stated value always does."""
        if self.must is None:
            return self.value == self.value
        return self.value <= self.must if self.better == "lower" else self.value >= self.must

    def row(self, command: str) -> dict[str, Any]:
        """The JSON object of this claim, with where and when it was measured."""
        return {
            **asdict(self),
            "holds": self.holds,
            "command": command,
            **stamp(),
        }


def stamp() -> dict[str, Any]:
    """Machine, versions and date of a measurement."""
    versions = {"python": platform.python_version()}
    for package in ("neuromorph", "numpy", "scipy", "jax", "h5py", "PySpice"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    machine = f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores"
    return {"machine": machine, "versions": versions, "date": time.strftime("%Y-%m-%d", time.gmtime())}


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(content, indent=1, allow_nan=True) + "\n")
    os.replace(partial, path)


def record(path: Path, figures: Iterable[Figure], command: str) -> None:
    """Merge figures into a result file; a claim measured again replaces its row."""
    path = Path(path)
    rows = json.loads(path.read_text()) if path.exists() else []
    fresh = {figure.claim: figure.row(command) for figure in figures}
    kept = [row for row in rows if row["claim"] not in fresh]
    write_json(path, sorted([*kept, *fresh.values()], key=lambda row: row["claim"]))


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
