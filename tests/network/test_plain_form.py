"""The event-driven step against the plain one: every synapse at every tick, dense products."""

import importlib.util
from pathlib import Path

import jax
import numpy as np
import pytest

from neuromorph.network.simulate import simulate
from neuromorph.network.stream import stream_of
from tests.network.toys import toy, toy_nominal, tunes

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "plain_form.py"
SPEC = importlib.util.spec_from_file_location("plain_form", PATH)
PLAIN = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(PLAIN)


def both(network, state, plasticity):
    """Final state and records of either form."""
    stream = stream_of(tunes(2))
    options = {"plasticity": plasticity, "rate": 0.05, "key": jax.random.key(0), "record": ("cell_spikes",)}
    fast = simulate(network, state, stream, **options)
    with PLAIN.plain_form():
        return fast, simulate(network, state, stream, **options)


@pytest.mark.parametrize("fidelity", ["ideal", pytest.param("nominal", marks=pytest.mark.slow)])
def test_listening_is_the_same_spike_for_spike(fidelity):
    network, state = toy(blocks=toy_nominal() if fidelity == "nominal" else None)
    (after, fast), (plain_after, plain) = both(network, state, 0.0)
    assert fast["cell_spikes"].sum() > 100
    assert np.array_equal(fast["cell_spikes"], plain["cell_spikes"])
    for a, b in zip(*map(jax.tree.leaves, (after.eligibility, plain_after.eligibility)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_learning_agrees_until_rounding_moves_a_spike_and_in_the_mean_after_it():
    network, state = toy(joint=True)
    (after, fast), (plain_after, plain) = both(network, state, 1.0)
    np.testing.assert_allclose(fast["nll"][:20], plain["nll"][:20], rtol=1e-4)
    assert fast["nll"].mean() == pytest.approx(plain["nll"].mean(), rel=0.01)
    assert fast["cells"].mean() == pytest.approx(plain["cells"].mean(), rel=0.02)
    moved = np.asarray(after.fast.gates - state.fast.gates)
    assert np.asarray(plain_after.fast.gates - state.fast.gates) == pytest.approx(
        moved, abs=0.05 * float(np.abs(moved).max())
    )
