"""The ideal spiking neuron: a perfect integrator with dead time."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.pytree import pytree


@pytree
class IdealState:
    """``phase`` [n]: share of the way to the next spike; ``wait`` [n]: dead time left, s."""

    phase: jax.Array
    wait: jax.Array


@pytree
class IdealNeuron:
    """Interval ``1 / (rate * drive) + dead_seconds``, exact below the tick; one spike a tick at most.

    Parameters
    ----------
    rate : spikes per second at unit drive without dead time
    dead_seconds : refractory time after a spike, s
    tick_seconds : length of a step, s
    """

    rate: float | jax.Array
    dead_seconds: float | jax.Array
    tick_seconds: float | jax.Array

    def initial(self, n: int) -> IdealState:
        """State of ``n`` neurons that have just rested."""
        return IdealState(jnp.zeros(n, jnp.float32), jnp.zeros(n, jnp.float32))

    def step(self, state: IdealState, drive: jax.Array) -> tuple[IdealState, jax.Array]:
        """One tick at constant ``drive`` [n] in [0, 1]; returns the spikes, bool [n]."""
        speed = self.rate * drive
        free = jnp.clip(self.tick_seconds - state.wait, 0.0, self.tick_seconds)
        phase = state.phase + speed * free
        spikes = phase >= 1.0
        late = (phase - 1.0) / jnp.maximum(speed, 1.0)  # seconds since the spike
        again = jnp.minimum(speed * jnp.maximum(late - self.dead_seconds, 0.0), 1.0)
        wait = jnp.maximum(state.wait - self.tick_seconds, 0.0)
        return IdealState(
            phase=jnp.where(spikes, again, phase),
            wait=jnp.where(spikes, jnp.maximum(self.dead_seconds - late, 0.0), wait),
        ), spikes
