"""Weights that follow their spikes within a frame."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from neuromorph.errors import InputError
from neuromorph.library import Library
from neuromorph.models.frame import Frame
from neuromorph.models.library_blocks import blocks_for
from neuromorph.network.config import FeatureConfig, NetworkConfig
from neuromorph.network.features import feature_frame
from neuromorph.network.state import FeatureState
from neuromorph.tasks.feature_network import regular

FRAME, NEURONS, LINES = Frame(), 3, 2
# a latch would be charged again at the second half's begin
BLOCKS = replace(blocks_for("nominal", FRAME, Library.shipped())[0], latch=jnp.float32(1.0))


def config(parts):
    # all may win, and no threshold leaks: then a frame of two parts is two frames of half its length
    layer = FeatureConfig(NEURONS, winners=NEURONS, gain=0.6, threshold_leak=0.0, parts=parts)
    return NetworkConfig(notes=LINES, cells=1, frame=FRAME, features=layer)


def run(parts, plastic, ticks=slice(None), state=None):
    if state is None:
        zeros = jnp.zeros(NEURONS, jnp.float32)
        weights = jnp.asarray(np.random.default_rng(0).uniform(0.3, 0.6, (NEURONS, LINES)), jnp.float32)
        state = FeatureState(weights, zeros, BLOCKS.feature_neuron.initial(NEURONS), zeros, zeros, zeros)
    spikes = jnp.asarray(np.repeat(regular(FRAME)[:, None], LINES, axis=1), jnp.float32)
    traces, _ = BLOCKS.diehl.traces(spikes, jnp.zeros(LINES, jnp.float32), FRAME.tick_seconds)
    return feature_frame(config(parts), BLOCKS, state, spikes[ticks], traces[ticks], jnp.float32(plastic))


def test_without_plasticity_parts_are_nothing():
    (one, spikes), (other, again) = run(1, 0.0), run(5, 0.0)
    assert spikes.sum() > 10
    assert np.array_equal(spikes, again)
    assert np.array_equal(one.weights, other.weights)


def test_a_frame_of_two_parts_is_two_short_ones():
    half = FRAME.ticks // 2
    whole, spikes = run(2, 1.0)
    middle, first = run(1, 1.0, slice(0, half))
    end, second = run(1, 1.0, slice(half, None), middle)
    assert np.array_equal(spikes, np.concatenate([first, second]))
    np.testing.assert_allclose(whole.weights, end.weights, rtol=1e-6)
    assert np.abs(np.asarray(whole.weights) - np.asarray(run(1, 1.0)[0].weights)).max() > 1e-3


@pytest.mark.parametrize("parts", [0, 3])
def test_parts_that_do_not_divide_the_ticks_are_refused(parts):
    with pytest.raises(InputError, match=r"features\.parts"):
        replace(config(1), features=FeatureConfig(parts=parts))
