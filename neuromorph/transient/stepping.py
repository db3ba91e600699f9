"""One step of many circuits side by side, each with its own time and step, and what is recorded of it."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from neuromorph.transient.lanes import Form, Values
from neuromorph.transient.rosenbrock import GAMMA, Step, between, rate, step

SHORTEST = 1e-21
"""A step below this is given up, s."""
POINTS = 6
"""Of a waveform within a step."""
_SLIVER = 0.8
"""Of the way to the next corner: a step that ends beyond it is halved, so that none of a sliver follows."""


class Tolerance(NamedTuple):
    """Of a step: relative to a voltage, and V."""

    relative: float = 3e-4
    absolute: float = 6e-6


class State(NamedTuple):
    """Of every lane: time, voltages of the free nodes [free, lanes], next step, corner behind it, whether it ended or was
    given up."""

    t: Array
    v: Array
    h: Array
    corner: Array
    done: Array
    failed: Array


class Record(NamedTuple):
    """Of an attempt: whether it holds and began at a corner, times [points, lanes], and values [names, points, lanes]."""

    good: Array
    first: Array
    times: Array
    saved: Array


class Stretch(NamedTuple):
    """Between two corners of the sources: start, end, inputs at the start [inputs, lanes] and their slopes."""

    start: Array
    end: Array
    left: Array
    slopes: Array

    def inputs(self, t: Array) -> Array:
        """At times [lanes] or [points, lanes]: [inputs, lanes] or [inputs, points, lanes]."""
        since = t - self.start
        if since.ndim == 1:
            return self.left + self.slopes * since
        return self.left[:, None] + self.slopes[:, None] * since


def started(v: np.ndarray | Array, first: float, ended: np.ndarray | None = None) -> State:
    """Lanes at time 0, with voltages [free, lanes] and a first step; ``ended`` ones do not move."""
    lanes = v.shape[1]
    done = jnp.zeros(lanes, bool) if ended is None else jnp.asarray(ended)
    return State(jnp.zeros(lanes), jnp.asarray(v), jnp.full(lanes, first), jnp.zeros(lanes, int), done, done)


def stretch(values: Values, corner: Array) -> Stretch:
    """Where every lane is."""
    lane = corner[None]
    start, end = (jnp.take_along_axis(values.times, lane + k, 0)[0] for k in (0, 1))
    left, right = (jnp.take_along_axis(values.inputs, lane[:, None] + k, 0)[0] for k in (0, 1))
    length = end - start
    slopes = jnp.where(length > 0, (right - left) / jnp.where(length > 0, length, 1.0), 0.0)
    return Stretch(start, end, left, slopes)


def attempt(
    form: Form, tolerance: Tolerance, values: Values, state: State, longest: Array
) -> tuple[State, Array, Stretch, Step, Array]:
    """One step of every lane, taken where its error allows it: the state after it, whether it was, where, how, how long."""
    here = stretch(values, state.corner)
    room = here.end - state.t
    h = jnp.minimum(jnp.minimum(state.h, longest), room)
    h = jnp.where((h < room) & (h > _SLIVER * room), 0.5 * room, h)
    h = jnp.where(state.done, state.h, h)
    made = _made(form, values, state, here, h)
    size = tolerance.absolute + tolerance.relative * jnp.maximum(jnp.abs(state.v), jnp.abs(made.end))
    error = jnp.max(jnp.abs(made.error) / size, axis=0, initial=0.0)
    fine = jnp.isfinite(error)
    good = fine & (error <= 1.0) & ~state.done
    factor = jnp.where(fine, jnp.clip(0.9 * jnp.maximum(error, 1e-12) ** -0.25, 0.2, 5.0), 0.1)
    reached = good & (h >= room)
    t = jnp.where(reached, here.end, jnp.where(good, state.t + h, state.t))
    last = values.times.shape[0] - 2
    corner = jnp.where(reached, jnp.minimum(state.corner + 1, last), state.corner)
    # a step that a corner cut short says little of the next one
    following = jnp.where(good & (factor > 1) & (h < state.h), jnp.maximum(state.h, h * factor), h * factor)
    failed = state.failed | (~good & ~state.done & (following < SHORTEST))
    done = state.done | (t >= values.times[-1]) | failed
    v = jnp.where(good, made.end, state.v)
    return State(t, v, jnp.where(state.done, state.h, following), corner, done, failed), good, here, made, h


def _made(form: Form, values: Values, state: State, here: Stretch, h: Array) -> Step:
    jacobian = form.jacobian(values, state.v, here.inputs(state.t)[: form.driven])
    matrix = values.inner / (GAMMA * h) - jacobian[:, : form.free]
    scale = 1 / jnp.abs(matrix).max(1)
    # one inverse serves six stages
    inverse = jnp.moveaxis(jnp.linalg.inv(jnp.moveaxis(matrix * scale[:, None], -1, 0)), 0, -1)
    drift = jnp.einsum("fdl,dl->fl", jacobian[:, form.free :], here.slopes[: form.driven])
    if form.injection.size:
        drift = drift + form.injection[: form.free] @ here.slopes[form.driven :]
    return step(
        lambda v, t: form.force(values, v, here.inputs(t), here.slopes),
        lambda r: jnp.einsum("ijl,jl->il", inverse, r * scale),
        lambda u: jnp.einsum("ijl,jl->il", values.inner, u),
        drift, state.v, state.t, h,
    )  # fmt: skip


def recorded(
    form: Form, values: Values, state: State, good: Array, here: Stretch, made: Step, h: Array
) -> Record:
    """What the deck saves, at :data:`POINTS` points of an attempt and at its start."""
    s = jnp.asarray(np.arange(POINTS + 1) / POINTS)[:, None]
    times = state.t + s * h
    v, wide = state.v[:, None], Step(*(part[:, None] for part in made))
    inside, moving, inputs = between(v, wide, s), rate(v, wide, s, h), here.inputs(times)
    every = jnp.concatenate([inside, inputs[: form.driven], jnp.zeros_like(inside[:1])])
    nodes = [place for is_branch, place in form.saved if is_branch]
    drawn = iter(branch_currents(form, values, nodes, inside, moving, inputs, here.slopes) if nodes else ())
    saved = [next(drawn) if is_branch else every[place] for is_branch, place in form.saved]
    return Record(good, state.t <= here.start, times, jnp.stack(saved))


def branch_currents(
    form: Form, values: Values, nodes: list[int], v: Array, moving: Array, inputs: Array, slopes: Array
) -> Array:
    """Through the voltage sources of ``nodes``, with SPICE's sign (negative where a supply delivers), A.

    Parameters
    ----------
    v, moving : voltages of the free nodes and their derivatives, [free, points, lanes]
    inputs, slopes : [inputs, points, lanes], [inputs, lanes]

    Returns
    -------
    Array, [nodes, points, lanes]
    """
    points, lanes = v.shape[1:]
    touching = np.flatnonzero(np.any(form.incidence[nodes] != 0, 0))
    every = form.voltages(v.reshape(-1, points * lanes), inputs[: form.driven].reshape(-1, points * lanes))
    constants = {name: jnp.tile(c[touching], (1, points)) for name, c in values.constants.items()}
    current = form.currents(constants, every, touching).reshape(-1, points, lanes)
    out = jnp.einsum("nd,dpl->npl", form.incidence[nodes][:, touching], current)
    driven = jnp.broadcast_to(slopes[: form.driven, None], (form.driven, points, lanes))
    rates = jnp.concatenate([moving, driven, jnp.zeros((1, points, lanes))])
    out = out + jnp.einsum("nal,apl->npl", values.own[np.array(nodes) - form.free], rates)
    if form.injection.size:
        out = out - jnp.einsum("ni,ipl->npl", form.injection[nodes], inputs[form.driven :])
    return -out
