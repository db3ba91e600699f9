"""Projections: how the spikes of a population reach a port of another one."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.errors import InputError
from neuromorph.models.pytree import pytree, static
from neuromorph.plasticity.spike_pairs import Rule

_LANES, _WAY = 16, 256
_AT_ONCE = 256
_ROWS_FROM = 1 / 64
"""Share of its targets that a line meets, from which rows are quicker than lists."""


def target_type(size: int) -> type[np.unsignedinteger] | type[np.signedinteger]:
    """Integers that name ``size`` targets and none."""
    return np.uint16 if size < 65535 else np.int32


def whole_lanes(n: int) -> int:
    """Row length for n columns: whole vectors."""
    return -(-n // _LANES) * _LANES


def padded_columns(n: int) -> int:
    """The same, but no multiple of 1 KiB, where columns would share a few cache sets."""
    length = whole_lanes(n)
    return length if length % _WAY else length + _LANES


def _lengthened(array: jax.Array, length: int) -> jax.Array:
    return array if len(array) == length else jnp.pad(array, (0, length - len(array)))


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

    def opened(self, weights: jax.Array, into: jax.Array) -> jax.Array:
        """Where rows are added to: ``into`` [post] as long as a row."""
        return _lengthened(into, weights.shape[1])

    def added_line(self, weights: jax.Array, line: jax.Array, total: jax.Array) -> jax.Array:
        """``total`` with what a spike of ``line`` delivers."""
        row = jax.lax.dynamic_index_in_dim(weights, line, keepdims=False)
        return total + (row if self.scale is None else self.scale * row)


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

    @functools.cached_property
    def expanded(self) -> Rows | Sparse:
        """The same as rows, where these are quicker: XLA adds to scattered places one after the other, and to a row several
        at a time.  They are made and handed to JAX once."""
        table = np.asarray(self.targets)
        lines, fan = table.shape
        wide = whole_lanes(self.size)
        if fan < self.size * _ROWS_FROM:
            return self
        made = np.zeros((lines, wide), np.uint8)
        for first in range(0, lines, _AT_ONCE):
            some = table[first : first + _AT_ONCE].astype(np.int64)
            place = some + wide * np.arange(len(some))[:, None]
            counts = np.bincount(place[some < self.size], minlength=len(some) * wide).reshape(len(some), wide)
            if counts.max() > np.iinfo(np.uint8).max:
                return self
            made[first : first + _AT_ONCE] = counts
        return Rows(jnp.asarray(made), jnp.asarray(self.weights, jnp.float32), self.port)

    def opened(self, weights: jax.Array, into: jax.Array) -> jax.Array:
        """Where targets are added to: ``into`` [post] and a place for none."""
        return _lengthened(into, self.size + 1)

    def added_line(self, weights: jax.Array, line: jax.Array, total: jax.Array) -> jax.Array:
        """``total`` with what a spike of ``line`` delivers."""
        at = jax.lax.dynamic_index_in_dim(jnp.asarray(self.targets), line, keepdims=False).astype(jnp.int32)
        return total.at[at].add(jnp.asarray(self.weights)[line], mode="promise_in_bounds")


@pytree
class Rows:
    """What JAX runs for :class:`Sparse`: ``counts`` uint8 [pre, post or more] says how often a line meets a target."""

    counts: jax.Array
    weights: jax.Array
    port: str = static("exc")

    def opened(self, weights: jax.Array, into: jax.Array) -> jax.Array:
        """Where rows are added to: ``into`` [post] as long as a row."""
        return _lengthened(into, self.counts.shape[1])

    def added_line(self, weights: jax.Array, line: jax.Array, total: jax.Array) -> jax.Array:
        """``total`` with what a spike of ``line`` delivers."""
        row = jax.lax.dynamic_index_in_dim(self.counts, line, keepdims=False)
        return total + self.weights[line] * row.astype(jnp.float32)


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
