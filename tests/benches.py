"""Run a bench as a user would and hold its results against the limits it states."""

from __future__ import annotations

import subprocess
from pathlib import Path

from neuromorph.spice.bench import expectations, results


def assert_within_limits(bench: Path, program: str, timeout: float = 120.0) -> None:
    """Every ``* expect:`` line of a bench holds under bare ``ngspice -b``.

    Parameters
    ----------
    bench : Path
    program : str
        Path of ngspice.
    timeout : float
        s
    """
    done = subprocess.run(
        [program, "-b", str(bench)], capture_output=True, text=True, check=True, timeout=timeout
    )
    limits, found = expectations(bench), results(done.stdout)
    assert limits
    for quantity, (low, high) in limits.items():
        assert low <= found[quantity.lower()] <= high, f"{quantity} = {found[quantity.lower()]:g}"
