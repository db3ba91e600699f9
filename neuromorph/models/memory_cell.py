"""The LSTM cell: a capacitor charged by i*g, leaking at the rate of its forget gate.

``dc/dt = k_in i G - k_leak s(-z_f) S(c - c0)`` with c in units of 65 mV.  One
frame at constant gates gives ``f = exp(-k_leak T s(-z_f))``: the circuit's forget
gate never closes below ``exp(-k_leak T)`` and is not a sigmoid of z.  G is g, or
what the product's mirrors leave of it near the rails:
``G = g (H_p + H_n) / 2 + (H_p - H_n) / 2`` with the headroom law
``H(x) = x / sqrt(x^2 + v_h^2)`` at what is left to either rail.  The mirrors behind both amplifiers follow late
(:mod:`neuromorph.fitting.cell_mirrors`).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.fitting.cell_mirrors import LEAST_SHARE
from neuromorph.models.pytree import pytree, static

Currents = tuple[jax.Array, jax.Array, jax.Array, jax.Array]
"""Of tail, sourcing side, sinking side and sinking output of the product and of the leak, each [2, cells], in parts of
their amplifier's full current."""


@pytree
class CellMirrors:
    """Mirrors behind the product (first) and the leak (second), which follow in the logarithm of their current.

    Parameters
    ----------
    tail, side, sink : e-fold times of the product's at its full current, s
    leak_speed : full current of the leak over that of the product
    """

    tail: float | jax.Array
    side: float | jax.Array
    sink: float | jax.Array
    leak_speed: float | jax.Array

    def moved(
        self, mirrors: Currents, tails: jax.Array, up: jax.Array, down: jax.Array, seconds: float
    ) -> tuple[Currents, jax.Array, jax.Array]:
        """Currents after ``seconds`` and those sourced and sunk meanwhile, as :func:`~.fitting.cell_mirrors.moved`."""

        def each(value: float | jax.Array) -> jax.Array:
            return jnp.broadcast_to(jnp.asarray(value), tails[0].shape)

        faster = jnp.stack([jnp.ones_like(tails[0]), each(self.leak_speed)])

        def follow(
            current: jax.Array, target: jax.Array, time: float | jax.Array
        ) -> tuple[jax.Array, jax.Array]:
            pace = faster * (seconds / each(time))[None]
            after = target * current / (current + (target - current) * jnp.exp(-target * pace))
            return after, target - jnp.log(after / current) / pace

        tail, mean = follow(mirrors[0], tails, self.tail)
        sourcing, sourced = follow(mirrors[1], mean * up, self.side)
        sinking, turned = follow(mirrors[2], mean * down, self.side)
        output, sunk = follow(mirrors[3], turned, self.sink)
        return (tail, sourcing, sinking, output), sourced, sunk


