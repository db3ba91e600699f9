"""Slope units from the gates' own values, beside the law fitted to their circuit at the voltages."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.fitting.slope import BIAS, at_bias, bias_factor, bias_for, signed_slope, unsigned_slope
from neuromorph.library import Library
from neuromorph.models.fidelity import psi_currents, psi_rates
from neuromorph.models.frame import Frame
from neuromorph.models.gate import GATE_UNIT, TANH_UNIT, SigmoidGate
from neuromorph.models.library_blocks import blocks_for
from neuromorph.models.slope_unit import biases, pair, seen, slope_units

LIBRARY = Library.shipped()
UNIT = LIBRARY.models("slope_unit")["slope_unit"]
CELL = LIBRARY.models("memory_cell")["memory_cell"]
BLOCKS, _ = blocks_for("nominal", Frame(), LIBRARY)


@given(ratio=st.floats(0.9, 1.1), shift=st.floats(-0.1, 0.1))
@settings(max_examples=50, deadline=None)
def test_a_pair_beside_a_gate_sees_its_voltage(ratio, shift):
    logarithm = np.linspace(-6, 6, 201)
    own = seen(jnp.tanh(0.5 * logarithm), pair(ratio, shift))
    assert np.abs(np.asarray(own) - np.tanh(0.5 * (ratio * logarithm + shift))).max() < 0.01


def test_the_gate_itself_is_seen_as_it_is():
    t = jnp.linspace(-1.0, 1.0, 11)
    assert np.asarray(seen(t, pair(1.0, 0.0))) == pytest.approx(np.asarray(t), abs=1e-6)


def test_psi_is_the_law_of_the_circuit_at_the_gates_voltages():
    rates = psi_rates(BLOCKS)
    at = biases(UNIT, psi_currents(LIBRARY.models("eligibility_synapse"), Frame(), rates))
    draw = np.random.default_rng(5)
    v_i, v_f, v_g, v_c = draw.uniform(-0.12, 0.12, (4, 300))
    gate, tanh = BLOCKS.gate, BLOCKS.tanh
    z = jnp.asarray(np.stack([v_i, -v_f, v_i]) / GATE_UNIT, jnp.float32)
    balance = gate.balance(gate.value(z))
    g = tanh.balance(tanh.value(jnp.asarray(v_g / TANH_UNIT, jnp.float32)))
    psi = BLOCKS.slopes.psi(balance[0], balance[1], g, jnp.asarray(v_c / TANH_UNIT, jnp.float32))
    signed = [(at_bias(UNIT, at["i"]), v_i, v_g), (at_bias(UNIT, at["f"]), v_f, v_c)]
    exact = [
        np.array([signed_slope(p, v, x)[()] for v, x in zip(a, b, strict=True)]) / p["scale"]
        for p, a, b in signed
    ]
    exact.append(
        np.array([unsigned_slope(UNIT, a, b) for a, b in zip(v_i, v_g, strict=True)]) / UNIT["scale_g"]
    )
    for found, law, gate_name in zip(psi, exact, "ifg", strict=True):
        # a hundredth of full scale, and for the forget gate what the first order in its inversion leaves
        assert np.abs(np.asarray(found) / rates[gate_name] - law).max() < 0.012, gate_name


@given(st.floats(0.15, 3.0))
def test_a_bias_is_found_for_its_current(factor):
    assert bias_factor(UNIT, bias_for(UNIT, factor)) == pytest.approx(factor, rel=1e-9)
    assert at_bias(UNIT, BIAS)["v_width"] == UNIT["v_width"]


def test_a_current_that_no_bias_gives_is_that_of_the_highest():
    assert np.isfinite(bias_for(UNIT, 1e9))
    most = slope_units(UNIT, CELL, dict.fromkeys("ifg", 1e7), dict.fromkeys("ifg", 1.0))
    assert np.all(np.isfinite([*most.i, *most.f, most.down_i]))


def test_a_slope_unit_sees_the_dendrite_that_the_gate_sees():
    """A gate's tail bends its own pair, not the slope unit's: with inversion the balance handed on is that without."""
    x = jnp.linspace(-4.0, 4.0, 41)
    bent, weak = SigmoidGate(inversion=0.26), SigmoidGate()
    found, true = bent.balance(bent.value(x)), weak.balance(weak.value(x))
    assert np.abs(found - true).max() < 0.01
    assert np.abs(2 * bent.value(x) - 1 - true).max() > 0.02
