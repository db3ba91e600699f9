"""The LSTM cell: a capacitor charged by i*g, leaking at the rate of its forget gate.

``dc/dt = k_in i G - k_leak f S(c - c0) - hold`` with c in units of 65 mV and ``f = s(-z_f)``.  One
frame at constant gates gives ``f = exp(-k_leak T s(-z_f))``: the circuit's forget
gate never closes below ``exp(-k_leak T)`` and is not a sigmoid of z.  G is g, or
what the product's mirrors leave of it near the rails:
``G = g (H_p + H_n) / 2 + (H_p - H_n) / 2`` with the headroom law
``H(x) = x / sqrt(x^2 + v_h^2)`` at what is left to either rail.  The leak's pair and the read-out's leave weak
inversion with their tails, f and o (:func:`~neuromorph.models.gate.bent`).  The mirrors behind both amplifiers follow late
(:mod:`neuromorph.models.cell_mirrors`).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.cell_mirrors import CellMirrors, Currents, shares, standing
from neuromorph.models.gate import bent
from neuromorph.models.pytree import pytree, static


@pytree
class MemoryCell:
    """One capacitor with its charging, leaking and read-out amplifiers.

    Parameters
    ----------
    leak_rate : k_leak at unit gate current, 1/s
    charge_rate : k_in, units of c per second at i = g = 1
    rest : c0, where the leak settles, units of c
    leak_width : W of the leak ``S(x) = W tanh(x / W)``, units of c (large: linear)
    leak_inversion : of the leak's pair at a full gate, 1; None for weak inversion
    leak_source : what arrives of the current that the leak sources, of what it sinks 1
    drift_rate, hold_rate : fall of the cell within a frame, units of c per second, and what of it goes with c, 1/s
    wait_drift, wait_rate : fall of the cell that is cut off, units of c per second, and the rate at which it leaks, 1/s
    rejoin_fall, rejoin_share, rejoin_near : fall of the cell when it is joined again, units of c, and the shares of it that
        it gives away everywhere and within the leak's width
    rail : distance of either rail, units of c
    headroom : v_h, units of c
    read_amplitude, read_offset, read_width : read-out ``A relu(tanh((c - offset) / width))``
    read_inversion : of the read-out's pair at a full gate, 1; None for weak inversion
    mirrors : how late the currents follow, none for an ideal cell
    railed : the charge ends at the rails (False: G = g, the cell is unbounded)
    """

    leak_rate: float | jax.Array
    charge_rate: float | jax.Array
    rest: float | jax.Array = 0.0
    leak_width: float | jax.Array = 1e3
    leak_inversion: float | jax.Array | None = None
    leak_source: float | jax.Array = 1.0
    drift_rate: float | jax.Array = 0.0
    hold_rate: float | jax.Array = 0.0
    wait_drift: float | jax.Array = 0.0
    wait_rate: float | jax.Array = 0.0
    rejoin_fall: float | jax.Array = 0.0
    rejoin_share: float | jax.Array = 0.0
    rejoin_near: float | jax.Array = 0.0
    rail: float | jax.Array = 1.0
    headroom: float | jax.Array = 1.0
    read_amplitude: float | jax.Array = 1.0
    read_offset: float | jax.Array = 0.0
    read_width: float | jax.Array = 1.0
    read_inversion: float | jax.Array | None = None
    mirrors: CellMirrors | None = None
    railed: bool = static(False)

    def leak(self, gate: jax.Array, seconds: float | jax.Array) -> jax.Array:
        """lambda, the share of c that leaves within ``seconds`` at the leak gate's value."""
        return seconds * self.leak_rate * gate

    def away(self, c: jax.Array, gate: jax.Array) -> jax.Array:
        """S, the distance from rest that the leak sees behind a forget gate."""
        away = -self._leaving(c, gate)
        return 0.5 * self.leak_width * (1.0 - self.leak_source + (1.0 + self.leak_source) * away)

    def product(self, c: jax.Array, g: jax.Array) -> jax.Array:
        """G, the candidate ``g`` as it charges a cell that stands at ``c``."""
        if not self.railed:
            return g
        up, down = self._left(self.rail - c), self._left(self.rail + c)
        return 0.5 * (g * (up + down) + (up - down))

    def _left(self, distance: jax.Array) -> jax.Array:
        return distance * jax.lax.rsqrt(distance * distance + self.headroom * self.headroom)

    def step(self, c: jax.Array, gates: jax.Array, g: jax.Array, seconds: float | jax.Array) -> jax.Array:
        """c after ``seconds`` (a tick, its leak << 1) behind the gates i and f, by currents that follow at once; second
        order in leak."""
        leak = self.leak(gates[1], seconds)
        gain = seconds * (
            self.charge_rate * gates[0] * self.product(c, g) - self.drift_rate - self.hold_rate * c
        )
        moved = c - (leak - 0.5 * leak * leak) * self.away(c, gates[1]) + gain * (1.0 - 0.5 * leak)
        # the constant fall has no headroom left at a rail either
        return jnp.clip(moved, -self.rail, self.rail) if self.railed else moved

    def moved(
        self,
        c: jax.Array,
        currents: tuple[Currents, Currents] | None,
        gates: jax.Array,
        g: jax.Array,
        seconds: float,
    ) -> tuple[jax.Array, tuple[Currents, Currents] | None]:
        """c and the currents of product and leak after ``seconds``, a tick.

        Parameters
        ----------
        currents : of the tick before; see :meth:`standing`
        gates, g : values of the gates i, f (leak), o [3, cells] and of the candidate [cells]
        """
        if self.mirrors is None or currents is None:
            return self.step(c, gates, g, seconds), currents
        up, down = shares(self._leaving(c, gates[1]))
        product, sourced, sunk = self.mirrors.moved(currents[0], gates[0], *shares(g), seconds)
        charged = sourced * self._left(self.rail - c) - sunk * self._left(self.rail + c)
        faster = seconds * self.mirrors.leak_speed
        leak, sourced, sunk = self.mirrors.moved(currents[1], gates[1], up, down, faster)
        given = self.leak_rate * self.leak_width * (self.leak_source * sourced - sunk) - self.hold_rate * c
        # the slope of the leak takes it half a tick further
        turned = 2.0 * self.leak(gates[1], seconds) * up * down
        moved = c + seconds * (self.charge_rate * charged - self.drift_rate + given) * (1.0 - turned)
        return jnp.clip(moved, -self.rail, self.rail), (product, leak)

    def standing(self, c: jax.Array, gates: jax.Array, g: jax.Array) -> tuple[Currents, Currents] | None:
        """Currents of product and leak behind gates that have not moved for long."""
        if self.mirrors is None:
            return None
        return standing(gates[0], *shares(g)), standing(gates[1], *shares(self._leaving(c, gates[1])))

    def _leaving(self, c: jax.Array, gate: jax.Array) -> jax.Array:
        """What the leak's pair sends towards rest, in parts of its tail, the forget gate's current."""
        return -self._pair((c - self.rest) / self.leak_width, gate, self.leak_inversion)

    @staticmethod
    def _pair(u: jax.Array, tail: jax.Array, inversion: float | jax.Array | None) -> jax.Array:
        return jnp.tanh(bent(u, None if inversion is None else inversion * tail))

    def waited(self, c: jax.Array, seconds: float | jax.Array) -> jax.Array:
        """c after ``seconds`` cut off from its amplifiers, joined to them again (small losses: to first order)."""
        near = self.rejoin_near / jnp.cosh(c / self.leak_width) ** 2
        left = (
            c
            - seconds * (self.wait_drift + self.wait_rate * c)
            - self.rejoin_fall
            - (self.rejoin_share + near) * c
        )
        left = jnp.where(jnp.asarray(seconds) > 0.0, left, c)
        return jnp.clip(left, -self.rail, self.rail) if self.railed else left

    def read(self, c: jax.Array, gate: jax.Array) -> jax.Array:
        """Rectified read-out ``relu(tanh c)`` over its tail, the output gate's current."""
        return self.read_amplitude * jax.nn.relu(self._read(c, gate))

    def _read(self, c: jax.Array, gate: jax.Array) -> jax.Array:
        return self._pair((c - self.read_offset) / self.read_width, gate, self.read_inversion)

    def read_slope(self, c: jax.Array, gate: jax.Array, off_slope: float) -> jax.Array:
        """Slope of the read-out as a pair in weak inversion has it; ``off_slope`` of it where the rectifier is off
        (pseudo-derivative)."""
        bare = self._read(c, gate)
        slope = self.read_amplitude * (1.0 - bare * bare) / self.read_width
        return jnp.where(bare > 0, slope, off_slope * slope)