@pytree
class MemoryCell:
    """One capacitor with its charging, leaking and read-out amplifiers.

    Parameters
    ----------
    leak_rate : k_leak at unit gate current, 1/s
    charge_rate : k_in, units of c per second at i = g = 1
    rest : c0, where the leak settles, units of c
    leak_width : W of the leak ``S(x) = W tanh(x / W)``, units of c (large: linear)
    drift_rate : constant fall of the cell within a frame, units of c per second
    wait_drift, wait_rate : fall of the cell that is cut off, units of c per second, and the rate at which it leaks, 1/s
    rejoin_fall, rejoin_share : fall of the cell when it is joined again, units of c, and the share of it that it gives away
    rail : distance of either rail, units of c
    headroom : v_h, units of c
    read_amplitude, read_offset, read_width : read-out ``A relu(tanh((c - offset) / width))``
    mirrors : how late the currents follow, none for an ideal cell
    railed : the charge ends at the rails (False: G = g, the cell is unbounded)
    """

    leak_rate: float | jax.Array
    charge_rate: float | jax.Array
    rest: float | jax.Array = 0.0
    leak_width: float | jax.Array = 1e3
    drift_rate: float | jax.Array = 0.0
    wait_drift: float | jax.Array = 0.0
    wait_rate: float | jax.Array = 0.0
    rejoin_fall: float | jax.Array = 0.0
    rejoin_share: float | jax.Array = 0.0
    rail: float | jax.Array = 1.0
    headroom: float | jax.Array = 1.0
    read_amplitude: float | jax.Array = 1.0
    read_offset: float | jax.Array = 0.0
    read_width: float | jax.Array = 1.0
    mirrors: CellMirrors | None = None
    railed: bool = static(False)

    def leak(self, gate: jax.Array, seconds: float | jax.Array) -> jax.Array:
        """lambda, the share of c that leaves within ``seconds`` at the leak gate's value."""
        return seconds * self.leak_rate * gate

    def away(self, c: jax.Array) -> jax.Array:
        """S, the distance from rest that the leak sees."""
        return self.leak_width * jnp.tanh((c - self.rest) / self.leak_width)

    def product(self, c: jax.Array, g: jax.Array) -> jax.Array:
        """G, the candidate ``g`` as it charges a cell that stands at ``c``."""
        if not self.railed:
            return g
        up, down = self._left(self.rail - c), self._left(self.rail + c)
        return 0.5 * (g * (up + down) + (up - down))

    def _left(self, distance: jax.Array) -> jax.Array:
        return distance * jax.lax.rsqrt(distance * distance + self.headroom * self.headroom)

    def step(
        self, c: jax.Array, gate: jax.Array, g: jax.Array, leak: jax.Array, seconds: float | jax.Array
    ) -> jax.Array:
        """c after ``seconds`` (a tick, ``leak`` << 1) charged by ``gate`` times the candidate, by currents that follow at
        once; second order in leak."""
        gain = seconds * (self.charge_rate * gate * self.product(c, g) - self.drift_rate)
        moved = c - (leak - 0.5 * leak * leak) * self.away(c) + gain * (1.0 - 0.5 * leak)
        # the constant fall has no headroom left at a rail either
        return jnp.clip(moved, -self.rail, self.rail) if self.railed else moved

    def moved(
        self, c: jax.Array, currents: Currents | None, gates: jax.Array, g: jax.Array, seconds: float
    ) -> tuple[jax.Array, Currents | None]:
        """c and the mirrors' currents after ``seconds``, a tick.

        Parameters
        ----------
        currents : of the tick before; see :meth:`standing`
        gates, g : values of the gates i, f (leak), o [3, cells] and of the candidate [cells]
        """
        if self.mirrors is None or currents is None:
            return self.step(c, gates[0], g, self.leak(gates[1], seconds), seconds), currents
        up, down = self._shares(c, g)
        now, sourced, sunk = self.mirrors.moved(currents, gates[:2], up, down, seconds)
        product = sourced[0] * self._left(self.rail - c) - sunk[0] * self._left(self.rail + c)
        given = self.leak_rate * self.leak_width * (sourced[1] - sunk[1])
        # the slope of the leak takes it half a tick further
        bent = 2.0 * self.leak(gates[1], seconds) * up[1] * down[1]
        moved = c + seconds * (self.charge_rate * product - self.drift_rate + given) * (1.0 - bent)
        return jnp.clip(moved, -self.rail, self.rail), now

    def standing(self, c: jax.Array, gates: jax.Array, g: jax.Array) -> Currents | None:
        """Currents of mirrors behind gates that have not moved for long."""
        if self.mirrors is None:
            return None
        up, down = self._shares(c, g)
        return gates[:2], gates[:2] * up, gates[:2] * down, gates[:2] * down

    def _shares(self, c: jax.Array, g: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Parts of the tail on the sourcing and the sinking side of product and leak, [2, cells]."""
        x = jnp.stack([g, -jnp.tanh((c - self.rest) / self.leak_width)])
        return jnp.maximum(0.5 * (1.0 + x), LEAST_SHARE), jnp.maximum(0.5 * (1.0 - x), LEAST_SHARE)

    def waited(self, c: jax.Array, seconds: float | jax.Array) -> jax.Array:
        """c after ``seconds`` cut off from its amplifiers, joined to them again (small losses: to first order)."""
        left = c - seconds * (self.wait_drift + self.wait_rate * c) - self.rejoin_fall - self.rejoin_share * c
        left = jnp.where(jnp.asarray(seconds) > 0.0, left, c)
        return jnp.clip(left, -self.rail, self.rail) if self.railed else left

    def read(self, c: jax.Array) -> jax.Array:
        """Rectified read-out ``relu(tanh c)`` before the output gate."""
        return self.read_amplitude * jax.nn.relu(jnp.tanh((c - self.read_offset) / self.read_width))

    def read_slope(self, c: jax.Array, off_slope: float) -> jax.Array:
        """Slope of the read-out; ``off_slope`` of it where the rectifier is off (pseudo-derivative)."""
        bare = jnp.tanh((c - self.read_offset) / self.read_width)
        slope = self.read_amplitude * (1.0 - bare * bare) / self.read_width
        return jnp.where(bare > 0, slope, off_slope * slope)
