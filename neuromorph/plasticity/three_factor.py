"""Three-factor updates: learning signal times eligibility, one step at a frame's end."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.eligibility_synapse import EligibilitySynapse
from neuromorph.plasticity.eligibility import Traces


def gate_update(
    synapse: EligibilitySynapse,
    eligibility: Traces,
    signal: jax.Array,
    output_signal: jax.Array,
    pre: jax.Array,
) -> jax.Array:
    """Downhill direction of the gate weights, [lines, 4 * cells], order i, f, o, g.

    Parameters
    ----------
    eligibility : traces, [lines, cells] each
    signal : [cells] learning signal times slope of the read-out
    output_signal : [cells] learning signal times slope through the output gate
    pre : [lines] spike activity at the frame's end (the output gate has no memory)
    """
    row = signal[None, :]
    return jnp.concatenate(
        [
            row * synapse.twin(eligibility.i_up, eligibility.i_down),
            row * synapse.twin(eligibility.f_up, eligibility.f_down),
            pre[:, None] * output_signal[None, :],
            row * synapse.single(eligibility.g_up),
        ],
        axis=1,
    )


def delta_update(error: jax.Array, activity: jax.Array) -> jax.Array:
    """Delta rule: [pre, post] outer product of ``activity`` and ``error = p - t``."""
    return activity[:, None] * error[None, :]
