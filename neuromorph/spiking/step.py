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
from neuromorph.spiking.projections import AllButOne, Dense, OneToOne, Rows, Sparse

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

    def folded(self, t: jax.Array, visit: Any, value: Any) -> Any:
        """Fold ``visit(channel, value)`` over the spikes of step ``t``."""
        return jax.lax.fori_loop(
            self.start[t], self.start[t + 1], lambda k, now: visit(self.channel[k], now), value
        )


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
    rule = rule_of(link)
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


def prepared(model: Model) -> tuple[dict[str, Any], dict[str, Any]]:
    """Factors of a step: of every population, and of the traces of every rule."""
    rules = {name: rule for name, link in model.links.items() if (rule := rule_of(link)) is not None}
    return factors(model.dt, {name: p.neuron for name, p in model.populations.items()}, rules)


def rule_of(link: Link) -> Any:
    """By which a projection's weights move, or None."""
    return getattr(link.projection, "rule", None)


def _time_constants(rule: Any) -> tuple[Any, Any]:
    """Of the traces before and behind; a rule without pre events has none behind."""
    return rule.tau_pre, rule.tau_post if rule.has_rows else rule.tau_pre


def factors(
    dt: jax.Array, neurons: Mapping[str, Any], rules: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same from neurons and rules alone."""
    decays = {
        name: tuple(jnp.exp(-dt / jnp.asarray(tau, jnp.float32)) for tau in _time_constants(rule))
        for name, rule in rules.items()
    }
    return {name: neuron.prepared(dt) for name, neuron in neurons.items()}, decays


def step(
    model: Model,
    ready: tuple[dict[str, Any], dict[str, Any]],
    events: Mapping[str, Events],
    t: jax.Array,
    state: NetworkState,
) -> tuple[NetworkState, dict[str, jax.Array]]:
    """One step; ``t`` counts in ``events``, ``ready`` is of :func:`prepared`.  Returns the state and who fired."""
    own, decays = ready
    state = settled(model, state)
    links = {name: _decayed(link, decays.get(name)) for name, link in state.links.items()}
    neurons, fired = {}, {}
    for name, population in model.populations.items():
        neurons[name], fired[name] = population.neuron.advance(own[name], state.neurons[name])
    words = {name: pack(who) for name, who in fired.items()}
    for group in _groups(model):
        links |= _delivered(model, group, links, events, t, words, neurons)
    for _, link in sorted(model.links.items()):
        if isinstance(link.projection, OneToOne | AllButOne):
            target, port = neurons[link.target], link.projection.port
            into = link.projection.added(fired[link.source], getattr(target, port))
            neurons[link.target] = replace(target, **{port: into})
    for name, population in model.populations.items():
        neurons[name] = population.neuron.reset_fired(own[name], neurons[name], fired[name])
    counts = {name: walk_packed(words[name], _one_more, state.counts[name]) for name in fired}
    return NetworkState(neurons, links, words, counts, state.step + 1), fired


def _one_more(k: jax.Array, counts: jax.Array) -> jax.Array:
    return counts.at[k].add(1, mode="promise_in_bounds")


def _decayed(link: LinkState, decay: Any) -> LinkState:
    return link if decay is None else replace(link, pre=link.pre * decay[0], post=link.post * decay[1])


def delivery_order(model: Model) -> list[str]:
    """Names of the projections in the order in which they add to a port: sums are rounded in some order."""
    walked = [name for group in _groups(model) for name in group]
    return walked + sorted(name for name in model.links if name not in walked)


def _groups(model: Model) -> list[list[str]]:
    """Dense and sparse projections by source: one walk over its spikes serves all that add to different ports."""
    groups: list[list[str]] = []
    for name, link in sorted(model.links.items()):
        if isinstance(link.projection, Dense | Rows | Sparse):
            for group in groups:
                if model.links[group[0]].source == link.source and _end(link) not in _ends(model, group):
                    group.append(name)
                    break
            else:
                groups.append([name])
    return groups


def _end(link: Link) -> tuple[str, str]:
    return link.target, link.projection.port


def _ends(model: Model, names: list[str]) -> set[tuple[str, str]]:
    return {_end(model.links[name]) for name in names}


def _delivered(
    model: Model, names: list[str], links: Mapping[str, LinkState], events: Mapping[str, Events], t: jax.Array,
    words: Mapping[str, jax.Array], neurons: dict[str, Any],
) -> dict[str, LinkState]:  # fmt: skip
    """Add the spikes of this step to the ports of a group (in ``neurons``); returns links whose traces know of them."""
    group = {name: model.links[name] for name in names}
    source = group[names[0]].source
    at_once = [name for name, link in group.items() if (rule := rule_of(link)) is not None and rule.at_once]

    def visit(line: jax.Array, now: tuple[dict[str, jax.Array], dict[str, jax.Array]]) -> Any:
        totals, traces = now
        totals = {
            name: group[name].projection.added_line(links[name].weights, line, total)
            for name, total in totals.items()
        }
        return totals, {name: trace.at[line].set(1.0) for name, trace in traces.items()}

    ports = {name: getattr(neurons[link.target], link.projection.port) for name, link in group.items()}
    start = (
        {name: link.projection.opened(links[name].weights, ports[name]) for name, link in group.items()},
        {name: links[name].pre for name in at_once},
    )
    totals, traces = (
        events[source].folded(t, visit, start)
        if source in events
        else walk_packed(words[source], visit, start)
    )
    for name, link in group.items():
        into, n = totals[name], len(ports[name])
        into = into if len(into) == n else into[:n]
        neurons[link.target] = replace(neurons[link.target], **{link.projection.port: into})
    return {name: replace(links[name], pre=trace) for name, trace in traces.items()}
