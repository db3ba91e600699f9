"""Eligibility traces that decay with their own cell's forget leak.

Per synapse k -> j and tick h: ``y <- y exp(-lambda_j) + psi_j x_k`` with

    psi_i = +-g s'(z_i) k_in h,  psi_f = +-lambda (ds/dz / s) S(c - c0),  psi_g = i g'(z_g) k_in h

(twin traces hold the positive and the negative part).  Because the decay belongs to the cell, what a spike brings to
the frame's end depends on its tick alone: the frame costs one row a spike, and one decay a line.  What an injector with
a limit leaves of it depends on the ratio of charge and trace, which decay alike, so that it can be taken in what is left
of both at the frame's end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from neuromorph.models.eligibility_synapse import EligibilitySynapse
from neuromorph.models.events import pack_ticks, row_of, walk, walk_packed_ticks, with_row
from neuromorph.models.fidelity import BlockSet
from neuromorph.models.filters import filtered
from neuromorph.models.pytree import pytree
from neuromorph.models.synapse import decay_over

TRACES = 5
"""Eligibility traces of a synapse."""


@pytree
class Traces:
    """One array a kind of trace: separate arrays stay in the cache while a frame is added to them.

    Parameters
    ----------
    i_up, i_down, f_up, f_down : twin traces of the input and forget gates
    g_up : the input amplifier's single trace
    """

    i_up: jax.Array
    i_down: jax.Array
    f_up: jax.Array
    f_down: jax.Array
    g_up: jax.Array

    @classmethod
    def zeros(cls, lines: int, cells: int) -> Traces:
        """Empty traces [lines, cells]."""
        return cls(*(jnp.zeros((lines, cells), jnp.float32) for _ in range(TRACES)))

    def row(self, k: jax.Array) -> Traces:
        """Traces of line ``k``, [cells] each."""
        return jax.tree.map(lambda y: row_of(y, k), self)


@pytree
class CellRecord:
    """What the cells did at each tick: [ticks, cells] each (``gates`` [ticks, 3, cells] i, leak, o).

    ``standing`` are gates and candidate as the frame begins, [3, cells] and [cells].
    """

    arrived: jax.Array
    gates: jax.Array
    g: jax.Array
    c: jax.Array
    spikes: jax.Array
    standing: tuple[jax.Array, jax.Array] | None = None


def charges(blocks: BlockSet, record: CellRecord, tick_seconds: float) -> Traces:
    """psi of the traces, [ticks, cells] each: what the lines carry as a tick ends.

    Then its spikes' pulses reach the traces: they follow the lines' own (``trace_shaper``), so that what a spike brings has
    reached the gates.  Slope units go on between frames: what comes late is what the standing gates gave, and lines begin
    there.
    """
    synapse = blocks.eligibility

    def psi(gates: jax.Array, g: jax.Array, c: jax.Array) -> tuple[jax.Array, ...]:
        if blocks.slopes is not None:
            i, f, _ = blocks.gate.balance(gates)
            return tuple(tick_seconds * p for p in blocks.slopes.psi(i, f, blocks.tanh.balance(g), c))
        gain, slope = tick_seconds * blocks.cell.charge_rate, blocks.gate.slope(gates)
        psi_f = tick_seconds * blocks.cell.leak_rate * slope[1] * blocks.cell.away(c, gates[1])
        return gain * g * slope[0], psi_f, gain * gates[0] * blocks.tanh.slope(g)

    def lines(gates: jax.Array, g: jax.Array, c: jax.Array) -> Traces:
        psi_i, psi_f, psi_g = psi(gates, g, c)
        return Traces(
            jnp.maximum(psi_i, 0),
            jnp.maximum(-psi_i, 0),
            jnp.maximum(psi_f, 0),
            jnp.maximum(-psi_f, 0),
            psi_g,
        )

    at_once = jax.vmap(lines)(record.gates, record.g, record.c)
    standing = record.standing or (record.gates[0], record.g[0])
    before = lines(*standing, record.c[0])
    unit_lag: jax.Array | float = 0.0
    if blocks.slopes is not None:
        i, f = (delay / tick_seconds for delay in blocks.slopes.delays)
        delays = {"i_up": i, "i_down": i, "f_up": f, "f_down": f}
        late = {n: earlier(getattr(at_once, n), getattr(before, n), ticks) for n, ticks in delays.items()}
        at_once = replace(at_once, **late)
        unit_lag = jnp.array([0.0, 0.0, 0.0, 0.0, 1.0])[:, None] * blocks.slopes.lag
    if synapse.psi_lag is None:
        return at_once

    def tick(line: jax.Array, now: jax.Array) -> tuple[jax.Array, jax.Array]:
        after = synapse.psi(line, now, tick_seconds, unit_lag)
        return after, after

    begun = synapse.open_psi(jnp.stack(jax.tree.leaves(before)))
    # one array of all lines: as five, a frame's lines take more than twice as long
    carried = jax.lax.scan(tick, begun, jnp.stack(jax.tree.leaves(at_once), axis=1))[1]
    return Traces(*jnp.moveaxis(carried, 1, 0))


def earlier(values: jax.Array, before: jax.Array, ticks: float | jax.Array) -> jax.Array:
    """``values`` [ticks, ...] as they were so many ``ticks`` earlier, on a straight line between two of them.

    Before the first they are as ``before`` [...] is.
    """
    at = jnp.arange(len(values)) - ticks
    whole = jnp.floor(at).astype(jnp.int32)
    course = jnp.concatenate([before[None], values])
    first, second = (course[jnp.clip(whole + k, 0, len(values))] for k in (1, 2))
    share = jnp.expand_dims(at - whole, tuple(range(1, values.ndim)))
    return first + share * (second - first)


@pytree
class LineActivity:
    """What charges the traces in a frame.

    Parameters
    ----------
    spikes : [ticks, lines - 1] 0 or 1, of all lines but the bias line, which is always on
    start : [lines - 1] their filtered spikes before the frame
    charge : [lines - 1] what a filtered spike adds at unit psi
    scarcity : [lines - 1] one over how many times itself a spike can raise a trace; None: it can at will
    live : bool [lines - 1], False only where the traces are zero before the frame and the line does not spike in it
    tick_seconds : s
    """

    spikes: jax.Array
    start: jax.Array
    charge: jax.Array
    scarcity: jax.Array | None
    live: jax.Array
    tick_seconds: float | jax.Array

    def pulses(self) -> jax.Array:
        """Spikes of each line in the frame, [lines]."""
        return jnp.append(jnp.sum(self.spikes, axis=0), jnp.float32(0.0))

    def taken(self, k: Any, charge: jax.Array, trace: jax.Array, floor: Any) -> jax.Array:
        """What a trace takes of the charge of a pulse on line ``k``, which it has on top of its floor."""
        if self.scarcity is None:
            return charge
        middle = trace + floor + 0.5 * charge
        return charge * middle / (middle + charge * self.scarcity[k])

    def filtered(self, tau: float | jax.Array) -> jax.Array:
        """What charges the traces at each tick, [ticks, lines]."""
        pre = filtered(self.spikes, self.start, self.tick_seconds, tau) * self.charge[None, :]
        return jnp.concatenate([pre, jnp.ones((len(pre), 1), jnp.float32)], axis=1)


def by_spike(psi: Traces, leak: jax.Array, decay: jax.Array) -> tuple[Traces, jax.Array, Traces, jax.Array]:
    """From psi and lambda [ticks, cells], at the frame's end: what a spike at each tick brings through its line's filter
    and what a trace keeps from there [ticks, cells], what the bias line brings and what a trace keeps from the beginning
    [cells]; ``decay`` of the filter in a tick."""
    Carry = tuple[jax.Array, Traces, Traces]

    def earlier(now: Carry, inputs: tuple[Traces, jax.Array]) -> tuple[Carry, tuple[Traces, jax.Array]]:
        (left, after, total), (charge, lam) = now, inputs
        late = jax.tree.map(lambda p: p * left, charge)
        after = jax.tree.map(lambda a, p: decay * a + p, after, late)
        total = jax.tree.map(jnp.add, total, late)
        return (left * jnp.exp(-lam), after, total), (after, left)

    nothing = jax.tree.map(lambda p: jnp.zeros_like(p[0]), psi)
    start = (jnp.ones_like(leak[0]), nothing, nothing)
    (whole, _, total), (spike, left) = jax.lax.scan(earlier, start, (psi, leak), reverse=True)
    return spike, left, total, whole


def frame_update(
    synapse: EligibilitySynapse,
    eligibility: Traces,
    lines: LineActivity,
    psi: Traces,
    leak: jax.Array,
    keep: jax.Array,
) -> Traces:
    """Traces [lines, cells] after a frame: each live line decays once, takes up its spikes, and what they left before it.

    Exact but for the residual charge of a frame's pulses, which is taken from the trace at its beginning, and, where spikes
    are filtered, for the limit of the injectors.

    Parameters
    ----------
    eligibility : traces before the frame
    psi : [ticks, cells] from :func:`charges`
    leak : [ticks, cells] lambda
    keep : 0 where a new piece begins with this frame, else 1
    """
    decay = decay_over(lines.tick_seconds, synapse.tau_pre)
    spike, left, always, whole = by_spike(psi, leak, decay)
    whole = keep * whole
    begun = decay * lines.start * lines.charge
    words, pulses = pack_ticks(lines.spikes > 0), lines.pulses()

    def spiked(k: jax.Array, rows: Traces) -> Traces:
        before = jax.tree.map(lambda y: synapse.pulsed(y, pulses[k]) * whole, rows)

        def pulse(tick: jax.Array, rows: Traces) -> Traces:
            floor = None if lines.scarcity is None else synapse.floor * row_of(left, tick)
            return jax.tree.map(
                lambda y, p: y + lines.taken(k, lines.charge[k] * row_of(p, tick), y, floor), rows, spike
            )

        return walk_packed_ticks(words, k, pulse, before)

    def silent(k: jax.Array, rows: Traces) -> Traces:
        return jax.tree.map(lambda y: y * whole, rows)

    def line(k: jax.Array, traces: Traces) -> Traces:
        rows = jax.tree.map(synapse.held, traces.row(k))
        rows = jax.lax.cond(pulses[k] > 0, spiked, silent, k, rows)
        return with_row(traces, jax.tree.map(lambda y, p: y + begun[k] * p[0], rows, spike), k)

    moved = walk(lines.live, line, eligibility)
    return jax.tree.map(lambda y, p: y.at[-1].set(synapse.held(y[-1]) * whole + p), moved, always)


def tick_update(
    synapse: EligibilitySynapse,
    eligibility: Traces,
    lines: LineActivity,
    psi: Traces,
    leak: jax.Array,
    keep: jax.Array,
) -> Traces:
    """The same, for every synapse at every tick: the plain form, and the reference for :func:`frame_update`."""

    every = (slice(None), None)

    def tick(traces: Traces, inputs: tuple[jax.Array, Traces, jax.Array]) -> tuple[Traces, None]:
        x, charge, lam = inputs
        kept = jnp.exp(-lam)[None, :]

        def grown(y: jax.Array, psi: jax.Array) -> jax.Array:
            brought = x[:, None] * psi[None, :]
            lines_own = lines.taken(every, brought[:-1], y[:-1] * kept, synapse.floor)
            return y * kept + jnp.concatenate([lines_own, brought[-1:]])

        return jax.tree.map(grown, traces, charge), None

    pulses = lines.pulses()[:, None]
    began = jax.tree.map(lambda y: keep * synapse.pulsed(synapse.held(y), pulses), eligibility)
    return jax.lax.scan(tick, began, (lines.filtered(synapse.tau_pre), psi, leak))[0]
