"""One step of a general spiking network.

Weights are read and moved in the same loop.  XLA keeps them in place only where all that moves them comes before all that
reads them, so plasticity of a step is done at the beginning of the next one (*settled*); nothing reads weights in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.models.events import WORD, pack, walk_packed
from neuromorph.models.pytree import pytree
from neuromorph.spiking.network import Link, Model
from neuromorph.spiking.projections import AllButOne, Dense, OneToOne, Sparse, Walk

Array = Any
"""JAX's in the loop, NumPy's on the host."""


@pytree
class LinkState:
    """``weights`` as the step keeps them (none where they are fixed lists), traces ``pre`` and ``post`` of a rule."""

    weights: Array
    pre: Array
    post: Array


@pytree
class NetworkState:
    """Between two steps.

    Parameters
    ----------
    neurons : state of each population
    links : of each projection
    words : packed spikes of each population in the last step
    counts : spikes of each neuron since the beginning
    step : steps since the beginning
    """

    neurons: dict[str, Any]
    links: dict[str, LinkState]
    words: dict[str, Array]
    counts: dict[str, Array]
    step: Array


@pytree
class Events:
    """Spikes of a source in a piece of the run: those of its step t are ``channel[start[t] : start[t + 1]]``."""

    start: jax.Array
    channel: jax.Array

    def walk(self, t: jax.Array) -> Walk:
        """Fold over the channels of step ``t``."""

        def fold(visit: Any, value: Any) -> Any:
            return jax.lax.fori_loop(
                self.start[t], self.start[t + 1], lambda k, now: visit(self.channel[k], now), value
            )

        return fold


def initial_state(model: Model) -> NetworkState:
    """Before the first step; arrays are on the host."""
    sizes = {name: p.size for name, p in model.populations.items()}
    return NetworkState(
        {name: p.neuron.initial(p.size) for name, p in model.populations.items()},
        {name: _initial_link(link) for name, link in model.links.items()},
        {name: np.zeros(-(-n // WORD), np.uint32) for name, n in sizes.items()},
        {name: np.zeros(n, np.int32) for name, n in sizes.items()},
        np.zeros((), np.int32),
    )


def _initial_link(link: Link) -> LinkState:
    projection = link.projection
    if not isinstance(projection, Dense):
        return LinkState(*(np.zeros(0, np.float32) for _ in range(3)))
    weights, rule = projection.padded(), projection.rule
    pre = weights.shape[0] if rule is not None else 0
    post = weights.shape[1] if rule is not None and rule.has_rows else 0
    return LinkState(weights, np.zeros(pre, np.float32), np.zeros(post, np.float32))


def settled(model: Model, state: NetworkState) -> NetworkState:
    """All plasticity of the last step done; a second time it does nothing."""
    links = {name: _settled_link(model, link, state, state.links[name]) for name, link in model.links.items()}
    words = {name: jnp.zeros_like(w) for name, w in state.words.items()}
    return replace(state, links=links, words=words)


def _settled_link(model: Model, link: Link, state: NetworkState, now: LinkState) -> LinkState:
    rule = getattr(link.projection, "rule", None)
    if rule is None:
        return now
    own, weights = not link.projection.loops, now.weights
    if rule.has_rows:

        def row(k: jax.Array, w: jax.Array) -> jax.Array:
            moved = rule.row(jax.lax.dynamic_index_in_dim(w, k, keepdims=False), now.post)
            return jax.lax.dynamic_update_index_in_dim(w, moved, k, 0)

        weights = walk_packed(state.words[link.source], row, weights)

    def column(k: jax.Array, w: jax.Array) -> jax.Array:
        old = jax.lax.optimization_barrier(jax.lax.dynamic_index_in_dim(w, k, 1, keepdims=False))
        moved = jax.lax.optimization_barrier(rule.column(old, now.pre))
        if own:
            moved = moved.at[k].set(0.0)
        return jax.lax.dynamic_update_index_in_dim(w, moved, k, 1)

    weights = walk_packed(state.words[link.target], column, weights)
    if rule.at_once:
        return replace(now, weights=weights)
    one = jnp.float32(1.0)
    pre = walk_packed(state.words[link.source], lambda k, p: p.at[k].add(one), now.pre)
    post = walk_packed(state.words[link.target], lambda k, q: q.at[k].add(one), now.post)
    return LinkState(weights, pre, post)


def prepared(model: Model) -> tuple[dict[str, Any], dict[str, tuple[jax.Array, jax.Array]]]:
    """Factors of a step: of every population, and of the traces of every rule."""
    factors = {name: p.neuron.prepared(model.dt) for name, p in model.populations.items()}
    decays = {}
    for name, link in model.links.items():
        rule = getattr(link.projection, "rule", None)
        if rule is not None:
            decays[name] = tuple(jnp.exp(-model.dt / tau) for tau in (rule.tau_pre, rule.tau_post))
    return factors, decays  # type: ignore[return-value]


def step(
    model: Model,
    ready: tuple[dict[str, Any], dict[str, Any]],
    events: Mapping[str, Events],
    t: jax.Array,
    state: NetworkState,
) -> tuple[NetworkState, dict[str, jax.Array]]:
    """One step; ``t`` counts in ``events``, ``ready`` is of :func:`prepared`.  Returns the state and who fired."""
    factors, decays = ready
    state = settled(model, state)
    links = {name: _decayed(link, decays.get(name)) for name, link in state.links.items()}
    neurons, fired = {}, {}
    for name, population in model.populations.items():
        neurons[name], fired[name] = population.neuron.advance(factors[name], state.neurons[name])
    words = {name: pack(who) for name, who in fired.items()}
    for name, link in model.links.items():
        at = link.projection.port
        target = neurons[link.target]
        into, links[name] = _delivered(link, links[name], events, t, words, fired, getattr(target, at))
        neurons[link.target] = replace(target, **{at: into})
    for name, population in model.populations.items():
        neurons[name] = population.neuron.reset_fired(factors[name], neurons[name], fired[name])
    counts = {name: state.counts[name] + who for name, who in fired.items()}
    return NetworkState(neurons, links, words, counts, state.step + 1), fired


def _decayed(link: LinkState, decay: Any) -> LinkState:
    return link if decay is None else replace(link, pre=link.pre * decay[0], post=link.post * decay[1])


def _delivered(
    link: Link, now: LinkState, events: Mapping[str, Events], t: jax.Array, words: Mapping[str, jax.Array],
    fired: Mapping[str, jax.Array], into: jax.Array,
) -> tuple[jax.Array, LinkState]:  # fmt: skip
    """What the target's port holds after the spikes of this step, and traces that know of them."""
    projection, source = link.projection, link.source
    if isinstance(projection, OneToOne | AllButOne):
        return projection.added(fired[source], into), now
    if source in events:
        walk = events[source].walk(t)
    else:

        def walk(visit: Any, value: Any) -> Any:
            return walk_packed(words[source], visit, value)

    rule = None if isinstance(projection, Sparse) else projection.rule
    if rule is None or not rule.at_once:
        return projection.delivered(now.weights, walk, into), now
    into, pre = projection.traced(now.weights, walk, into, now.pre)
    return into, replace(now, pre=pre)
