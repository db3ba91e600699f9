"""What lies outside the characterized range is counted, no more and no less."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuromorph.library import Library
from neuromorph.models.box import QUANTITIES, Box, box_of
from neuromorph.models.gate import GATE_UNIT, TANH_UNIT, SigmoidGate, TanhGate

BOX = Box(gate=2.0, candidate=1.0, cell=0.5, trace=3.0)
SIGMOID, TANH = (
    SigmoidGate(floor=0.01, offset=0.2),
    TanhGate(amplitude_up=0.9, amplitude_down=0.8, offset=0.1),
)


def shares(z, z_g, c, trace):
    z, z_g, c, trace = (jnp.asarray(x, jnp.float32) for x in (z, z_g, c, trace))
    gates = jax.vmap(SIGMOID.value)(jnp.repeat(z[:, None], 3, axis=1))
    out = BOX.outside(gates, TANH.value(z_g), c, (trace, trace), SIGMOID, TANH)
    return dict(zip(QUANTITIES, np.asarray(out).tolist(), strict=True))


def test_inside_nothing_is_counted():
    z, c = np.linspace(-1.99, 1.99, 20).reshape(5, 4), np.linspace(-0.49, 0.49, 20).reshape(5, 4)
    assert shares(z, z / 2, c, np.full((3, 4), 2.9)) == dict.fromkeys(QUANTITIES, 0.0)


def test_each_quantity_is_counted_on_both_sides():
    z, c = np.zeros((5, 4)), np.zeros((5, 4))
    z[0, 0], z[1, 1] = 2.01, -2.01
    c[2, :3] = 0.51, -0.51, 0.7
    trace = np.zeros((3, 4))
    trace[0, 0] = 3.1
    got = shares(z, z / 1.9, c, trace)
    expected = (2 / 20, 2 / 20, 3 / 20, 1 / 12)
    assert tuple(got.values()) == pytest.approx(expected)


def test_the_shipped_box_is_that_of_the_fits():
    box = box_of(Library.shipped().boxes("memory_cell", "eligibility_synapse"))
    assert (box.gate * GATE_UNIT, box.candidate * TANH_UNIT, box.cell * TANH_UNIT) == pytest.approx(
        (0.4, 0.4, 0.4)
    )
