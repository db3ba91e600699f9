"""Operating points, sweeps and transients of many circuits of one form, side by side.

An operating point is waited for: the circuit runs with its sources as they begin, in steps that grow to hours, and Newton's
steps end it.  That finds the state that a circuit settles in, from where ``.nodeset`` puts it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from neuromorph.errors import CircuitError
from neuromorph.spice.engine import Waveforms
from neuromorph.transient.deck import Deck, corners
from neuromorph.transient.lanes import Form, Values, stacked
from neuromorph.transient.stepping import (
    POINTS,
    Record,
    State,
    Tolerance,
    attempt,
    branch_currents,
    recorded,
    started,
)
from neuromorph.units import parse_spice

SETTLING = 1e4
"""How long an operating point is waited for, s."""
BALANCE = 1e-6
"""Of the largest device current, and :data:`LEAK`: what may be left over at a node of an operating point."""
LEAK = 1e-15
STEPS = 32
"""Attempts between two looks at what came out."""
FEWEST = 64
"""Lanes that are compiled for at least: one program for a sample's points and for some samples'."""
MANY = 4
"""Times as many lanes as are still at work, from which on the others are dropped: each number is compiled anew."""
LONGEST = 16
"""Of a step, in the largest times between points that the deck asks for."""
FIRST = 1e-12
"""Step, s."""
USUAL = Tolerance()
_ROUGH = Tolerance(1e-2, 1e-4)
_POLISH, _FURTHEST = 8, 0.02


def solve(decks: Sequence[Deck], tolerance: Tolerance = USUAL) -> list[Waveforms | None]:
    """What every deck's analysis gives; None where it has no operating point, or steps became too short.

    Raises
    ------
    CircuitError
        When the decks are not of one form, or sweep a source that is not there.
    """
    key = decks[0].form
    if any(deck.form != key for deck in decks):
        raise CircuitError("these decks are not of one form", remedy="group them by Deck.form")
    filled = [*decks, *[decks[0]] * (_padded(len(decks)) - len(decks))]
    with jax.enable_x64(True):
        solver = _Solver.of(key, decks[0])
        found = solver.sweep(filled) if decks[0].analysis[0] == "dc" else solver.transient(filled, tolerance)
    return found[: len(decks)]


def _padded(lanes: int) -> int:
    """Lanes that are compiled for as many as these: powers of four."""
    return int(4 ** np.ceil(np.log(max(lanes, FEWEST)) / np.log(4) - 1e-9))


class _Solver:
    """Of a form: its functions are compiled once."""

    _known: ClassVar[dict[tuple[object, ...], _Solver]] = {}

    def __init__(self, form: Form) -> None:
        self.form = form
        self.settle = jax.jit(self._settle)
        self.follow = jax.jit(self._follow)
        self.advance: Callable[..., tuple[State, Record]] = jax.jit(self._advance)
        self.drawn = jax.jit(self._drawn)

    @classmethod
    def of(cls, key: tuple[object, ...], deck: Deck) -> _Solver:
        if key not in cls._known:
            cls._known[key] = cls(Form(deck))
        return cls._known[key]

    def _settle(self, values: Values, v: Array) -> tuple[Array, Array]:
        """Operating points with the last inputs, and which are none."""
        longest = jnp.full(v.shape[1], jnp.inf)

        def one(state: State) -> State:
            return attempt(self.form, _ROUGH, values, state, longest)[0]

        state = lax.while_loop(lambda s: ~jnp.all(s.done), one, started(v, FIRST))
        v, none = self._follow(values, state.v)
        return v, state.failed | none

    def _follow(self, values: Values, v: Array) -> tuple[Array, Array]:
        """Operating points near ``v``, and which are none."""
        v = lax.fori_loop(0, _POLISH, lambda _, v: self._newton(values, v), v)
        left, largest = self._balance(values, v)
        return v, ~(left <= LEAK + BALANCE * largest)

    def _newton(self, values: Values, v: Array) -> Array:
        form, inputs = self.form, values.inputs[-1]
        jacobian = form.jacobian(values, v, inputs[: form.driven])[:, : form.free]
        scale = 1 / jnp.maximum(jnp.abs(jacobian).max(1), 1e-30)
        force = form.force(values, v, inputs, jnp.zeros_like(inputs)) * scale
        matrix = jnp.moveaxis(jacobian * scale[:, None], -1, 0)
        move = jnp.linalg.solve(matrix, jnp.moveaxis(force, -1, 0)[..., None])[..., 0].T
        return v - jnp.clip(jnp.where(jnp.isfinite(move), move, 0.0), -_FURTHEST, _FURTHEST)

    def _balance(self, values: Values, v: Array) -> tuple[Array, Array]:
        """Largest current that is left over at a free node, and that flows in a device, [lanes]."""
        form, inputs = self.form, values.inputs[-1]
        left = jnp.abs(form.force(values, v, inputs, jnp.zeros_like(inputs)))
        flows = form.currents(values.constants, form.voltages(v, inputs[: form.driven]))
        return left.max(0, initial=0.0), jnp.abs(flows).max(0, initial=0.0)

    def _advance(
        self, values: Values, state: State, longest: Array, tolerance: Tolerance
    ) -> tuple[State, Record]:
        def one(state: State, _: None) -> tuple[State, Record]:
            after, good, here, made, h = attempt(self.form, tolerance, values, state, longest)
            return after, recorded(self.form, values, state, good, here, made, h)

        return lax.scan(one, state, None, STEPS)

    def _drawn(self, values: Values, v: Array) -> Array:
        """Currents of all voltage sources at rest, [driven, lanes]."""
        form, inputs = self.form, values.inputs[-1]
        nodes = list(range(form.free, form.free + form.driven))
        still = jnp.zeros_like(v)[:, None]
        return branch_currents(
            form, values, nodes, v[:, None], still, inputs[:, None], jnp.zeros_like(inputs)
        )[:, 0]

    def transient(self, decks: Sequence[Deck], tolerance: Tolerance) -> list[Waveforms | None]:
        stops = [parse_spice(deck.analysis[2]) for deck in decks]
        times = [corners(deck, stop) for deck, stop in zip(decks, stops, strict=True)]
        inputs = [_inputs(deck, at) for deck, at in zip(decks, times, strict=True)]
        values = stacked(self.form, decks, times, inputs)
        v, failed = jnp.asarray(_begin(decks)), np.zeros(len(decks), bool)
        if "uic" not in decks[0].analysis:
            v, none = self.settle(_resting(self.form, decks, [u[:1] for u in inputs]), v)
            failed = np.array(none)
        values = values._replace(held=jnp.zeros_like(values.held))
        longest = jnp.asarray([LONGEST * _gap(deck, stop) for deck, stop in zip(decks, stops, strict=True)])
        state = started(v, FIRST, failed)
        pieces: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in decks]
        present = np.arange(len(decks))
        while not np.all(done := np.asarray(state.done)):
            left = np.flatnonzero(~done)
            if MANY * _padded(len(left)) <= len(present):
                kept = np.concatenate([left, np.flatnonzero(done)[: _padded(len(left)) - len(left)]])
                present = present[kept]
                values, state, longest = jax.tree.map(
                    lambda a, kept=kept: a[..., kept], (values, state, longest)
                )
            state, record = self.advance(values, state, longest, tolerance)
            _keep(pieces, present, record)
            failed[present[np.asarray(state.failed)]] = True
        return [
            None if bad else _transient_waveforms(deck, parts)
            for deck, parts, bad in zip(decks, pieces, failed, strict=True)
        ]

    def sweep(self, decks: Sequence[Deck]) -> list[Waveforms | None]:
        name, *ends = decks[0].analysis[1:]
        low, high, gap = map(parse_spice, ends)
        swept = low + gap * np.arange(round((high - low) / gap) + 1)
        column = self.form.column(name)
        values = _resting(self.form, decks, [_inputs(deck, np.zeros(1)) for deck in decks])
        v, failed = jnp.asarray(_begin(decks)), np.zeros(len(decks), bool)
        every, drawn = [], []
        for k, value in enumerate(swept):
            values = values._replace(inputs=values.inputs.at[:, column].set(value))
            # from one point to the next a few of Newton's steps are enough, but where a circuit tips over
            near, none = self.follow(values, v) if k else (v, jnp.ones(len(decks), bool))
            if np.any(none):
                settled, bad = self.settle(values, v)
                near, none = jnp.where(none, settled, near), none & bad
            v = near
            failed |= np.asarray(none)
            every.append(
                np.concatenate([v, values.inputs[-1][: self.form.driven], np.zeros((1, len(decks)))])
            )
            drawn.append(np.asarray(self.drawn(values, v)))
            # held to begin with only: a sweep goes on from where it is
            values = values._replace(held=jnp.zeros_like(values.held))
        nodes, branches = np.stack(every), np.stack(drawn)
        return [
            None if bad else Waveforms("dc", {f"{name[0]}-sweep": swept} | {
                saved: branches[:, place - self.form.free, lane] if is_branch else nodes[:, place, lane]
                for saved, (is_branch, place) in zip(deck.saved, self.form.saved, strict=True)
            })
            for lane, (deck, bad) in enumerate(zip(decks, failed, strict=True))
        ]  # fmt: skip


def _begin(decks: Sequence[Deck]) -> np.ndarray:
    """Where the search for an operating point begins, [free, lanes]."""
    return np.array(
        [[deck.start.get(node, deck.guess.get(node, 0.0)) for deck in decks] for node in decks[0].free]
    )


def _resting(form: Form, decks: Sequence[Deck], inputs: Sequence[np.ndarray]) -> Values:
    """With inputs [1, inputs] that stay."""
    ends = np.array([0.0, SETTLING])
    return stacked(form, decks, [ends] * len(decks), [u.repeat(2, 0) for u in inputs])


def _gap(deck: Deck, stop: float) -> float:
    """Largest time between two points that a transient's card asks for, s; SPICE's own without."""
    words = [word for word in deck.analysis[1:] if word != "uic"]
    return parse_spice(words[3]) if len(words) > 3 else stop / 50


def _inputs(deck: Deck, times: np.ndarray) -> np.ndarray:
    """Of voltage sources, then current sources, [times, inputs]."""
    return np.stack([s.at(times) for s in (*deck.voltages, *(s for _, _, s in deck.injected))], -1)


def _keep(pieces: list[list[tuple[np.ndarray, np.ndarray]]], present: np.ndarray, record: Record) -> None:
    """Put what was recorded where it belongs, lane by lane."""
    good, first, times, saved = map(np.asarray, record)
    for lane, deck in enumerate(present):
        held = np.flatnonzero(good[:, lane])
        if len(held):
            # a step's start is the end of the one before it, but for the rates at a corner
            mask = np.ones((len(held), POINTS + 1), bool)
            mask[:, 0] = first[held, lane]
            pieces[deck].append(
                (times[held, :, lane][mask], saved[held, :, :, lane].transpose(1, 0, 2)[:, mask])
            )


def _transient_waveforms(deck: Deck, parts: list[tuple[np.ndarray, np.ndarray]]) -> Waveforms:
    time, saved = np.concatenate([t for t, _ in parts]), np.concatenate([s for _, s in parts], 1)
    return Waveforms("tran", {"time": time, **dict(zip(deck.saved, saved, strict=True))})
