import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.errors import AudioError
from neuromorph.music.audio import Audio
from neuromorph.music.spectrogram import (
    key_frequencies,
    log_mel_frames,
    mel_spectrogram,
    semitone_spectrogram,
)

from .conftest import sine


def test_key_frequencies_are_those_of_the_piano():
    frequencies = key_frequencies()
    assert frequencies[48] == 440.0
    assert frequencies[0] == pytest.approx(27.5)
    assert frequencies[-1] == pytest.approx(4186.009, abs=1e-3)


@settings(max_examples=20, deadline=None)
@given(key=st.integers(20, 87), rate=st.sampled_from([16_000, 22_050, 44_100]))
def test_a_tone_lights_its_own_key_most_and_fully(key, rate):
    tone = sine(key_frequencies()[key], 0.6, 0.5, rate)
    levels = semitone_spectrogram(tone, reference=0.5).levels
    assert levels[-1].argmax() == key
    # the window's side lobes at the negative frequency: below 1 % of the amplitude, 0.1 dB in 60 dB
    assert levels[-1, key] == pytest.approx(1.0, abs=0.1 / 60)


def test_a_semitone_off_is_6_dB_down_where_windows_are_long_enough():
    frequencies = key_frequencies()
    for key in (40, 50):  # 34 periods fit the longest window from key 19 and the shortest to key 43
        levels = semitone_spectrogram(sine(frequencies[key], 0.6), hop_seconds=0.02, reference=0.5).levels[-1]
        assert levels[key] - levels[key - 1] > 6 / 60
        assert levels[key] - levels[key + 1] > 6 / 60


def test_levels_are_in_range_and_logarithmic():
    loud, soft = (semitone_spectrogram(sine(440.0, amplitude=a), reference=1.0).levels for a in (0.5, 0.05))
    assert loud.min() >= 0
    assert loud.max() <= 1
    assert loud.dtype == np.float32
    assert (loud[-1, 48] - soft[-1, 48]) * 60 == pytest.approx(20.0, abs=1e-3)


def test_without_a_reference_the_loudest_band_is_1(tone):
    assert semitone_spectrogram(tone).levels.max() == pytest.approx(1.0)


def test_silence_is_dark():
    levels = semitone_spectrogram(Audio(np.zeros(8_000)), reference=1.0).levels
    assert not levels.any()
    assert not semitone_spectrogram(Audio(np.zeros(8_000))).levels.any()


@pytest.mark.parametrize("spectrogram", [semitone_spectrogram, mel_spectrogram])
def test_no_frame_knows_the_future(spectrogram):
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.1, 16_000).astype(np.float32)
    other = sound.copy()
    other[8_000:] = rng.normal(0, 0.1, 8_000)
    kwargs = {"reference": 1.0} if spectrogram is semitone_spectrogram else {}
    a, b = (spectrogram(Audio(x), **kwargs).levels for x in (sound, other))
    np.testing.assert_array_equal(a[:10], b[:10])  # ten hops of 50 ms are the first 8000 samples
    assert (a[10] != b[10]).any()


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100])
@pytest.mark.parametrize("seconds", [0.03, 0.5, 1.02])
def test_frame_count(rate, seconds):
    spectrogram = semitone_spectrogram(sine(440.0, seconds, rate=rate))
    assert len(spectrogram) == max(round(seconds / 0.05), 1)


def test_bands_above_half_the_rate_stay_dark():
    levels = semitone_spectrogram(sine(440.0, rate=2_000)).levels
    assert not levels[:, key_frequencies() > 950].any()


@settings(max_examples=10, deadline=None)
@given(band=st.integers(2, 31))
def test_a_tone_at_a_mel_centre_peaks_there(band, *_):
    centre = mel_spectrogram(sine(440.0)).frequencies[band]
    levels = mel_spectrogram(sine(centre, 0.3)).levels
    assert levels[-1].argmax() == band


def test_mel_floor_and_finite():
    assert mel_spectrogram(Audio(np.zeros(8_000))).levels == pytest.approx(np.log(1e-10))


def test_log_mel_frames_average_eight_hops(tone):
    sound = sine(440.0, 1.3)
    frames = log_mel_frames(sound)
    hops = mel_spectrogram(sound, window_seconds=0.05).levels
    assert frames.shape == (3, 32)
    np.testing.assert_allclose(frames[1], hops[8:16].mean(axis=0), rtol=1e-5)


def test_no_log_mel_frame_contains_sound_of_another():
    sound = np.zeros(16_000 * 12 // 10, np.float32)
    sound[6_400:12_800] = sine(440.0, 0.4).samples
    frames = log_mel_frames(Audio(sound))
    assert frames[[0, 2]] == pytest.approx(np.log(1e-10))
    assert frames[1].max() > np.log(1e-3)


def test_a_sound_shorter_than_a_frame_has_no_frames():
    with pytest.raises(AudioError, match="less than one frame"):
        log_mel_frames(sine(440.0, 0.2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda tone: semitone_spectrogram(tone, hop_seconds=0), "hop_seconds"),
        (lambda tone: semitone_spectrogram(tone, dynamic_range=-1), "dynamic_range"),
        (lambda tone: semitone_spectrogram(tone, hop_seconds=100, longest_window=1e6), "window of"),
        (lambda tone: mel_spectrogram(tone, highest=9_000), "half the rate"),
        (lambda tone: mel_spectrogram(tone, bands=400), "too narrow"),
        (lambda tone: mel_spectrogram(tone, bands=0), "bands"),
    ],
)
def test_bad_settings_are_refused(tone, call, message):
    with pytest.raises(AudioError, match=message):
        call(tone)
