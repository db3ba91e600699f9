"""Jobs of many copies of a circuit, solved side by side in this process: what a pool of ngspice workers does one by one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, ClassVar

from neuromorph.errors import SimulationFailed
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
        Groups that are solved at a time; the number of cores by default.
    """

    batch: ClassVar[int] = 32
    law: ClassVar[str] = " side by side 1"

    def __init__(self, workers: int | None = None) -> None:
        self.size = max(1, workers or os.cpu_count() or 1)

    @property
    def version(self) -> str:
        """Says that it was not ngspice."""
        return "none: neuromorph.transient"

    def __enter__(self) -> BatchPool:
        return self

    def __exit__(self, *_: object) -> None:
        return

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
        with ThreadPoolExecutor(self.size) as threads:
            running = {threads.submit(solve, [deck for _, deck in part]): part for part in parts}
            for future in as_completed(running):
                part = running.pop(future)
                for (job, deck), waves in zip(part, future.result(), strict=True):
                    yield job, waves or _given_up(job, deck)


def _given_up(job: Job, deck: Deck) -> SimulationFailed:
    return SimulationFailed(
        job.circuit,
        job.point,
        " ".join(deck.analysis),
        "it has no operating point, or its steps became too short",
    )
