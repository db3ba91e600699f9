"""Many copies of a network, each with a stream of its own, on the cores of a machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from neuromorph.cores import usable_cores
from neuromorph.errors import InputError
from neuromorph.spiking.network import Model, SpikeList
from neuromorph.spiking.run import SpikingRun, run
from neuromorph.spiking.step import NetworkState


def run_streams(
    model: Model,
    steps: int,
    streams: Sequence[Mapping[str, SpikeList]],
    *,
    workers: int | None = None,
    states: Sequence[NetworkState] | None = None,
    backend: str = "auto",
) -> list[SpikingRun]:
    """A run for each of ``streams``, in their order; every copy begins alike unless ``states`` says otherwise.

    Copies share nothing but what never changes: each learns from its own stream.

    Parameters
    ----------
    streams : inputs of each copy, as :func:`~neuromorph.spiking.run.run` takes them
    workers : threads that run copies side by side (the loops leave Python alone); by default one a core
    states : of earlier runs, one a stream

    Raises
    ------
    InputError
        For no workers, another number of states than streams, and for all that a single run refuses.
    """
    workers = usable_cores() if workers is None else workers
    if workers < 1:
        raise InputError(f"{workers} workers", remedy="at least one; by default there is one a core")
    if states is not None and len(states) != len(streams):
        raise InputError(f"{len(states)} states for {len(streams)} streams", remedy="one a stream, or none")
    begun: Sequence[NetworkState | None] = [None] * len(streams) if states is None else states
    with ThreadPoolExecutor(workers) as pool:
        jobs = [
            pool.submit(run, model, steps, inputs, state=state, backend=backend)
            for inputs, state in zip(streams, begun, strict=True)
        ]
        return [job.result() for job in jobs]
