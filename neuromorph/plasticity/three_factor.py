"""Three-factor updates: learning signal times eligibility, one step at a frame's end."""

from __future__ import annotations

import jax

from neuromorph.models.eligibility_synapse import EligibilitySynapse
from neuromorph.plasticity.eligibility import Traces


def gate_update(
    synapse: EligibilitySynapse,
    eligibility: Traces,
    signal: jax.Array,
    output_signal: jax.Array,
    pre: jax.Array,
) -> tuple[jax.Array, ...]:
    """Downhill direction of a line's weights on the gates i, f, o, g, [cells] each.

    Parameters
    ----------
    eligibility : traces of the line, [cells] each
    signal : [cells] learning signal times slope of the read-out
    output_signal : [cells] learning signal times slope through the output gate
    pre : spike activity of the line at the frame's end (the output gate has no memory)
    """
    return (
        signal * synapse.twin(eligibility.i_up, eligibility.i_down),
        signal * synapse.twin(eligibility.f_up, eligibility.f_down),
        pre * output_signal,
        signal * synapse.single(eligibility.g_up),
    )


def delta_update(error: jax.Array, activity: jax.Array) -> jax.Array:
    """Delta rule: [pre, post] outer product of ``activity`` and ``error = p - t``."""
    return activity[:, None] * error[None, :]
