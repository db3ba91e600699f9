"""kill -9 during characterization: what is lost, what is repeated, what stays behind.

    python benchmarks/kill_nine.py [--recipe axon_hillock] [--kills 30] [--jobs 2]

A real ``neuromorph characterize`` of a real recipe is killed at random times, in turn alone and with its whole
process group, and started again until the block is complete; then the next round begins.  Every start and every
stored point is logged by the process itself.  Each finished file is compared with that of a run left alone.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from neuromorph.figures import Figure, record, table
from neuromorph.library import BlockData, Library

RESULTS = Path(__file__).parent / "results" / "robustness.json"
WATCHED = """
import os, sys
from neuromorph.characterization import runner
from neuromorph.cli import main
from neuromorph.spice.workers import WorkerPool

log = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
start, write = WorkerPool._start, runner._Journal.write

def _start(self, index, job):
    os.write(log, f"start {job.key}\\n".encode())
    start(self, index, job)
    os.write(log, f"worker {self._workers[index].process.pid}\\n".encode())

def _write(self, key, result):
    write(self, key, result)
    kind = "stored" if isinstance(result, dict) else "failed"
    os.write(log, f"{kind} {key}\\n".encode())

os.write(log, f"begin {os.getpid()}\\n".encode())
WorkerPool._start, runner._Journal.write = _start, _write
sys.exit(main(sys.argv[2:]))
"""
"""The command, telling a file what it does."""


@dataclass
class Tally:
    """What happened over all kills."""

    kills: int = 0
    rounds: int = 0
    lost: int = 0
    repeated: int = 0
    in_flight: list[int] = field(default_factory=list)
    orphans: int = 0
    unequal: int = 0
    leftovers: int = 0


def command(log: Path, recipe: str, library: Path, jobs: int) -> list[str]:
    arguments = ["characterize", recipe, "--library", str(library), "--jobs", str(jobs), "--quiet"]
    return [sys.executable, "-c", WATCHED, str(log), *arguments]


def stored_points(library: Path) -> set[str]:
    """Points whose journal file is whole."""
    return {path.stem for path in library.glob(".*.journal/*/*.npz")}


def is_alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def words(log: Path, kind: str) -> list[str]:
    """What the log says of a kind, in order."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [line.split(" ", 1)[1] for line in lines if line.startswith(f"{kind} ")]


def kill_once(
    tally: Tally, arguments: list[str], log: Path, library: Path, delay: float, group: bool
) -> bool:
    """Start, wait for its first point and then some time, kill; returns whether it was still at work."""
    begun = len(words(log, "start"))
    process = subprocess.Popen(arguments, start_new_session=True, stdout=subprocess.DEVNULL)
    while process.poll() is None and len(words(log, "start")) == begun:
        time.sleep(0.01)
    try:
        if process.wait(delay) != 0:
            raise RuntimeError(f"characterize ended with status {process.returncode}")
        return False
    except subprocess.TimeoutExpired:
        pass
    (os.killpg if group else os.kill)(process.pid, signal.SIGKILL)
    process.wait()
    tally.kills += 1
    deadline = time.monotonic() + 2.0
    workers = {int(pid) for pid in words(log, "worker")}
    while any(map(is_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    tally.orphans += sum(map(is_alive, workers))
    return True


def round_(tally: Tally, options: argparse.Namespace, rng: np.random.Generator, reference: BlockData) -> None:
    """Kill and resume until the block is complete."""
    with tempfile.TemporaryDirectory() as folder:
        library, log = Path(folder) / "library", Path(folder) / "log"
        arguments = command(log, options.recipe, library, options.jobs)
        known: set[str] = set()
        while not Library(library).file(options.recipe).exists():
            if tally.kills >= options.kills:
                kill_once(tally, arguments, log, library, 600.0, False)
                break
            delay, group = float(rng.uniform(*options.delay)), bool(tally.kills % 2)
            if not kill_once(tally, arguments, log, library, delay, group):
                break
            if not Library(library).file(options.recipe).exists():
                now = stored_points(library)
                tally.lost += len(known - now)
                known = now
        count_repeats(tally, log)
        compare(tally, reference, Library(library), options.recipe)
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)  # unchanged: cleans up
        tally.leftovers += len([p for p in library.iterdir() if p.name != f"{options.recipe}.h5"])
        tally.rounds += 1


def count_repeats(tally: Tally, log: Path) -> None:
    """Stored points that were started again; points that each process had begun and not finished at its end."""
    done: set[str] = set()
    for line in log.read_text().splitlines():
        kind, key = line.split(" ", 1)
        if kind == "begin":
            tally.in_flight.append(0)
        elif kind == "start":
            tally.repeated += key in done
            tally.in_flight[-1] += 1
        elif kind in ("stored", "failed"):
            tally.in_flight[-1] -= 1
        if kind == "stored":
            done.add(key)


def compare(tally: Tally, reference: BlockData, library: Library, recipe: str) -> None:
    """Arrays that differ in any bit from the run left alone."""
    data = library.read(recipe)
    for name, sweep in reference.sweeps.items():
        for output, values in sweep.outputs.items():
            tally.unequal += not np.array_equal(values, data[name].outputs[output], equal_nan=True)
        tally.unequal += not np.array_equal(sweep.status, data[name].status)


def figures(tally: Tally, options: argparse.Namespace) -> list[Figure]:
    details = {"recipe": options.recipe, "kills": tally.kills, "rounds": tally.rounds, "jobs": options.jobs}
    head = f"kill -9 while characterizing {options.recipe}:"
    in_flight = max(tally.in_flight, default=0) / options.jobs
    return [
        Figure(f"{head} kills", tally.kills, "", options.kills, better="higher", details=details),
        Figure(f"{head} finished points lost", tally.lost, "", 0.0),
        Figure(f"{head} finished points run again", tally.repeated, "", 0.0),
        Figure(f"{head} points in flight at a kill, per worker, at most", in_flight, "", 1.0),
        Figure(f"{head} worker processes left after 2 s", tally.orphans, "", 0.0),
        Figure(f"{head} curves that differ from a run left alone, to the bit", tally.unequal, "", 0.0),
        Figure(f"{head} files left behind", tally.leftovers, "", 0.0),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill characterize with signal 9 and see what is lost.")
    parser.add_argument("--recipe", default="axon_hillock")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--delay", type=float, nargs=2, default=(0.0, 1.5), help="seconds after the first point"
    )
    parser.add_argument("--json", type=Path, default=RESULTS)
    options = parser.parse_args()
    rng, tally = np.random.default_rng(options.seed), Tally()
    with tempfile.TemporaryDirectory() as folder:
        alone = Path(folder)
        subprocess.run(command(alone / "log", options.recipe, alone / "library", options.jobs), check=True)
        reference = Library(alone / "library").read(options.recipe)
    while tally.kills < options.kills:
        round_(tally, options, rng, reference)
        print(tally, flush=True)
    found = figures(tally, options)
    print(table(found))
    given = " ".join(sys.argv[1:])
    record(options.json, found, f"python benchmarks/kill_nine.py {given}".strip())
    return 0 if all(figure.holds for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main())
