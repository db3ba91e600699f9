"""A pool of ngspice worker processes: limits, recycling, one crash costs one point."""

from __future__ import annotations

import contextlib
import math
import os
import pickle
import selectors
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from neuromorph.errors import EngineUnavailable, SimulationFailed

RUNS_PER_WORKER = 500
"""A worker is replaced after this many runs, since ngspice's memory grows."""


@dataclass(frozen=True)
class Job:
    """One netlist to solve; ``circuit`` and ``point`` name it in messages."""

    key: str
    netlist: str
    circuit: str
    point: str


class Pool(Protocol):
    """What solves many netlists.

    Attributes
    ----------
    batch : samples whose points are best solved at a time
    law : what it is, where its answers are kept apart from ngspice's
    version : of what solves
    """

    batch: ClassVar[int]
    law: ClassVar[str]

    def __init__(self, workers: int | None = None) -> None: ...

    @property
    def version(self) -> str: ...

    def __enter__(self) -> Any: ...

    def __exit__(self, *_: object) -> None: ...

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Any]]:
        """Yield ``(job, Waveforms | SimulationFailed)`` as they finish, in any order."""
        ...


class _Worker:
    """One child process and the job it is at."""

    def __init__(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from neuromorph.spice.engine import serve; serve()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
        )  # fmt: skip
        self.job: Job | None = None
        self.since, self.runs = 0.0, 0
        self.version = self._greeting()

    def _greeting(self) -> str:
        try:
            word, text = pickle.load(self.process.stdout)  # type: ignore[arg-type]
        except (EOFError, pickle.UnpicklingError):
            word, text = "unavailable", "the ngspice worker died while starting"
        if word != "ready":
            self.kill()
            raise EngineUnavailable(text)
        return text

    def send(self, job: Job) -> None:
        self.job, self.since, self.runs = job, time.monotonic(), self.runs + 1
        pickle.dump((job.key, job.netlist, job.circuit, job.point), self.process.stdin)  # type: ignore[arg-type]
        self.process.stdin.flush()  # type: ignore[union-attr]

    def receive(self) -> Any:
        _, result = pickle.load(self.process.stdout)  # type: ignore[arg-type]
        return result

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


class WorkerPool:
    """Solve netlists in parallel.

    Parameters
    ----------
    workers : int, optional
        Child processes; the number of cores by default.
    timeout : float
        Seconds one run may take before its worker is ended.

    Raises
    ------
    EngineUnavailable
        When ngspice or PySpice is missing.
    """

    batch: ClassVar[int] = 8
    law: ClassVar[str] = ""

    def __init__(self, workers: int | None = None, timeout: float = 300.0) -> None:
        self.size = max(1, workers or os.cpu_count() or 1)
        self.timeout = timeout
        self._workers: list[_Worker] = [_Worker()]
        self._busy: set[int] = set()

    @property
    def version(self) -> str:
        """ngspice's version, as the workers report it."""
        return self._workers[0].version

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.kill()
        self._workers = []

    def run(self, jobs: Iterable[Job], until: float = math.inf) -> Iterator[tuple[Job, Any]]:
        """Yield ``(job, Waveforms | SimulationFailed)`` as they finish, in any order.

        At ``until`` (of ``time.monotonic``, s) it ends, whatever is left; see :meth:`in_flight`.
        """
        waiting = list(jobs)[::-1]
        while len(self._workers) < min(self.size, len(waiting)):
            self._workers.append(_Worker())
        busy = self._busy = set[int]()
        while (waiting or busy) and time.monotonic() < until:
            for index, worker in enumerate(self._workers):
                if index not in busy and waiting:
                    if worker.runs >= RUNS_PER_WORKER:
                        self._replace(index)
                    self._start(index, waiting.pop())
                    busy.add(index)
            for index in self._ready(busy):
                busy.discard(index)
                yield self._result(index)

    def in_flight(self) -> list[Job]:
        """Jobs without a result when the last run ended."""
        return [job for index in sorted(self._busy) if (job := self._workers[index].job) is not None]

    def _start(self, index: int, job: Job) -> None:
        try:
            self._workers[index].send(job)
        except BrokenPipeError:  # it died while idle
            self._replace(index)
            self._workers[index].send(job)

    def _ready(self, busy: set[int]) -> list[int]:
        """Indices of workers that answered, died or overran."""
        with selectors.DefaultSelector() as selector:
            for index in busy:
                selector.register(self._workers[index].process.stdout, selectors.EVENT_READ, index)  # type: ignore[arg-type]
            ready = [key.data for key, _ in selector.select(timeout=1.0)]
        now = time.monotonic()
        return ready or [i for i in busy if now - self._workers[i].since > self.timeout]

    def _result(self, index: int) -> tuple[Job, Any]:
        worker = self._workers[index]
        job = worker.job
        assert job is not None
        if time.monotonic() - worker.since > self.timeout:
            reason = f"ngspice took more than {self.timeout:g} s and was ended"
        else:
            try:
                return job, worker.receive()
            except (EOFError, pickle.UnpicklingError):
                reason = f"the ngspice process died (exit status {worker.process.wait()})"
        self._replace(index)
        return job, SimulationFailed(job.circuit, job.point, "run", reason)

    def _replace(self, index: int) -> None:
        self._workers[index].kill()
        self._workers[index] = _Worker()


def simulate(netlist: str, circuit: str = "netlist", point: str = "", timeout: float = 300.0) -> Any:
    """Solve one netlist in a worker process of its own.

    Returns
    -------
    Waveforms

    Raises
    ------
    SimulationFailed, EngineUnavailable
    """
    with WorkerPool(1, timeout) as pool:
        (_, result), *_ = pool.run([Job("0", netlist, circuit, point)])
    if isinstance(result, SimulationFailed):
        raise result
    return result


SHUNT = 1e-19
"""F, at every node of a network whose steps would not converge: a thousandth of a transistor's gate."""


def simulate_whole(netlist: str, circuit: str, point: str, timeout: float) -> Any:
    """Solve a netlist of hundreds of transistors, if need be with :data:`SHUNT` at every node.

    Nodes between stacked transistors have hardly a capacitance; now and then Newton's steps overflow there however short
    the time step is.

    Returns
    -------
    Waveforms

    Raises
    ------
    SimulationFailed, EngineUnavailable
    """
    try:
        return simulate(netlist, circuit, point, timeout)
    except SimulationFailed as error:
        if "Timestep too small" not in str(error):
            raise
    return simulate(netlist.replace(".options ", f".options cshunt={SHUNT:g} ", 1), circuit, point, timeout)
