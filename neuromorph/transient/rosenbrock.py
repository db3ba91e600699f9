"""One step of a Rosenbrock method for ``C dv/dt = f(v, t)``: no iteration, so many circuits can step side by side.

RODAS of E. Hairer and G. Wanner, "Solving Ordinary Differential Equations II", 2nd ed., Springer 1996, section VI.4 and the
authors' code RODAS: six stages, order four with an embedded third, L-stable and stiffly accurate, with a continuous
extension of order three.  Stages are ``U`` of its equation (7.25): ``(C / (gamma h) - J) U_i = f(v + sum a_ij U_j) +
C sum c_ij U_j / h + gamma_i h df/dt``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

GAMMA = 0.25
NODES = (0.0, 0.386, 0.21, 0.63, 1.0, 1.0)
SLOPES = (0.25, -0.1043, 0.1035, -0.03620000000000023, 0.0, 0.0)
A = (
    (),
    (1.544,),
    (0.9466785280815826, 0.2557011698983284),
    (3.314825187068521, 2.896124015972201, 0.9986419139977817),
    (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950),
    (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1.0),
)
C = (
    (),
    (-5.6688,),
    (-2.430093356833875, -0.2063599157091915),
    (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
    (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160),
    (8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054),
)
DENSE = (
    (10.12623508344586, -7.487995877610167, -34.80091861555747, -7.992771707568823, 1.025137723295662),
    (-0.6762803392801253, 6.087714651680015, 16.43084320892478, 24.76722511418386, -6.594389125716872),
)


class Step(NamedTuple):
    """Where a step ends, what it may be wrong by, and its two curvatures for :func:`between`."""

    end: Array
    error: Array
    bend: Array
    twist: Array


def step(
    force: Callable[[Array, Array], Array],
    solve: Callable[[Array], Array],
    store: Callable[[Array], Array],
    drift: Array,
    v: Array,
    t: Array,
    h: Array,
) -> Step:
    """One step of many circuits.

    Parameters
    ----------
    force : ``f(v, t)``, [nodes, lanes]
    solve : ``(C / (gamma h) - J)^-1 r``
    store : ``C u``
    drift : ``df/dt`` at ``t``, [nodes, lanes]
    v, t, h : [nodes, lanes], [lanes], [lanes]
    """
    weights, turns = jnp.asarray(_square(A)), jnp.asarray(_square(C))

    def one(stages: Array, k: Array) -> tuple[Array, Array]:
        at = v + jnp.einsum("s,snl->nl", weights[k], stages)
        right = force(at, t + jnp.asarray(NODES)[k] * h) + jnp.asarray(SLOPES)[k] * h * drift
        right = right + store(jnp.einsum("s,snl->nl", turns[k], stages)) / h
        return stages.at[k].set(solve(right)), at

    # a loop, not six copies of the circuit: it compiles in a fraction of the time
    stages, ats = lax.scan(one, jnp.zeros((len(A), *v.shape), v.dtype), jnp.arange(len(A)))
    bend, twist = (jnp.einsum("s,snl->nl", jnp.asarray(d), stages[: len(d)]) for d in DENSE)
    return Step(ats[-1] + stages[-1], stages[-1], bend, twist)


def _square(rows: tuple[tuple[float, ...], ...]) -> np.ndarray:
    """Rows of growing length, filled with noughts."""
    found = np.zeros((len(rows), len(rows)))
    for k, row in enumerate(rows):
        found[k, : len(row)] = row
    return found


def between(v: Array, made: Step, s: float | Array) -> Array:
    """Values at the fraction ``s`` of a step from ``v``."""
    return (1 - s) * v + s * (made.end + (1 - s) * (made.bend + s * made.twist))


def rate(v: Array, made: Step, s: float | Array, h: Array) -> Array:
    """Derivative of :func:`between`, a second."""
    return (made.end - v + (1 - 2 * s) * (made.bend + s * made.twist) + s * (1 - s) * made.twist) / h
