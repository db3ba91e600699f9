"""Time between frames: what decays, what keeps, and that every nominal frame ends with it."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuromorph.models.learning_unit import LEARNING_SECONDS, PAUSE_SECONDS
from neuromorph.network.hold import held
from neuromorph.network.simulate import simulate
from neuromorph.network.stream import stream_of
from tests.network.toys import toy, toy_nominal, tune


@pytest.fixture(scope="module")
def busy():
    """A nominal network in the middle of a piece whose frames follow each other without a pause."""
    blocks = toy_nominal()
    blocks = replace(blocks, learning=replace(blocks.learning, pause_seconds=jnp.float32(0.0)))
    network, state = toy(blocks=blocks)
    state, _ = simulate(network, state, stream_of([tune()]), plasticity=0.0, rate=0.0, key=jax.random.key(0))
    return network, state


def test_no_time_changes_nothing(busy):
    network, state = busy
    after = held(network.config, network.blocks, state, jnp.float32(0.0))
    jax.tree.map(np.testing.assert_array_equal, after, state)


def test_dendrites_empty_while_cells_and_traces_keep(busy):
    network, state = busy
    after = held(network.config, network.blocks, state, 30e-9)
    assert np.abs(state.cells.current).max() > 0.1
    left = np.exp(-30e-9 / float(network.blocks.dendrite.tau_decay))
    np.testing.assert_allclose(after.cells.current, state.cells.current * left, rtol=1e-5)
    np.testing.assert_allclose(after.features.current, state.features.current * np.exp(-3.0), rtol=1e-5)
    jax.tree.map(np.testing.assert_array_equal, after.eligibility, state.eligibility)
    jax.tree.map(np.testing.assert_array_equal, after.cells.neuron, state.cells.neuron)
    np.testing.assert_array_equal(after.fast.gates, state.fast.gates)
    # cut off: 4 pS and 0.1 pA on 50 fF; joined again: 1.8 to 2.2 % and 10 uV
    longer = held(network.config, network.blocks, state, 30e-6)
    lost = 30e-6 * (4e-12 / 50e-15 * state.cells.c + 1e-13 / (50e-15 * 65e-3))
    shared = (0.018 + 0.004 / np.cosh(state.cells.c) ** 2) * state.cells.c + 1e-5 / 65e-3
    assert np.abs(lost).max() > 1e-3
    np.testing.assert_allclose(longer.cells.c, state.cells.c - lost - shared, rtol=1e-5)
    left = 1.1e-3 * float(np.abs(lost).max()) + 1e-7
    np.testing.assert_allclose(after.cells.c, state.cells.c - shared, atol=left)


def test_the_read_out_falls_as_its_dendrite_does(busy):
    """Also where that is faster than designed, as on a warm chip."""
    network, state = busy
    dendrite = replace(network.blocks.note_dendrite, tau_decay=jnp.float32(11e-9))
    after = held(network.config, replace(network.blocks, note_dendrite=dendrite), state, 30e-9)
    assert np.abs(state.cells.read).max() > 0.01
    np.testing.assert_allclose(after.cells.read, state.cells.read * np.exp(-30 / 11), rtol=1e-5)


def test_features_begin_a_frame_at_rest(busy):
    network, state = busy
    rest = network.blocks.feature_neuron.initial(network.config.features.neurons)
    charged = jax.tree.map(lambda value: value + 0.1, rest)
    state = replace(state, features=replace(state.features, neuron=charged))
    after = held(network.config, network.blocks, state, 30e-9)
    jax.tree.map(np.testing.assert_array_equal, after.features.neuron, rest)


@pytest.mark.parametrize(("plastic", "seconds"), [(0.0, PAUSE_SECONDS), (1.0, LEARNING_SECONDS)])
def test_a_nominal_frame_waits_longer_where_it_learns_and_an_ideal_one_never(plastic, seconds):
    wait = lambda blocks: float(blocks.learning.wait(jnp.float32(plastic)))  # noqa: E731
    assert wait(toy_nominal()) == pytest.approx(seconds)
    assert wait(toy()[0].blocks) == 0.0
