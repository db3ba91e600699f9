"""SI parameters to design units, and what is refused."""

import jax
import jax.numpy as jnp
import pytest

from neuromorph.errors import InputError
from neuromorph.models.fidelity import ideal_blocks, nominal_blocks
from tests.network.toys import FRAME, MODELS, toy_nominal


def test_every_leaf_is_float32():
    for blocks in (ideal_blocks(FRAME), toy_nominal()):
        assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(blocks))


def test_fitted_volts_become_design_units():
    blocks = toy_nominal()
    assert blocks.gate.width == pytest.approx(32.8 / 33)
    assert blocks.tanh.width == pytest.approx(68 / 65)
    assert blocks.cell.rest == pytest.approx(-1 / 65)
    assert blocks.cell.charge_rate == pytest.approx(1 / FRAME.seconds)
    assert blocks.cell.leak_rate == pytest.approx(0.8 / FRAME.seconds)


def test_small_signal_diehl_step_is_the_fitted_one():
    blocks = toy_nominal()
    volts = 1e-3  # of trace difference, at w = 0 (the rounded stop adds nothing there)
    x = jnp.float32([0.4 + float(blocks.diehl.shift) + volts / 0.2])
    assert float(blocks.diehl.change(jnp.zeros(1), x, 0.4)[0]) * 0.4 == pytest.approx(0.04 * volts, rel=1e-2)


def test_a_missing_block_is_named():
    models = {k: v for k, v in MODELS.items() if k != "memory_cell"}
    with pytest.raises(InputError, match="memory_cell"):
        nominal_blocks(models, FRAME)


def test_a_missing_parameter_is_named():
    models = MODELS | {"gate": {"gain": 1.0}}
    with pytest.raises(InputError, match=r"gate.*v_offset"):
        nominal_blocks(models, FRAME)


def test_a_given_neuron_is_used():
    neuron = ideal_blocks(FRAME).cell_neuron
    assert nominal_blocks(MODELS, FRAME, neuron=neuron).cell_neuron.rate == neuron.rate


def test_two_nodes_of_levels_are_bits_and_the_drift_is_a_leak():
    store = toy_nominal().store
    assert store.bits == 6
    assert float(store.leak * store.bound / (2 * store.bound)) == pytest.approx(8e-7)
