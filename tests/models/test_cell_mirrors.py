"""The step's mirrors beside their exact law: the same charge, and nearly the same course."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.fitting import cell_mirrors as exact
from neuromorph.models.cell_mirrors import follow, log_of

SHARE = st.floats(0.01, 1.0)


@jax.jit
def settled(start, target, pace, ticks):
    """Current after ``ticks`` and what flowed meanwhile."""

    def tick(_, carry):
        current, mean = follow(carry[0], jnp.float32(target), jnp.float32(pace))
        return current, carry[1] + mean

    return jax.lax.fori_loop(0, ticks, tick, (jnp.float32(start), jnp.float32(0.0)))


@given(st.lists(st.floats(1e-30, 1e30), min_size=1, max_size=64))
@settings(deadline=None)
def test_the_quick_logarithm_is_one(x):
    found, true = np.asarray(log_of(jnp.asarray(x, jnp.float32)), float), np.log(np.float32(x).astype(float))
    # the series ends before z^9 2 / 9, |z| < 0.172; the rest is rounding of numbers up to 88 and of 0.35 near 1
    assert np.all(np.abs(found - true) <= 1.5e-7 + 2.0**-22 * np.abs(true))


@given(start=SHARE, target=SHARE, pace=st.floats(0.5, 5.0))
@settings(max_examples=60, deadline=None)
def test_a_mirror_of_the_step_loses_no_charge(start, target, pace):
    ticks = int(np.ceil(20.0 / (target * pace)))  # settled, whatever the course
    _, mean = exact.follow(start, target, 1.0, ticks * pace)
    current, charge = settled(start, target, pace, ticks)
    # of a sum over ticks, and of the ratio near 1 from which each tick's mean is taken
    assert float(charge) / ticks == pytest.approx(mean, rel=ticks * 2.0**-24, abs=2.0**-21 / pace)
    # where a tick's ratio rounds to 1, the current stays
    assert float(current) == pytest.approx(target, rel=1e-5 + 2.0**-21 / (target * pace))


@given(start=SHARE, target=SHARE, pace=st.floats(0.5, 5.0))
@settings(max_examples=200, deadline=None)
def test_its_course_within_a_tick_is_nearly_the_exact_one(start, target, pace):
    found, _ = follow(jnp.float32(start), jnp.float32(target), jnp.float32(pace))
    true, _ = exact.follow(start, target, 1.0, pace)
    x = target * pace
    series = sum(x**k / np.prod(np.arange(1, k + 1)) for k in range(5))
    # what the polynomial lacks of exp(x), times the slope of the current's logarithm over that of exp(x), largest there
    slope = abs(target - start) / (start * (series - 1) + target)
    assert abs(np.log(float(found) / true)) <= slope * np.log(np.exp(x) / series) + 1e-5
