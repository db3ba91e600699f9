"""The music network's step as one writes it down: every synapse at every tick, dense products.

The same equations through the same library; what ``simulator_speed.py`` compares the event-driven step with, and what
``tests/network/test_plain_form.py`` holds it to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp

from neuromorph.models.weight_readout import WeightReadout
from neuromorph.network import features, memory, simulate, step
from neuromorph.plasticity.eligibility import tick_update

EVENT_DRIVEN = simulate.run_blocks.__wrapped__


def dense_rows(
    matrix: jax.Array, events: jax.Array, read: Callable[..., jax.Array] = lambda row, k: row
) -> jax.Array:
    """All weights are read, and multiplied with all lines."""
    lines = events.shape[1]
    return events @ jax.vmap(read)(matrix[:lines], jnp.arange(lines))


def dense_recurrent(
    readout: WeightReadout, gates: jax.Array, spikes: jax.Array, charge: jax.Array, external: jax.Array
) -> jax.Array:
    """The cells' spikes times all their weights; XLA reads these once a frame."""
    first = gates.shape[0] - 1 - spikes.shape[0]
    return external + (spikes * charge) @ jax.vmap(readout.line)(gates[first:-1], jnp.arange(len(spikes)))


@partial(jax.jit, static_argnames=("record",))
def _run_blocks(*arguments: Any, record: tuple[str, ...] = ()) -> Any:
    return EVENT_DRIVEN(*arguments, record)


@contextmanager
def plain_form() -> Iterator[None]:
    """Within, :func:`~neuromorph.network.simulate.simulate` runs the plain form."""
    with (
        mock.patch.object(simulate, "run_blocks", lambda *a: _run_blocks(*a[:-1], record=a[-1])),
        mock.patch.object(step, "frame_update", tick_update),
        mock.patch.object(step, "weighted_rows", dense_rows),
        mock.patch.object(features, "weighted_rows", dense_rows),
        mock.patch.object(memory, "with_recurrent", dense_recurrent),
    ):
        yield
