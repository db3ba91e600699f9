"""The hardware neuron in the network's tick, against its closed form and against finer steps."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neuromorph.errors import InputError
from neuromorph.fitting.neuron_form import DEAD_TERMS, LAG, REACH, carried, driven, tonic_interval
from neuromorph.library import Library
from neuromorph.models.frame import Frame
from neuromorph.models.neuron_hardware import STEP_SECONDS, hardware_neuron

FRAME = Frame()
NEURONS, TICKS = 64, 5000
MODEL = Library.shipped().models("axon_hillock")["axon_hillock"]
TICK = 1e9 * FRAME.tick_seconds


def neuron(tick_seconds=FRAME.tick_seconds):
    return hardware_neuron(MODEL, FRAME.seconds / FRAME.spikes_per_unit, tick_seconds)


@jax.jit
def run(neuron, drives):
    def tick(state, drive):
        state, spikes = neuron.step(state, drive)
        return state, (spikes, state.since)

    return jax.lax.scan(tick, neuron.initial(drives.shape[1]), drives)[1]


def spike_times(neuron, drives):
    """ns, a list a neuron; ``since`` counts from the spike, below the tick, and begins with what the spike carries."""
    spikes, since = map(np.asarray, run(neuron, jnp.asarray(drives, jnp.float32)))
    since = since - np.asarray(driven(neuron.parameters, neuron.full_scale * jnp.float32(drives), jnp).carry)
    return [TICK * (np.flatnonzero(s) + 1.0) - at[s] for s, at in zip(spikes.T, since.T, strict=True)]


def test_one_step_a_tick_keeps_the_tonic_interval():
    assert neuron().substeps == 1
    drive = np.geomspace(0.02, 1.0, NEURONS)
    unit = neuron()
    closed = np.asarray(tonic_interval(unit.parameters, unit.full_scale * jnp.float32(drive), jnp))
    found = [np.mean(np.diff(t)) for t in spike_times(unit, np.tile(drive, (TICKS, 1)))]
    np.testing.assert_allclose(found, closed, rtol=1e-4)


def test_one_step_a_tick_places_spikes_as_sixteen_do():
    draw, drives = np.random.default_rng(0), np.zeros((TICKS, NEURONS))
    for t in range(1, TICKS):  # rises and decays within 10 ns, as a dendrite's drive does
        drives[t] = 0.82 * drives[t - 1] + 0.18 * draw.exponential(0.3, NEURONS)
    drives = np.clip(drives, 0.0, 1.0)
    one, fine = (spike_times(replace(neuron(), substeps=n), drives) for n in (1, 16))
    late = [np.abs(a[:20] - b[:20]).max() for a, b in zip(one, fine, strict=True)]
    assert np.median(late) < 0.02  # ns, of intervals of nine
    assert max(late) < 0.2
    counts = [sum(map(len, times)) for times in (one, fine)]
    assert counts[0] == pytest.approx(counts[1], rel=1e-3)


def test_a_harder_spike_is_followed_by_a_longer_dead_time():
    """The current steps right after a spike: against a spike at the later current all the way, by m."""
    unit = neuron()
    low, high = 0.2, 0.8
    x = np.sqrt(float(unit.full_scale) * np.array([low, high]) / float(unit.parameters.current_scale))
    longer = float(np.subtract(*carried(unit.parameters, x)))  # of the low one less the high one
    assert 0.02 < longer < 0.4  # ns
    drives = np.full((400, 2), low)
    drives[:, 1] = high
    first = np.flatnonzero(np.asarray(run(unit, jnp.asarray(drives, jnp.float32))[0])[:, 1])[10]
    drives[first + 1 :, 1] = low
    times = spike_times(unit, drives)
    after = np.diff(times[1])[10]
    assert after - np.diff(times[0])[-1] == pytest.approx(longer, abs=0.02)


def test_a_cold_neuron_waits_longer_after_a_current_that_rose():
    """By r times the rise of the root, of which a tick's substeps forget some; at a steady current it fires as ever."""
    rise, low, high = 2.0, 0.3, 0.8  # ns
    usual = neuron()
    model = MODEL | {"rise": 1e-9 * rise}
    cold = hardware_neuron(model, FRAME.seconds / FRAME.spikes_per_unit, FRAME.tick_seconds)
    drives = np.full((400, 1), low)
    before, _ = map(np.asarray, run(usual, jnp.asarray(drives, jnp.float32)))
    jump = np.flatnonzero(before[:, 0])[10]
    drives[jump:] = high
    answers = [[np.asarray(a)[:, 0] for a in run(n, jnp.asarray(drives, jnp.float32))] for n in (usual, cold)]
    times = [np.flatnonzero(spikes) for spikes, _ in answers]
    assert np.array_equal(times[0][:11], times[1][:11])
    intervals = [TICK * (t[-1] - t[11]) / (len(t) - 12) for t in times]
    # the number of spikes is known to one of them
    assert intervals[0] == pytest.approx(intervals[1], abs=TICK / 60)
    longer = answers[0][1][jump] - answers[1][1][jump]
    x = np.sqrt(float(usual.full_scale) * np.array([low, high]) / float(usual.parameters.current_scale))
    most = rise * min(x[1] - x[0], REACH)
    assert most * np.exp(-TICK / (1e9 * LAG)) < longer <= most + 0.02  # ns, spikes of other steps


def test_a_longer_tick_is_divided():
    assert neuron(2.5 * STEP_SECONDS).substeps == 3
    assert neuron(0.1 * STEP_SECONDS).substeps == 1


def test_steps_are_shorter_than_the_dead_time():
    quick = (
        MODEL
        | {f"dead_time_{k}": 0.0 for k in range(DEAD_TERMS)}
        | {"dead_time_0": 1.5e-9, "carry_1": 0.0, "carry_2": 0.0}
    )
    assert hardware_neuron(quick, 1e-9, 2e-9).substeps == 2
    with pytest.raises(InputError, match="dead time of this axon hillock falls to -1 ns"):
        hardware_neuron(quick | {"dead_time_0": -1e-9}, 1e-9, 2e-9)
