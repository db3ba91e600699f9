"""Rules of dense projections in general networks: what the spike of a step does to a row or a column of weights.

A rule reads one trace of the pre-synaptic side and one of the post-synaptic side.  ``column`` is a post event: new
weights from one neuron's inputs and their traces; ``row`` a pre event.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from neuromorph.models.pytree import pytree

Number = float | jax.Array


@pytree
class PostTriggered:
    """Potentiation over a target trace, depression below, at each post spike; soft bound.

    ``dw = rate (x - target) (w_max - w)^mu``, clipped to 0 ... w_max; a pre spike sets its trace x to 1.  P. U. Diehl and
    M. Cook, Front. Comput. Neurosci. 9:99, 2015.

    Parameters
    ----------
    rate, target, mu, w_max : of the rule above
    tau_pre : time constant of x
    """

    rate: Number
    target: Number
    mu: Number
    w_max: Number = 1.0
    tau_pre: Number = 20e-3

    at_once = True
    """A trace knows the spikes of its own step."""
    has_rows = False

    def column(self, weights: jax.Array, pre: jax.Array) -> jax.Array:
        """Weights onto a neuron that fired."""
        room = jnp.maximum(self.w_max - weights, 1e-30)
        change = self.rate * (pre - self.target) * jnp.exp(self.mu * jnp.log(room))
        return jnp.clip(weights + change, 0.0, self.w_max)


@pytree
class PairSTDP:
    """Additive pair STDP, all to all; spikes of the same step are no pair.

    At a pre spike ``dw = -depression q``, at a post spike ``dw = potentiation p``, clipped to 0 ... w_max; p and q rise
    by 1 after the events of a step.  S. Song, K. D. Miller and L. F. Abbott, Nat. Neurosci. 3:919, 2000.

    Parameters
    ----------
    potentiation, depression, w_max : of the rule above
    tau_pre, tau_post : time constants of p and q
    """

    potentiation: Number
    depression: Number
    w_max: Number = 1.0
    tau_pre: Number = 20e-3
    tau_post: Number = 20e-3

    at_once = False
    has_rows = True

    def column(self, weights: jax.Array, pre: jax.Array) -> jax.Array:
        """Weights onto a neuron that fired."""
        return jnp.clip(weights + self.potentiation * pre, 0.0, self.w_max)

    def row(self, weights: jax.Array, post: jax.Array) -> jax.Array:
        """Weights of a line that fired."""
        return jnp.clip(weights - self.depression * post, 0.0, self.w_max)


Rule = PostTriggered | PairSTDP
