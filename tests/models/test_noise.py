"""Noise against the theory of its nodes: spreads, equipartition, counting electrons."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from neuromorph.errors import InputError
from neuromorph.library import Library
from neuromorph.models.fidelity import gate_dendrites
from neuromorph.models.frame import Frame
from neuromorph.models.gate import GATE_UNIT, TANH_UNIT
from neuromorph.models.library_blocks import blocks_for
from neuromorph.models.noise import BOLTZMANN, ELEMENTARY_CHARGE, TEMPERATURE, TRANSISTORS, noise_of, normals

FRAME = Frame()
MODELS = Library.shipped().models()
BLOCKS, _ = blocks_for("nominal", FRAME, Library.shipped(), noise=True)
H = FRAME.tick_seconds


def draws(*shape, seed=0):
    return normals(jax.random.key(seed), shape)


def test_draws_have_no_mean_unit_spread_and_are_nearly_normal():
    x = np.asarray(draws(250, 800), np.float64).reshape(-1)
    n = len(x)
    assert abs(x.mean()) < 4 / np.sqrt(n)  # four standard errors
    assert abs(x.var() - 1) < 4 * np.sqrt((2 - 0.3) / n)  # excess kurtosis of four bytes is -0.3
    assert stats.kstest(x, "norm").statistic < 0.01 + 1.63 / np.sqrt(
        n
    )  # Irwin-Hall of 4 is within 0.01 of a normal
    assert abs(x).max() <= 3.47


def test_draws_of_neighbours_ticks_and_keys_are_independent():
    x, other = (np.asarray(draws(500, 800, seed=k), np.float64) for k in (0, 1))
    pairs = [(x[:, :-k], x[:, k:]) for k in (1, 2, 3, 16)] + [(x[:-1], x[1:]), (x, other)]
    for a, b in pairs:
        assert abs(np.mean(a * b)) < 4.5 / np.sqrt(a.size)  # standard error of a product of unit spread
        assert abs(np.mean((a**2 - 1) * (b**2 - 1))) < 4.5 * 2 / np.sqrt(a.size)


def test_a_dendrite_holds_kt_over_c():
    """The sums that decay with their current's time constant keep the rms of their capacitors."""
    noise, tau = BLOCKS.noise, float(BLOCKS.dendrite.tau_decay)
    keep, ticks, cells = np.exp(-H / tau), 400, 4000
    kicks = np.asarray(jax.vmap(lambda draw: noise.kick(draw, H, tau))(draws(ticks, 4 * cells)))
    z = np.zeros(4 * cells)
    for kick in kicks:
        z = keep * z + kick
    held = np.sqrt(BOLTZMANN * TEMPERATURE / MODELS["dendritic_adder"]["capacitance"])
    wide = gate_dendrites(MODELS, FRAME).widening
    expected = [held / np.sqrt(wide) / GATE_UNIT] * 3 + [held / TANH_UNIT]
    assert z.reshape(4, cells).std(axis=1) == pytest.approx(expected, rel=4 / np.sqrt(2 * cells))


def test_dendrites_with_time_constants_of_their_own_are_kicked_as_each_alone():
    """A chip's dendrites: the kicks of a draw are those of every time constant by itself."""
    noise = BLOCKS.noise
    draw, taus = draws(1, 4 * 3)[0], jnp.asarray(np.geomspace(3e-9, 3e-8, 12), jnp.float32)
    together = np.asarray(noise.kick(draw, H, taus))
    alone = [np.asarray(noise.kick(draw, H, tau))[k] for k, tau in enumerate(taus)]
    np.testing.assert_allclose(together, alone, rtol=1e-6)


def test_a_leaking_cell_settles_at_the_noise_of_its_amplifier():
    """Stationary variance of a follower of width W whose tail is noisy: ``2 q W / (2 C)``, a few times kT/C."""
    cell, noise, p = BLOCKS.cell, BLOCKS.noise, MODELS["memory_cell"]
    gates = jnp.array([[0.0], [1.0]])

    def tick(c, draw):
        c = cell.step(c, gates, jnp.float32(0.0), H)
        return c + noise.charge(draw, jnp.float32(0.0), jnp.float32(1.0)), None

    c, _ = jax.lax.scan(tick, jnp.zeros(4000, jnp.float32), draws(500, 4000))
    # the width that the slope at rest stands for
    width = p["v_leak_width"] / (0.5 * (1 + p["leak_source"]) * (1 - 0.25 * p["leak_inversion"]))
    variance = TRANSISTORS * ELEMENTARY_CHARGE * width / (2 * p["capacitance"]) / TANH_UNIT**2
    away = np.asarray(c) - float(c.mean())
    assert away.var() == pytest.approx(
        variance, rel=4 * np.sqrt(2 / 4000) + 0.03
    )  # a tick takes 3 % of the way


def test_a_neurons_intervals_jitter_as_its_electrons_are_counted():
    """Relative spread of an interval: the root of 2 over the electrons of a spike."""
    neuron, noise = BLOCKS.cell_neuron, BLOCKS.noise
    drive = jnp.full(2000, 0.05, jnp.float32)

    def tick(state, draw):
        return neuron.step(state, noise.driven(draw, drive))

    _, spikes = jax.lax.scan(tick, neuron.initial(2000), draws(600, 2000))
    times = [np.flatnonzero(column) for column in np.asarray(spikes).T]
    spans = np.array([(t[-1] - t[0]) / (len(t) - 1) for t in times])
    count = np.median([len(t) - 1 for t in times])
    p = MODELS["axon_hillock"]
    electrons = p["capacitance"] * p["threshold"] / ELEMENTARY_CHARGE
    quantised = np.sqrt(2 / 12) / spans.mean()  # an interval's ends fall on ticks
    jitter = np.sqrt(TRANSISTORS / electrons / count + (quantised / count) ** 2)
    assert spans.std() / spans.mean() == pytest.approx(jitter, rel=0.3)  # dead time and leak are not counted


def test_noise_falls_with_capacitance_and_an_ideal_network_has_none():
    larger = {
        **MODELS,
        "memory_cell": {**MODELS["memory_cell"], "capacitance": 4 * MODELS["memory_cell"]["capacitance"]},
    }
    assert noise_of(larger, FRAME, 2.0).leaking == pytest.approx(noise_of(MODELS, FRAME, 2.0).leaking / 4)
    with pytest.raises(InputError, match="an ideal network has no noise"):
        blocks_for("ideal", FRAME, Library.shipped(), noise=True)
