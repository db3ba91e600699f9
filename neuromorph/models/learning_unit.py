"""Error and learning units: signals of learning as pulse widths, made while the gates are closed."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.fitting.pulse_pairs import CONVERSION
from neuromorph.models.pytree import pytree, static

LEARNING_SECONDS = 2 * CONVERSION
"""Learning phase after a frame: two conversions of two windows each, errors first, then cells."""
PAUSE_SECONDS = 34e-9
"""Pause after a frame that is only listened to: three time constants of a synapse, so that a frame begins with
empty dendrites whether the one before was learned from or not."""


@pytree
class LearningUnit:
    """From predictions to a cell's learning signal.

    Parameters
    ----------
    error_up, error_down : gain of p where the note is silent and of 1 - p where it sounds
    error_rest : error that a right prediction still gives
    error_limit : largest error; a pulse does not outlast its conversion
    logit_offset : of the predictions' sigmoid
    saturation : learning signal at which the unit's tanh bends, units of ``sum B (p - t)``
    offset : fed-back signal that the unit takes for none, same units
    down : gain of negative over positive signals
    gain : learning signal over the design's
    gate_gain : how much more a gate's weight moves than the ideal rule says, by the height of its learning pulses
    hold_seconds : time the cells wait, cut off from their gates, while their weights move, s
    pause_seconds : the same after a frame that is only listened to, s
    linear : the ideal unit, whose signal does not bend
    """

    error_up: float | jax.Array = 1.0
    error_down: float | jax.Array = 1.0
    error_rest: float | jax.Array = 0.0
    error_limit: float | jax.Array | None = None
    logit_offset: float | jax.Array = 0.0
    saturation: float | jax.Array = 1.0
    offset: float | jax.Array = 0.0
    down: float | jax.Array = 1.0
    gain: float | jax.Array = 1.0
    gate_gain: float | jax.Array = 1.0
    hold_seconds: float | jax.Array = 0.0
    pause_seconds: float | jax.Array = 0.0
    linear: bool = static(True)

    def error(self, probability: jax.Array, teacher: jax.Array) -> jax.Array:
        """``p - t`` as the difference of two pulse widths over the widest."""
        silent = (1.0 - teacher) * self.error_up * probability
        whole = silent - teacher * self.error_down * (1.0 - probability) + self.error_rest
        return whole if self.error_limit is None else jnp.clip(whole, -self.error_limit, self.error_limit)

    def wait(self, plastic: jax.Array) -> jax.Array:
        """Time between two frames, s; ``plastic`` is 1 where the weights move, else 0."""
        return jnp.where(plastic > 0, self.hold_seconds, self.pause_seconds)

    def signal(self, fed_back: jax.Array) -> jax.Array:
        """Learning signal from the charge that the feedback synapses gave, ``sum B (p - t)``."""
        if self.linear:
            return fed_back
        bent = self.gain * self.saturation * jnp.tanh((fed_back - self.offset) / self.saturation)
        return jnp.where(bent < 0, self.down * bent, bent)
