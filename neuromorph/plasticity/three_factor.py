"""Three-factor updates: learning signal times eligibility, one step at a frame's end."""

from __future__ import annotations

import jax

from neuromorph.models.eligibility_synapse import EligibilitySynapse
from neuromorph.models.update_rates import UpdateRates
from neuromorph.plasticity.eligibility import Traces


def gate_update(
    synapse: EligibilitySynapse,
    eligibility: Traces,
    signal: jax.Array,
    output_signal: jax.Array,
    pre: jax.Array,
    rates: UpdateRates = UpdateRates(),  # noqa: B008  (frozen)
) -> tuple[jax.Array, ...]:
    """Downhill direction of a line's weights on the gates i, f, o, g, [cells] each.

    Parameters
    ----------
    eligibility : traces of the line, [cells] each
    signal : [cells] learning signal times slope of the read-out
    output_signal : [cells] learning signal times slope through the output gate
    pre : spike activity of the line at the frame's end (the output gate has no memory)
    rates : of the line's updates, [4 * cells], in the order of the gates
    """
    i, f, o, g = (rates.part(gate, len(signal)) for gate in range(4))
    return (
        i.moved(signal) * synapse.twin(eligibility.i_up, eligibility.i_down, i.twin),
        f.moved(signal) * synapse.twin(eligibility.f_up, eligibility.f_down, f.twin),
        pre * o.moved(output_signal),
        g.moved(signal) * synapse.single(eligibility.g_up, g.twin),
    )


def delta_update(error: jax.Array, activity: jax.Array, rates: UpdateRates = UpdateRates()) -> jax.Array:  # noqa: B008
    """Delta rule: [pre, post] outer product of ``activity`` and ``error = p - t``, at ``rates`` [pre, post]."""
    return activity[:, None] * rates.moved(error[None, :])
