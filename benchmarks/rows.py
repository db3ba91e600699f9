"""Result rows: one JSON list a file, each row written by the command that measured it."""

from __future__ import annotations

import datetime
import fcntl
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from neuromorph.tasks.run import versions

RESULTS = Path(__file__).parent / "results"


def machine() -> str:
    """Processor and core count, without names of hosts."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.processor()}, {os.cpu_count()} cores"


def row(
    claim: str,
    value: float,
    unit: str,
    *,
    must: float | None,
    goal: float | None,
    better: str,
    command: str,
    seeds: list[int],
    spread: float | None = None,
    **more: Any,
) -> dict[str, Any]:
    """One claim; ``holds`` says whether the value meets ``must``."""
    sign = 1 if better == "lower" else -1
    return {
        "claim": claim,
        "value": value,
        "unit": unit,
        "must": must,
        "goal": goal,
        "better": better,
        "holds": must is None or sign * value <= sign * must,
        "spread": spread,
        "seeds": seeds,
        "command": command,
        "machine": machine(),
        "versions": versions(),
        "date": datetime.date.today().isoformat(),
        **more,
    }


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for this process alone."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def merge(area: str, rows: list[dict[str, Any]]) -> Path:
    """Put ``rows`` into ``results/<area>.json``, replacing rows of the same claim and command; atomic."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{area}.json"
    with locked(RESULTS):
        old = json.loads(path.read_text()) if path.exists() else []
        fresh = {(r["claim"], r["command"]) for r in rows}
        kept = [r for r in old if (r["claim"], r["command"]) not in fresh]
        partial = path.with_suffix(".part")
        partial.write_text(
            json.dumps(sorted(kept + rows, key=lambda r: (r["claim"], r["command"])), indent=1) + "\n"
        )
        partial.replace(path)
    return path
