"""Many decks of one form as arrays, a lane each, and the currents of their nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from neuromorph.devices.equations import biased_current, referred_current
from neuromorph.errors import CircuitError
from neuromorph.transient.deck import CONSTANTS, Deck

HOLDING = 1.0
"""Conductance that holds a node at its ``.ic``, S."""


class Values(NamedTuple):
    """What differs from lane to lane.

    Attributes
    ----------
    constants : by name, [devices, lanes]
    inner, outer : capacitance between free nodes, [free, free, lanes]; from them to driven ones, [free, driven, lanes]
    own : of the driven nodes to all, [driven, all, lanes]
    times : at which sources bend, [corners, lanes], the last ones repeated
    inputs : voltages, then injected currents, [corners, inputs, lanes]
    held, at : conductance and voltage that hold free nodes, [free, lanes]
    """

    constants: dict[str, Array]
    inner: Array
    outer: Array
    own: Array
    times: Array
    inputs: Array
    held: Array
    at: Array


@dataclass(frozen=True)
class Form:
    """What decks share that are solved side by side."""

    deck: Deck

    @property
    def free(self) -> int:
        return len(self.deck.free)

    @property
    def driven(self) -> int:
        return len(self.deck.voltages)

    @property
    def all(self) -> int:
        return self.free + self.driven + 1

    @cached_property
    def saved(self) -> tuple[tuple[bool, int], ...]:
        """Of every saved name: whether it is a voltage source's current, and the place of its node."""
        places = {node: k for k, node in enumerate([*self.deck.free, *self.deck.driven, "0"])}
        found = []
        for name in self.deck.saved:
            source = name.removesuffix("#branch")
            found.append((source != name, self.deck.sources[source] if source != name else places[name]))
        return tuple(found)

    def column(self, source: str) -> int:
        """Of a source among the inputs.

        Raises
        ------
        CircuitError
            When there is none of this name.
        """
        names = [*self.deck.driven.values(), *self.deck.injectors]
        if source not in names:
            raise CircuitError(
                f"the deck has no source {source!r} to sweep", remedy=f"it has: {', '.join(names)}"
            )
        return names.index(source)

    @cached_property
    def incidence(self) -> np.ndarray:
        """+1 where a device's current enters it, -1 where it leaves, [all, devices]."""
        found = np.zeros((self.all, len(self.deck.sign)))
        k = np.arange(len(self.deck.sign))
        np.add.at(found, (self.deck.drain, k), 1.0)
        np.add.at(found, (self.deck.source, k), -1.0)
        return found

    @cached_property
    def injection(self) -> np.ndarray:
        """What every injected current adds to a node, [all, injected]."""
        found = np.zeros((self.all, len(self.deck.injected)))
        for k, (start, end, _) in enumerate(self.deck.injected):
            found[start, k] -= 1.0
            found[end, k] += 1.0
        return found

    @cached_property
    def assembly(self) -> tuple[np.ndarray, np.ndarray]:
        """For every entry of the Jacobian [free, free + driven] the derivatives that it sums: places among
        ``[d/dgate, d/ddrain, d/dsource]`` of the devices (the last place is nought), and their signs."""
        entries: dict[tuple[int, int], list[tuple[int, float]]] = {}
        count = len(self.deck.sign)
        for k in range(count):
            nodes = (self.deck.gate[k], self.deck.drain[k], self.deck.source[k])
            for row, sign in ((self.deck.drain[k], -1.0), (self.deck.source[k], 1.0)):
                for which, column in enumerate(nodes):
                    if row < self.free and column < self.all - 1:
                        entries.setdefault((int(row), int(column)), []).append((which * count + k, sign))
        width = self.all - 1
        most = max((len(found) for found in entries.values()), default=1)
        places = np.full((most, self.free * width), 3 * count)
        signs = np.zeros((most, self.free * width))
        for (row, column), found in entries.items():
            for m, (place, sign) in enumerate(found):
                places[m, row * width + column], signs[m, row * width + column] = place, sign
        return places, signs

    def voltages(self, v: Array, driven: Array) -> Array:
        """Of all nodes, [all, lanes]."""
        return jnp.concatenate([v, driven, jnp.zeros_like(v[:1])])

    def currents(self, constants: dict[str, Array], every: Array, chosen: np.ndarray | None = None) -> Array:
        """Into the drains, A, [devices, lanes]; of ``chosen`` devices alone, whose constants are given."""
        deck = self.deck
        k = np.arange(len(deck.sign)) if chosen is None else chosen
        sign = deck.sign[k, None]
        gate, drain, source = (sign * every[place[k]] for place in (deck.gate, deck.drain, deck.source))
        return sign * biased_current(constants, gate, drain, source, jnp)

    def force(self, values: Values, v: Array, inputs: Array, slopes: Array) -> Array:
        """Current that charges every free node, A, [free, lanes]."""
        driven, injected = inputs[: self.driven], inputs[self.driven :]
        current = self.currents(values.constants, self.voltages(v, driven))
        into = jnp.asarray(-self.incidence[: self.free]) @ current - values.held * (v - values.at)
        if self.injection.size:
            into = into + self.injection[: self.free] @ injected
        return into - jnp.einsum("fdl,dl->fl", values.outer, slopes[: self.driven])

    def jacobian(self, values: Values, v: Array, driven: Array) -> Array:
        """Of :meth:`force`, [free, free + driven, lanes]."""
        every, deck = self.voltages(v, driven), self.deck
        sign = deck.sign[:, None]
        gate, drain, source = (sign * every[k] for k in (deck.gate, deck.drain, deck.source))
        vgs, vds = gate - jnp.minimum(drain, source), drain - source

        def current(vgs: Array, vds: Array) -> Array:
            return referred_current(values.constants, vgs, vds, jnp)

        one, none = jnp.ones_like(vgs), jnp.zeros_like(vgs)
        by_gate, by_drain = (jax.jvp(current, (vgs, vds), turn)[1] for turn in ((one, none), (none, one)))
        lower = drain < source
        derivatives = jnp.concatenate(
            [
                by_gate,
                by_drain - jnp.where(lower, by_gate, 0.0),
                -by_drain - jnp.where(lower, 0.0, by_gate),
                jnp.zeros_like(v, shape=(1, v.shape[-1])),
            ]
        )
        places, signs = self.assembly
        flat = sum(derivatives[place] * sign[:, None] for place, sign in zip(places, signs, strict=True))
        full = jnp.reshape(flat, (self.free, self.all - 1, v.shape[-1]))
        diagonal = np.arange(self.free)
        return full.at[diagonal, diagonal].add(-values.held)


