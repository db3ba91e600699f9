"""Many music networks side by side: one a stream, on the cores or devices of a machine."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

from neuromorph.cores import usable_cores
from neuromorph.errors import InputError
from neuromorph.network.simulate import simulate
from neuromorph.network.state import State
from neuromorph.network.step import Network
from neuromorph.network.stream import Stream


def simulate_streams(
    network: Network,
    states: Sequence[State],
    streams: Sequence[Stream],
    *,
    keys: jax.Array,
    devices: int | None = None,
    workers: int | None = None,
    **options: Any,
) -> list[tuple[State, dict[str, np.ndarray]]]:
    """:func:`~neuromorph.network.simulate.simulate` for each stream with a state of its own; results in their order.

    Every stream is as if it ran alone; they share the compiled step.  Streams go to devices in turn, and on each of them
    ``workers`` threads run them side by side: a step is one core's work on a CPU.

    Parameters
    ----------
    states, streams : one state a stream; lengths may differ
    keys : [streams] random keys
    devices : how many of ``jax.devices()`` take part, by default all
    workers : streams at a time on a device, by default so many that every core of CPUs has one, else one
    options : of ``simulate``: ``plasticity``, ``rate``, ``dropout``, ``record``

    Raises
    ------
    InputError
        For more devices than there are, no workers, or other numbers of states or keys than of streams.
    """
    there = jax.devices()
    count = len(there) if devices is None else devices
    if not 1 <= count <= len(there):
        raise InputError(
            f"{count} devices asked for, there are {len(there)} ({there[0].platform})",
            remedy=f"ask for 1 to {len(there)}",
        )
    if not len(states) == len(streams) == len(keys):
        raise InputError(
            f"{len(states)} states and {len(keys)} keys for {len(streams)} streams",
            remedy="one of each a stream",
        )
    workers = (
        (-(-usable_cores() // count) if there[0].platform == "cpu" else 1) if workers is None else workers
    )
    if workers < 1:
        raise InputError(f"{workers} workers", remedy="at least one")

    def job(k: int) -> tuple[State, dict[str, np.ndarray]]:
        mine = network, states[k], keys[k]
        if count > 1:
            mine = jax.device_put(mine, there[k % count])
        with jax.default_device(there[k % count] if count > 1 else None):
            return simulate(mine[0], mine[1], streams[k], key=mine[2], **options)

    with contextlib.ExitStack() as stack:
        pools = [stack.enter_context(ThreadPoolExecutor(workers)) for _ in range(count)]
        jobs = [pools[k % count].submit(job, k) for k in range(len(streams))]
        return [done.result() for done in jobs]
