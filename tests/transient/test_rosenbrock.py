"""The Rosenbrock step against solutions that are known."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuromorph.transient.rosenbrock import GAMMA, Step, between, rate, step

MASS = 2.0


def made(h, t=0.3):
    """One step of ``2 dv/dt = -2 (v - cos t) - 2 v^3 + ...`` whose solution is cos t, and of a stiff linear one."""

    def force(v, t):
        return MASS * (-jnp.sin(t) - 3.0 * (v**3 - jnp.cos(t) ** 3))

    v, t, h = jnp.cos(jnp.array([[t]])), jnp.array([t]), jnp.array([h])
    slope = -9.0 * MASS * v**2
    drift = MASS * (-jnp.cos(t) - 9.0 * jnp.cos(t) ** 2 * jnp.sin(t))
    found = step(force, lambda r: r / (MASS / (GAMMA * h) - slope), lambda u: MASS * u, drift[None], v, t, h)
    return v, found, float(t[0]), float(h[0])


def end_error(h):
    _, found, t, h = made(h)
    return abs(float(found.end[0, 0]) - np.cos(t + h))


def test_a_step_is_of_order_four_and_what_lies_between_of_order_three():
    with jax.enable_x64(True):
        wide, narrow = end_error(0.025), end_error(0.0125)
        # a step's own error goes with its fifth power, that between with the fourth
        assert np.log2(wide / narrow) == pytest.approx(5.0, abs=0.3)
        inside, rates = [], []
        for h in (0.05, 0.025):
            v, found, t, h = made(h)
            s = np.array([0.25, 0.5, 0.75])
            inside.append(
                np.abs(between(v[0, 0], Step(*(p[0, 0] for p in found)), s) - np.cos(t + s * h)).max()
            )
            slopes = np.array([rate(v[0, 0], Step(*(p[0, 0] for p in found)), a, h) for a in s])
            rates.append(np.abs(slopes + np.sin(t + s * h)).max())
        assert np.log2(inside[0] / inside[1]) == pytest.approx(4.0, abs=0.3)
        assert np.log2(rates[0] / rates[1]) == pytest.approx(3.0, abs=0.3)


@pytest.mark.parametrize("h", [1.0, 1e3, 1e6])
def test_what_is_stiff_is_damped(h):
    """L-stable: of a decay that a step cannot follow nothing is left, however long the step."""
    with jax.enable_x64(True):
        one, h = jnp.ones((1, 1)), jnp.array([h])
        found = step(
            lambda v, t: -1e6 * v, lambda r: r / (1 / (GAMMA * h) + 1e6), lambda u: u, jnp.zeros((1, 1)), one,
            jnp.zeros(1), h,
        )  # fmt: skip
        assert abs(float(found.end[0, 0])) < 1e-4