def stacked(
    form: Form, decks: Sequence[Deck], times: Sequence[np.ndarray], inputs: Sequence[np.ndarray]
) -> Values:
    """Arrays of ``decks``, with the values ``inputs`` [corners, inputs] at ``times`` [corners], lane by lane."""
    lanes, free, driven = len(decks), form.free, form.driven
    charge = np.zeros((form.all, form.all, lanes))
    for lane, deck in enumerate(decks):
        a, b = deck.plates.T
        for row, column, sign in ((a, a, 1), (b, b, 1), (a, b, -1), (b, a, -1)):
            np.add.at(charge, (row, column, lane), sign * deck.farads)
    most = 1 << max(7, *map(len, times)).bit_length()  # few shapes are compiled
    padded = np.stack([np.pad(t, (0, most - len(t)), mode="edge") for t in times], -1)
    filled = np.stack([np.pad(u, ((0, most - len(u)), (0, 0)), mode="edge") for u in inputs], -1)
    held, at = np.zeros((free, lanes)), np.zeros((free, lanes))
    names = {node: k for k, node in enumerate(form.deck.free)}
    for lane, deck in enumerate(decks):
        for node, volt in deck.start.items():
            if node in names:
                held[names[node], lane], at[names[node], lane] = HOLDING, volt
    constants = {
        name: jnp.asarray(np.stack([deck.constants[name] for deck in decks], -1)) for name in CONSTANTS
    }
    return Values(constants, *map(jnp.asarray, (charge[:free, :free], charge[:free, free : free + driven],
                  charge[free : free + driven], padded, filled, held, at)))  # fmt: skip
