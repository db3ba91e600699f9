"""Three-factor updates: learning signal times eligibility, one step at a frame's end."""

from __future__ import annotations

import jax

from neuromorph.models.eligibility_synapse import EligibilitySynapse
from neuromorph.models.update_tails import UpdateTails
from neuromorph.plasticity.eligibility import Traces


def gate_update(
    synapse: EligibilitySynapse,
    eligibility: Traces,
    signal: jax.Array,
    output_signal: jax.Array,
    pre: jax.Array,
    tails: UpdateTails = UpdateTails(),  # noqa: B008  (frozen)
) -> tuple[jax.Array, ...]:
    """Downhill direction of a line's weights on the gates i, f, o, g, [cells] each.

    Parameters
    ----------
    eligibility : traces of the line, [cells] each
    signal : [cells] learning signal times slope of the read-out
    output_signal : [cells] learning signal times slope through the output gate
    pre : spike activity of the line at the frame's end (the output gate has no memory)
    tails : of the line's updates, [4 * cells], in the order of the gates
    """
    i, f, o, g = (tails.part(gate, len(signal)) for gate in range(4))
    return (
        i.moved(signal) * synapse.twin(eligibility.i_up, eligibility.i_down),
        f.moved(signal) * synapse.twin(eligibility.f_up, eligibility.f_down),
        pre * o.moved(output_signal),
        g.moved(signal) * synapse.single(eligibility.g_up),
    )


def delta_update(error: jax.Array, activity: jax.Array, tails: UpdateTails = UpdateTails()) -> jax.Array:  # noqa: B008
    """Delta rule: [pre, post] outer product of ``activity`` and ``error = p - t``, moved by ``tails`` [pre, post]."""
    return activity[:, None] * tails.moved(error[None, :])
