"""Diehl's post-triggered rule and the circuit that approximates it.

Ideal (Diehl and Cook 2015): ``dw = eta (x_pre - x_tar) (w_max - w)^mu`` at each
post spike.  Circuit: the difference of traces goes through a tanh amplifier, and
potentiation and depression have amplitudes, exponents and stops of their own.
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
    """``dw = A W tanh((x - x_tar - shift) / W) r(w)^mu + lift A_down r_down(w)^mu_down``; A, mu, w_max by direction.

    ``r(w) = soft ln(1 + exp((w_max - w) / soft))`` is w_max - w with a rounded corner.

    Parameters
    ----------
    rate_up, rate_down : A, weight units per unit of trace and event
    mu_up, mu_down : exponents, 0.5, 1 or 1.5
    stop_up, stop_down : effective w_max, weight units
    soft : rounding of the stop, weight units
    width : W, trace units (large: linear)
    shift : error of the sign change, trace units
    lift : what a spike adds whatever the trace, with the room of depression, trace units
    tau_trace : decay of a small pre-synaptic trace, s; this and the next two one value or one a line
    trace_step : what a spike adds to it, trace units
    trace_width : W_x, trace units (not used where linear)
    read_zero, read_width : weight that reads as one half, and e-fold width of the sigmoid, weight units
    read_gain : what a spike finds behind a full weight, over the design's
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
    lift: float | jax.Array = 0.0
    tau_trace: float | jax.Array = 25e-9
    trace_step: float | jax.Array = 1.0
    trace_width: float | jax.Array = 1.0
    read_zero: float | jax.Array = 0.5
    read_width: float | jax.Array = 1.0
    read_gain: float | jax.Array = 1.0
    mu_up: float = static(1.0)
    mu_down: float = static(1.0)
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

        A spike counts from its own tick; the circuit's post spikes come half a tick later in the mean.
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
        return self._trace(s * jnp.broadcast_to(jnp.sqrt(decay), s.shape)), self._trace(s[-1])

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
        push = self.width * jnp.tanh((x - x_target - self.shift) / self.width)
        up = self.rate_up * self._room(self.stop_up - w, self.mu_up)
        down = self.rate_down * self._room(self.stop_down - w, self.mu_down)
        return push * jnp.where(push > 0, up, down) + self.lift * down

    def _room(self, left: jax.Array, mu: float) -> jax.Array:
        """``r^mu``; halves are roots, which are cheap (pow is scalar on CPU)."""
        room = self.soft * jnp.logaddexp(0.0, left / self.soft)
        if mu == 1.0:
            return room
        root = jnp.sqrt(room)
        return root if mu == 0.5 else room * root
