"""The pair's law against the implicit one that it solves to first order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from neuromorph.fitting.pair import balance, difference


@given(u=st.floats(-6.0, 6.0), inversion=st.floats(0.0, 0.5))
def test_a_balance_solves_the_implicit_law(u, inversion):
    """What is left: u / sqrt(1 + u^2) is within 0.06 of tanh(u), so k / 4 of that where the tanh is steep, and k^2 / 16."""
    solved = brentq(lambda a: a + 0.25 * inversion * np.tanh(a) - u, -7.0, 7.0)
    assert float(balance(u, 1.0, inversion)) == pytest.approx(
        np.tanh(solved), abs=0.06 * inversion / 4 + inversion**2 / 16 + 1e-9
    )


@given(u=st.floats(0.01, 6.0), inversion=st.floats(0.01, 0.5), width=st.floats(1e-3, 0.2))
def test_inversion_flattens_a_pair_and_keeps_it_odd(u, inversion, width):
    found = balance(u * width, width, inversion)
    assert found == pytest.approx(-balance(-u * width, width, inversion))
    assert balance(u * width, width) == pytest.approx(np.tanh(u))
    assert found <= np.tanh(u)
    # far from the middle the inputs are k / 4 further apart
    assert np.arctanh(min(found, 1 - 1e-12)) >= u - 0.25 * inversion - 1e-3


@given(u=st.floats(-5.0, 5.0), inversion=st.floats(0.0, 0.6), width=st.floats(1e-3, 0.2))
def test_inputs_come_back_from_a_balance(u, inversion, width):
    assert difference(balance(u * width, width, inversion), width, inversion) == pytest.approx(
        u * width, abs=1e-9
    )
