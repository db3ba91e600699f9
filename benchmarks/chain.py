"""What the chain costs: characterizing everything from nothing, an unchanged rerun, start-up.

    python benchmarks/chain.py

CPU time of ngspice's processes and ours together; start-up as the median of seven fresh processes.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from neuromorph.figures import Figure, record, table

RESULTS = Path(__file__).parent / "results" / "chain.json"


def cpu_of(command: list[str]) -> tuple[float, float]:
    """CPU and wall seconds of a command and its children."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, time.perf_counter() - began


def start_up(code: list[str]) -> float:
    """Median wall seconds of seven fresh processes."""
    return statistics.median(cpu_of([sys.executable, *code])[1] for _ in range(7))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "neuromorph", "characterize", "--quiet", "--library", folder]
        cpu, wall = cpu_of(command)
        _, again = cpu_of(command)
    figures = [
        Figure(
            "characterize the whole library from nothing, nominal and knobs, wall time",
            wall,
            "s",
            1500.0,
            480.0,
            details={"cpu_seconds": cpu},
        ),
        Figure("characterize again, nothing changed, wall time", again, "s", 3.0),
        Figure("neuromorph --help, wall time", start_up(["-m", "neuromorph", "--help"]), "s", 0.5),
        Figure("import neuromorph, wall time", start_up(["-c", "import neuromorph"]), "s", 0.5),
    ]
    print(table(figures))
    record(RESULTS, figures, "python benchmarks/chain.py")


if __name__ == "__main__":
    main()
