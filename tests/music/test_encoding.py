import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neuromorph.errors import OutOfRange
from neuromorph.music.encoding import RegularSpikeEncoder
from neuromorph.music.spectrogram import semitone_spectrogram

encoders = st.integers(1, 80).flatmap(
    lambda ticks: st.builds(RegularSpikeEncoder, st.integers(1, ticks), st.just(ticks), st.integers(1, 20))
)


@given(encoders)
def test_unit_levels_give_all_spikes_evenly_spaced_across_frames(encoder):
    spikes = encoder.encode(np.ones((3, encoder.lines))).reshape(-1, encoder.lines)
    for line in spikes.T:
        intervals = np.diff(np.flatnonzero(line))
        ideal = encoder.ticks / encoder.spikes_per_frame
        assert line.sum() == 3 * encoder.spikes_per_frame
        # floors of an arithmetic progression differ by less than one tick from its step
        assert (np.abs(intervals - ideal) < 1).all()


@given(encoders, st.floats(0, 1, width=32))
def test_spike_count_is_the_rounded_level(encoder, level):
    counts = encoder.encode(np.full((1, encoder.lines), level)).sum(axis=1)
    n = encoder.spikes_per_frame
    assert (np.abs(counts - n * level) <= 0.5 + 1e-4).all()
    np.testing.assert_allclose(encoder.decode(encoder.encode(np.full((1, encoder.lines), level))), counts / n)


@given(encoders, st.floats(0, 1, width=32), st.floats(0, 1, width=32))
def test_a_higher_level_adds_spikes_and_moves_none(encoder, a, b):
    low, high = (encoder.encode(np.full((1, encoder.lines), level)) for level in sorted((a, b)))
    assert (high | low == high).all()


@given(st.integers(0, 5), st.sampled_from([32, 64, 96]))
def test_halving_the_level_doubles_the_interval(power, ticks):
    encoder = RegularSpikeEncoder(32, ticks, 5)
    spikes = encoder.encode(np.full((2, 5), 2.0**-power)).reshape(-1, 5)
    for line in spikes.T:
        intervals = np.diff(np.flatnonzero(line))
        assert (intervals == ticks // 32 * 2**power).all()


def test_zero_is_silent_and_lines_have_their_own_phases():
    encoder = RegularSpikeEncoder()
    assert not encoder.encode(np.zeros((2, 88))).any()
    load = encoder.encode(np.ones((1, 88))).sum(axis=2)
    # 88 lines, each on in 16 of 50 ticks: 28.2 a tick on average, within one line per golden-ratio gap
    assert abs(load - 88 * 16 / 50).max() <= 4


def test_thresholds_reproduce_the_schedule():
    encoder = RegularSpikeEncoder(5, 12, 7)
    levels = np.random.default_rng(0).random((4, 7)).astype(np.float32)
    table = encoder.thresholds()
    assert table.dtype == np.float32
    assert table.shape == (12, 7)
    assert np.isfinite(table).sum(axis=0).tolist() == [5] * 7
    np.testing.assert_array_equal(encoder.encode(levels), levels[:, None] > table)


def test_piano_rolls_and_spectrograms_use_the_same_encoder(cadence, tone):
    encoder = RegularSpikeEncoder()
    spikes = encoder.encode(cadence.frames)
    np.testing.assert_array_equal(spikes.sum(axis=1), 16 * cadence.frames)
    levels = semitone_spectrogram(tone).levels
    np.testing.assert_allclose(encoder.decode(encoder.encode(levels)), levels, atol=0.5 / 16 + 1e-6)


@given(arrays(np.float32, (2, 3), elements=st.floats(width=32)))
def test_levels_are_checked(levels):
    encoder = RegularSpikeEncoder(4, 8, 3)
    if ((levels >= 0) & (levels <= 1)).all():
        assert encoder.encode(levels).shape == (2, 8, 3)
    else:
        with pytest.raises(OutOfRange, match="outside 0 to 1"):
            encoder.encode(levels)


def test_bad_shapes_and_numbers_are_refused():
    with pytest.raises(OutOfRange, match="shape"):
        RegularSpikeEncoder().encode(np.zeros((2, 87)))
    with pytest.raises(OutOfRange, match="17 spikes in 16 ticks"):
        RegularSpikeEncoder(17, 16)
    with pytest.raises(OutOfRange, match="schedule"):
        RegularSpikeEncoder().encode(np.broadcast_to(np.float32(0), (10**6, 88)))
