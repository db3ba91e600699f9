"""Projections: how the spikes of a population reach a port of another one.

Spikes come as a fold (:data:`Walk`): a projection does not know whether they are words of a population or a list.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.errors import InputError
from neuromorph.models.pytree import pytree, static
from neuromorph.plasticity.spike_pairs import Rule

Walk = Callable[[Callable[[jax.Array, Any], Any], Any], Any]
"""``walk(visit, start)`` folds ``visit(index, value)`` over the indices of spikes."""
_LANES, _WAY = 16, 256


def target_type(size: int) -> type[np.unsignedinteger] | type[np.signedinteger]:
    """Integers that name ``size`` targets and none."""
    return np.uint16 if size < 65535 else np.int32


def padded_columns(n: int) -> int:
    """Row length for n columns: whole vectors, but no multiple of 1 KiB, where columns would share a few cache sets."""
    length = -(-n // _LANES) * _LANES
    return length if length % _WAY else length + _LANES


@pytree
class Dense:
    """All to all: one weight a pair.

    Parameters
    ----------
    weights : [pre, post] at the beginning
    rule : by which they move; None where they do not
    port : of the target
    scale : of what a weight adds, 1 where it is None
    loops : False keeps the weights of a neuron onto itself at zero
    """

    weights: jax.Array | np.ndarray
    rule: Rule | None = None
    scale: float | jax.Array | None = None
    port: str = static("exc")
    loops: bool = static(True)

    def padded(self) -> np.ndarray:
        """Weights as the step keeps them."""
        pre, post = self.weights.shape
        kept = np.zeros((pre, padded_columns(post)), np.float32)
        kept[:, :post] = self.weights
        return kept

    def delivered(self, weights: jax.Array, walk: Walk, into: jax.Array) -> jax.Array:
        """``into`` [post] plus the rows of the spikes."""
        n = into.shape[0]
        wide = jnp.zeros(weights.shape[1], jnp.float32).at[:n].set(into)

        def visit(k: jax.Array, total: jax.Array) -> jax.Array:
            return total + self._row(weights, k)

        return walk(visit, wide)[:n]

    def traced(
        self, weights: jax.Array, walk: Walk, into: jax.Array, trace: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """The same, and the lines' traces with those of the spikes at 1."""
        n = into.shape[0]
        wide = jnp.zeros(weights.shape[1], jnp.float32).at[:n].set(into)

        def visit(k: jax.Array, now: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            return now[0] + self._row(weights, k), now[1].at[k].set(1.0)

        wide, trace = walk(visit, (wide, trace))
        return wide[:n], trace

    def _row(self, weights: jax.Array, k: jax.Array) -> jax.Array:
        row = jax.lax.dynamic_index_in_dim(weights, k, keepdims=False)
        return row if self.scale is None else self.scale * row


@pytree
class Sparse:
    """Targets of each line in a list, one weight a line.

    Parameters
    ----------
    targets : uint16 or int32 [pre, fan-out], in any order, then ``size`` where a line has fewer
    weights : [pre]
    size : neurons of the target
    port : of the target
    """

    targets: jax.Array | np.ndarray
    weights: jax.Array | np.ndarray
    size: int = static(1)
    port: str = static("exc")

    @classmethod
    def from_lists(
        cls, start: np.ndarray, target: np.ndarray, weights: np.ndarray | float, size: int, port: str = "exc"
    ) -> Sparse:
        """From the targets of all lines one after the other: those of line k are ``target[start[k] : start[k + 1]]``.

        Raises
        ------
        InputError
            When the lists do not fit each other or name a target beyond ``size``.
        """
        lengths = np.diff(start)
        if len(target) != int(lengths.sum()) or lengths.min(initial=0) < 0:
            raise InputError(f"{len(target)} targets for lists that end at {int(np.asarray(start)[-1])}",
                             remedy="start rises from 0 to the number of targets, one more entry than lines")  # fmt: skip
        if len(target) and not 0 <= np.min(target) <= np.max(target) < size:
            raise InputError(f"a target of {int(np.max(target))}", remedy=f"targets are 0 ... {size - 1}")
        table = np.full((len(lengths), max(int(lengths.max(initial=0)), 1)), size, target_type(size))
        table[np.arange(table.shape[1]) < lengths[:, None]] = target
        return cls(table, np.broadcast_to(np.float32(weights), len(lengths)).copy(), size, port)

    def delivered(self, weights: jax.Array, walk: Walk, into: jax.Array) -> jax.Array:
        """``into`` [post] plus the weight of each spike at its targets; ``weights`` is not used."""
        targets, own = jnp.asarray(self.targets), jnp.asarray(self.weights)
        wide = jnp.concatenate([into, jnp.zeros(1, jnp.float32)])

        def visit(k: jax.Array, total: jax.Array) -> jax.Array:
            at = jax.lax.dynamic_index_in_dim(targets, k, keepdims=False).astype(jnp.int32)
            return total.at[at].add(own[k], mode="promise_in_bounds")

        return walk(visit, wide)[: self.size]


@pytree
class OneToOne:
    """Neuron k onto neuron k with one weight."""

    weight: float | jax.Array
    port: str = static("exc")

    def added(self, fired: jax.Array, into: jax.Array) -> jax.Array:
        """``into`` [n] plus the weight where ``fired``."""
        return into + self.weight * fired


@pytree
class AllButOne:
    """Neuron k onto all others with one weight, as lateral inhibition is."""

    weight: float | jax.Array
    port: str = static("inh")

    def added(self, fired: jax.Array, into: jax.Array) -> jax.Array:
        """``into`` [n] plus the weight for each other neuron of ``fired``."""
        one = fired.astype(jnp.float32)
        return into + self.weight * (jnp.sum(one) - one)


Projection = Dense | Sparse | OneToOne | AllButOne
