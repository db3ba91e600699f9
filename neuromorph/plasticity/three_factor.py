"""Three-factor updates: learning signal times eligibility, one step at a frame's end."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.eligibility_synapse import EligibilitySynapse


def gate_update(
    synapse: EligibilitySynapse,
    eligibility: jax.Array,
    signal: jax.Array,
    output_signal: jax.Array,
    pre: jax.Array,
) -> jax.Array:
    """Downhill direction of the gate weights, [lines, 4 * cells], order i, f, o, g.

    Parameters
    ----------
    eligibility : [lines, 5 * cells], order i+, i-, f+, f-, g
    signal : [cells] learning signal times slope of the read-out
    output_signal : [cells] learning signal times slope through the output gate
    pre : [lines] spike activity at the frame's end (the output gate has no memory)
    """
    i_up, i_down, f_up, f_down, g_up = jnp.split(eligibility, 5, axis=1)
    row = signal[None, :]
    return jnp.concatenate(
        [
            row * synapse.twin(i_up, i_down),
            row * synapse.twin(f_up, f_down),
            pre[:, None] * output_signal[None, :],
            row * synapse.single(g_up),
        ],
        axis=1,
    )


def delta_update(error: jax.Array, activity: jax.Array) -> jax.Array:
    """Delta rule: [pre, post] outer product of ``activity`` and ``error = p - t``."""
    return activity[:, None] * error[None, :]
