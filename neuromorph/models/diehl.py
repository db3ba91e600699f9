"""Diehl's post-triggered rule and the circuit that approximates it.

Ideal (Diehl and Cook 2015): ``dw = eta (x_pre - x_tar) (w_max - w)^mu`` at each
post spike.  Circuit: the difference of traces goes through a tanh amplifier, and
potentiation and depression have amplitudes, exponents and stops of their own; a weight that is
depressed below zero comes to rest where its node nears ground.
x is in trace units (1 = a line at full rate), w in weight units (0 ... 1).  The weight is read by the pair of an
excitatory synapse, a sigmoid.  A spike adds a step to the trace, which an amplifier in unity feedback brings back:
``dx/dt = -(W_x / tau) tanh(x / W_x)``, so that ``sinh(x / W_x)`` decays exponentially.
"""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp

from neuromorph.models.filters import filtered
from neuromorph.models.pytree import pytree, static
from neuromorph.models.synapse import decay_over

TRACE_UNIT = 0.115
"""Volt of the pre-synaptic trace node at x = 1, where a line at full rate holds it."""
WEIGHT_UNIT = 0.4
"""Volt of the weight capacitor's range, w = 0 ... 1."""


@pytree
class DiehlSynapse:
    """``dw = W (z A R(w) + (1 - z) / 2 A_down R_down(w) exp((w_ground - w) / fade))`` a post spike.

    ``z = tanh((x - x_tar - shift) / W)``; ``R(w) = q (1 + s) / (1 + s q)`` with ``q = (r(w) / w_max)^mu``;
    ``r(w) = soft ln(1 + exp((w_max - w) / soft))`` is w_max - w with a rounded corner; A, mu and w_max by direction.
    The second term is the depressing half of the amplifier's current, which the mirror that takes it to ground loses
    as the node comes down.

    Parameters
    ----------
    rate_up, rate_down : A, weight units per unit of trace and event at w = 0
    mu_up, mu_down : exponents; whole ones are cheap (pow is scalar on CPU)
    stop_up, stop_down : effective w_max, weight units
    soft : rounding of the stop, weight units
    width : W, trace units (large: linear)
    shift : error of the sign change, trace units
    saturation : s, by which the current of a weight with much room stays behind its power, 1
    fade : e-fold of the depressing current above ground, weight units (not used where the floor is hard)
    ground : w_ground, the least weight
    tau_trace : decay of a small pre-synaptic trace, s; this and the next two one value or one a line
    trace_step : what a spike adds to it, trace units
    trace_width : W_x, trace units (not used where linear)
    lead : by how much earlier than the middle of its tick a post spike finds the trace, s (not used where linear)
    overlap : what pulses of the same tick miss of a step that rises meanwhile, s (likewise)
    read_zero, read_width : weight that reads as one half, and e-fold width of the sigmoid, weight units
    read_gain : what a spike finds behind a full weight, over the design's
    hard_floor : the ideal rule, which depresses at full rate as far as ``ground``
    linear_read : the ideal read-out, w itself
    linear_trace : the ideal trace, which decays exponentially
    """

    rate_up: float | jax.Array = 1.0
    rate_down: float | jax.Array = 1.0
    stop_up: float | jax.Array = 1.0
    stop_down: float | jax.Array = 1.0
    soft: float | jax.Array = 1e-3
    width: float | jax.Array = 1e3
    shift: float | jax.Array = 0.0
    saturation: float | jax.Array = 0.0
    fade: float | jax.Array = 1.0
    ground: float | jax.Array = 0.0
    tau_trace: float | jax.Array = 25e-9
    trace_step: float | jax.Array = 1.0
    trace_width: float | jax.Array = 1.0
    lead: float | jax.Array = 0.0
    overlap: float | jax.Array = 0.0
    read_zero: float | jax.Array = 0.5
    read_width: float | jax.Array = 1.0
    read_gain: float | jax.Array = 1.0
    mu_up: float = static(1)
    mu_down: float = static(1)
    hard_floor: bool = static(True)
    linear_read: bool = static(True)
    linear_trace: bool = static(True)

    def read(self, w: jax.Array) -> jax.Array:
        """What a spike finds of a weight, over a synapse that is fully on."""
        if self.linear_read:
            return w
        return self.read_gain * jax.nn.sigmoid((w - self.read_zero) / self.read_width)

    def line(self, weights: jax.Array, k: jax.Array) -> jax.Array:
        """What a spike on line ``k`` finds of its weights [post]; values of single synapses are [post, pre]."""

        def own(value: float | jax.Array) -> float | jax.Array:
            return jnp.asarray(value)[:, k] if jnp.ndim(value) == 2 else value

        zero, width, gain = own(self.read_zero), own(self.read_width), own(self.read_gain)
        return replace(self, read_zero=zero, read_width=width, read_gain=gain).read(weights)

    def traces(self, spikes: jax.Array, start: jax.Array, seconds: float) -> tuple[jax.Array, jax.Array]:
        """x from ``start`` [n], as the post spikes of each tick of ``seconds`` find it [ticks, n], and where it ends [n].

        A spike counts from its own tick; the circuit's post spikes come half a tick later in the mean, less the ``lead``
        that their pulses have over the trace's steps.
        """
        if self.linear_trace:
            x = filtered(self.trace_step * spikes, start, seconds, self.tau_trace)
            return x, x[-1]
        # s = sinh(x / W): decays by a factor, and a spike takes it to sinh(asinh(s) + step / W)
        decay, step = decay_over(seconds, self.tau_trace), self.trace_step / self.trace_width
        along, across = jnp.cosh(step) - 1.0, jnp.sinh(step)

        def tick(s: jax.Array, spike: jax.Array) -> tuple[jax.Array, jax.Array]:
            s = s * decay
            s = s + spike * (s * along + jnp.sqrt(1.0 + s * s) * across)
            return s, s

        _, s = jax.lax.scan(tick, jnp.sinh(start / self.trace_width), spikes)
        late = jnp.exp(-(0.5 * seconds - self.lead) / self.tau_trace)
        missed = jnp.minimum(self.overlap / seconds, 0.5) * self.trace_step
        found = self._trace(s * jnp.broadcast_to(late, s.shape)) - jnp.broadcast_to(missed, s.shape) * spikes
        return found, self._trace(s[-1])

    def _trace(self, s: jax.Array) -> jax.Array:
        """asinh, of which XLA makes many more steps; s is never negative."""
        return jnp.broadcast_to(self.trace_width, s.shape) * jnp.log(s + jnp.sqrt(1.0 + s * s))

    def rested(self, x: jax.Array, seconds: float | jax.Array) -> jax.Array:
        """Trace after ``seconds`` without spikes."""
        left = jnp.exp(-seconds / self.tau_trace)
        if self.linear_trace:
            return x * left
        return self.trace_width * jnp.arcsinh(jnp.sinh(x / self.trace_width) * left)

    def change(self, w: jax.Array, x: jax.Array, x_target: float | jax.Array) -> jax.Array:
        """Weight change of one post event at weights ``w`` and traces ``x`` (same shape)."""
        z = jnp.tanh((x - x_target - self.shift) / self.width)
        up = self.rate_up * self._room(w, self.stop_up, self.mu_up)
        down = self.rate_down * self._room(w, self.stop_down, self.mu_down)
        push = self.width * z * jnp.where(z > 0, up, down)
        if self.hard_floor:
            return push
        lost = jnp.exp((self.ground - w) / self.fade)
        return push + 0.5 * self.width * (1.0 - z) * down * lost

    def moved(self, w: jax.Array, change: jax.Array) -> jax.Array:
        """Weights after a change: never below ground."""
        return jnp.maximum(w + change, self.ground)

    def _room(self, w: jax.Array, stop: float | jax.Array, mu: float) -> jax.Array:
        power = (self.soft * jnp.logaddexp(0.0, (stop - w) / self.soft) / stop) ** mu
        return power * (1.0 + self.saturation) / (1.0 + self.saturation * power)
