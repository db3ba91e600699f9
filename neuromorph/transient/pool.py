"""Jobs of many copies of a circuit, solved side by side: what a pool of ngspice workers does one by one.

Groups that are solved at a time have a process each.  In threads of one process they wait for each other for ever: XLA's
programs take a thread of its pool each, and then wait for parts of theirs that need another one.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from typing import Any, ClassVar, cast

import jax

from neuromorph.errors import NeuromorphError, SimulationFailed
from neuromorph.spice.engine import Waveforms
from neuromorph.spice.workers import Job
from neuromorph.transient.deck import Deck, read_deck
from neuromorph.transient.solver import solve

LANES = 256
"""Solved side by side at most: their waveforms are held at a time."""


class BatchPool:
    """Solve netlists side by side, as :class:`~neuromorph.spice.workers.WorkerPool` solves them one by one.

    Parameters
    ----------
    workers : int, optional
        Groups that are solved at a time; the number of cores by default.  One is solved in this process, more of them have
        a process each.
    """

    batch: ClassVar[int] = 32
    law: ClassVar[str] = " side by side 1"

    def __init__(self, workers: int | None = None) -> None:
        self.size = max(1, workers or os.cpu_count() or 1)
        self._idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()
        self._processes: list[_Process] = []

    @property
    def version(self) -> str:
        """Says that it was not ngspice."""
        return "none: neuromorph.transient"

    def __enter__(self) -> BatchPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes."""
        for process in self._processes:
            process.end()
        self._processes, self._idle = [], queue.SimpleQueue()

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Any]]:
        """Yield ``(job, Waveforms | SimulationFailed)`` as they finish, in any order.

        Raises
        ------
        CircuitError
            For a deck with other elements than :mod:`neuromorph.transient.deck` knows.
        """
        groups: dict[tuple[object, ...], list[tuple[Job, Deck]]] = {}
        for job in jobs:
            deck = read_deck(job.netlist, job.circuit)
            groups.setdefault(deck.form, []).append((job, deck))
        parts = [group[k : k + LANES] for group in groups.values() for k in range(0, len(group), LANES)]
        if self.size == 1:
            for part in parts:
                yield from _answers(part, solve([deck for _, deck in part]))
            return
        while len(self._processes) < min(self.size, len(parts)):
            self._processes.append(_Process())
            self._idle.put(self._processes[-1])
        with ThreadPoolExecutor(self.size) as threads:
            running = {threads.submit(self._solved, [deck for _, deck in part]): part for part in parts}
            for future in as_completed(running):
                yield from _answers(running.pop(future), future.result())

    def _solved(self, decks: Sequence[Deck]) -> list[Waveforms | None] | str:
        process = self._idle.get()
        try:
            return process.solve(decks)
        finally:
            self._idle.put(process)


class _Process:
    """A child that solves one group after the other."""

    def __init__(self) -> None:
        # what is compiled is kept where this process keeps it
        names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
        kept = {
            name.upper(): str(value) for name in names if (value := getattr(jax.config, name)) is not None
        }
        self._environment = os.environ | kept
        self._begin()

    def _begin(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from neuromorph.transient.pool import serve; serve()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environment,
        )  # fmt: skip

    def solve(self, decks: Sequence[Deck]) -> list[Waveforms | None] | str:
        """What :func:`~neuromorph.transient.solver.solve` gives, or why there is nothing.

        Raises
        ------
        CircuitError
            As that does.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            pickle.dump(list(decks), self._process.stdin)
            self._process.stdin.flush()
            found = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            why = f"the solver's process died (exit status {self._process.wait()}); with fewer jobs it has more memory"
            self.end()
            self._begin()
            return why
        if isinstance(found, NeuromorphError):
            raise found
        return cast(list[Waveforms | None], found)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with suppress(BrokenPipeError):
                    stream.close()


def serve() -> None:
    """A child's loop: pickled decks in, what they give out."""
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints stays off the channel
    while True:
        try:
            decks = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            found: object = solve(decks)
        except NeuromorphError as error:
            found = error
        pickle.dump(found, channel)
        channel.flush()


def _answers(
    part: Sequence[tuple[Job, Deck]], found: list[Waveforms | None] | str
) -> Iterator[tuple[Job, Any]]:
    answers = [found] * len(part) if isinstance(found, str) else found
    for (job, deck), waves in zip(part, answers, strict=True):
        if isinstance(waves, Waveforms):
            yield job, waves
        else:
            why = waves or "it has no operating point, or its steps became too short"
            yield job, SimulationFailed(job.circuit, job.point, " ".join(deck.analysis), why)
