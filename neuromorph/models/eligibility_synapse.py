"""The three-factor synapse: two non-negative traces and a compressive update.

``dw ~ signal (y+ - y-) / (1 + (y+ + y-) / y_ref)``: two trace currents divide the
current of the learning signal (lstm_circuits: ten transistors, update pair).
"""

from __future__ import annotations

import jax

from neuromorph.models.pytree import pytree


@pytree
class EligibilitySynapse:
    """What a trace integrates and how an update reads it.

    Parameters
    ----------
    tau_pre : filter of the spikes that charge the trace, s; 0 is the raw spike
    compression : 1 / y_ref; 0 is the linear, ideal product
    tau_output : filter of the spikes that gate the output gate's update, s (one a line;
        the output gate has no trace of its own)
    """

    tau_pre: float | jax.Array = 0.0
    compression: float | jax.Array = 0.0
    tau_output: float | jax.Array = 10e-9

    def twin(self, up: jax.Array, down: jax.Array) -> jax.Array:
        """Signed eligibility that the update sees from twin traces."""
        return (up - down) / (1.0 + self.compression * (up + down))

    def single(self, up: jax.Array) -> jax.Array:
        """Eligibility from one unsigned trace (the input amplifier's)."""
        return up / (1.0 + self.compression * up)
