"""The read-out of a bounded weight."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.models.weight_readout import TOLERANCE, WeightReadout, bounded_tanh, tanh_terms
from tests.network.toys import toy_nominal


@given(limit=st.floats(0.05, 1.6))
@settings(max_examples=30, deadline=None)
def test_the_polynomial_is_tanh_within_its_limit(limit):
    half = np.linspace(0.0, limit, 1501).astype(np.float32)
    x = np.concatenate([-half[::-1], half])
    found = np.asarray(bounded_tanh(jnp.asarray(x), limit), float)
    assert np.abs(found - np.tanh(x.astype(float))).max() <= 2.0 * TOLERANCE  # rounding in float32 beside it
    assert np.array_equal(found, -found[::-1])


def test_beyond_the_largest_limit_it_is_xlas():
    assert tanh_terms(100.0) == tanh_terms(1.61) == ()
    assert float(bounded_tanh(jnp.float32(5.0), 100.0)) == pytest.approx(np.tanh(5.0), abs=1e-6)
    assert 4 <= len(tanh_terms(1.3)) <= 6


def test_no_weight_of_the_hardware_is_beyond_its_read_outs_limit():
    blocks = toy_nominal()
    for readout in (blocks.external_readout, blocks.cell_readout, blocks.head_readout):
        assert float(blocks.store.bound / readout.width) <= readout.largest < 2.0
        bound = jnp.float32(blocks.store.bound)
        exact = float(readout.width) * np.tanh(float(bound / readout.width))
        assert float(readout.value(bound)) == pytest.approx(exact, abs=TOLERANCE * float(readout.width))


def test_ideal_weights_read_as_themselves():
    assert float(WeightReadout().value(jnp.float32(2.5))) == 2.5
