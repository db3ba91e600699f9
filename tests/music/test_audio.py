import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.errors import AudioError
from neuromorph.music.audio import Audio, is_clipped, read_audio, write_wav

from .conftest import sine


def level_at(audio: Audio, frequency: float) -> float:
    """Amplitude of a sine in the middle of the sound."""
    middle = audio.samples[len(audio.samples) // 4 : -len(audio.samples) // 4]
    window = np.hanning(len(middle))
    phase = 2j * np.pi * frequency * np.arange(len(middle)) / audio.sample_rate
    return float(2 * abs((window * middle * np.exp(-phase)).sum()) / window.sum())


@settings(max_examples=15, deadline=None)
@given(
    rate=st.sampled_from([8_000, 11_025, 16_000, 22_050, 37_123, 44_100, 48_000, 96_000]),
    channels=st.integers(1, 6),
)
def test_any_rate_and_channel_count(tmp_path_factory, rate, channels):
    path = tmp_path_factory.mktemp("audio") / "tone.wav"
    samples = np.repeat(sine(440.0, 0.5, 0.5, rate).samples[:, None], channels, axis=1)
    soundfile.write(path, samples, rate, subtype="FLOAT")
    audio = read_audio(path)
    assert audio.sample_rate == 16_000
    assert audio.seconds == pytest.approx(0.5, abs=2 / 16_000)
    assert level_at(audio, 440.0) == pytest.approx(0.5, rel=0.01)
    assert (audio.source["sample_rate"], audio.source["channels"]) == (rate, channels)
    assert audio.source["clipped"] is False


@pytest.mark.parametrize(
    ("name", "kind", "loss"),
    [("a.wav", "WAV", 1e-3), ("a.flac", "FLAC", 1e-3), ("a.ogg", "OGG", 0.05), ("a.mp3", "MP3", 0.05)],
)
def test_every_format(tmp_path, name, kind, loss):
    tone = sine(440.0, 1.0)
    soundfile.write(tmp_path / name, tone.samples, 16_000, format=kind)
    audio = read_audio(tmp_path / name)
    assert audio.source["format"] == kind
    assert audio.name == "a"
    assert level_at(audio, 440.0) == pytest.approx(0.5, rel=loss)


def test_wav_round_trip_is_within_one_step(tmp_path, tone):
    write_wav(tone, tmp_path / "a.wav")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav").samples, tone.samples, atol=2**-15)


def test_what_is_beyond_full_scale_is_not_written(tmp_path, tone):
    with pytest.raises(AudioError, match="beyond full scale"):
        write_wav(Audio(tone.samples * 3), tmp_path / "a.wav")
    assert not list(tmp_path.iterdir())


def test_clipped_sound_is_accepted_and_flagged(tmp_path):
    loud = np.clip(sine(440.0, amplitude=2.0).samples, -1, 1)
    soundfile.write(tmp_path / "a.wav", loud, 16_000)
    assert read_audio(tmp_path / "a.wav").source["clipped"] is True


def test_one_sample_at_full_scale_is_not_clipping():
    samples = np.zeros(100, np.float32)
    samples[50:52] = 1.0
    assert not is_clipped(samples)
    samples[52] = 1.0
    assert is_clipped(samples)
    assert not is_clipped(np.ones(2, np.float32))


def test_channels_that_cancel_are_still_heard(tmp_path, tone):
    stereo = np.stack([tone.samples, -tone.samples], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, 16_000)
    assert level_at(read_audio(tmp_path / "a.wav"), 440.0) == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(16_000), "is silent"),
        (np.full(16_000, 0.5), "is silent"),  # nothing but an offset
        (np.full(16_000, np.nan), "NaN"),
        (np.r_[np.ones(8_000), np.inf], "infinite"),
        (np.ones(100), "100 samples at 16000 Hz are too few. give a sound of 0.05 s or more"),
        (np.zeros(0), "0 samples"),
    ],
)
def test_useless_sound_is_refused(tmp_path, samples, message):
    soundfile.write(tmp_path / "a.wav", samples.astype(np.float32), 16_000, subtype="FLOAT")
    with pytest.raises(AudioError, match=rf"a\.wav: .*{message}"):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.raw", "a.txt"])
def test_what_is_not_sound_is_refused(tmp_path, name):
    (tmp_path / name).write_text("This is a letter, not a sound. " * 40)
    with pytest.raises(AudioError, match=rf"{name}: cannot be decoded"):
        read_audio(tmp_path / name)


def test_missing_empty_and_folder(tmp_path):
    (tmp_path / "empty.wav").touch()
    for name, message in (("none.wav", "no such file"), ("empty.wav", "is empty"), (".", "not a regular")):
        with pytest.raises(AudioError, match=message):
            read_audio(tmp_path / name)


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
@pytest.mark.parametrize("kept", [0.02, 0.5])
def test_a_file_cut_short_is_read_in_part_or_refused(tmp_path, kind, kept):
    path = tmp_path / f"a.{kind.lower()}"
    soundfile.write(path, sine(440.0, 2.0).samples, 16_000, format=kind)
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    refusal = path.name
    try:
        assert read_audio(path).seconds < 2.1
    except AudioError as error:
        refusal = str(error)
    assert path.name in refusal


def test_too_long_is_refused_before_it_is_read(tmp_path, tone, monkeypatch):
    monkeypatch.setattr("neuromorph.music.audio.MAX_SAMPLES", 1_000)
    write_wav(tone, tmp_path / "a.wav")
    with pytest.raises(AudioError, match="too long"):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize("rate", [0, -1, 10**9])
def test_bad_rates_are_refused(rate):
    with pytest.raises(AudioError, match="sample_rate"):
        Audio(np.ones(10, np.float32), rate)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros((2, 10)), np.array([np.nan])])
def test_bad_samples_are_refused(samples):
    with pytest.raises(AudioError, match="samples"):
        Audio(samples)
