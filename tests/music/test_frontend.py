"""Front end, sets of sounds and resynthesis."""

import numpy as np
import pytest

from neuromorph.errors import AudioError, InputError, ScoreError
from neuromorph.music.audio import Audio, write_wav
from neuromorph.music.frontend import FrontEnd
from neuromorph.music.resynthesis import resynthesize
from neuromorph.music.sounds import load_sounds

RATE = 16_000


def tone(frequency, seconds=1.0, amplitude=0.3):
    times = np.arange(round(seconds * RATE)) / RATE
    return Audio((amplitude * np.sin(2 * np.pi * frequency * times)).astype(np.float32), RATE)


@pytest.mark.parametrize("frequency", [300.0, 1000.0, 2500.0])
def test_a_tone_is_loudest_in_its_band(frequency):
    ear = FrontEnd(0.05)
    levels = ear.levels(tone(frequency))
    heard = ear.frequencies[levels.mean(axis=0).argmax()]
    assert abs(heard - frequency) < 0.1 * frequency


def test_gain_control_takes_loudness_out_and_keeps_the_spectrum():
    ear, plain = FrontEnd(0.05, gain_seconds=1.0), FrontEnd(0.05)
    noise = np.random.default_rng(2).normal(0, 0.2, RATE).astype(np.float32)
    loud, soft = Audio(noise), Audio(0.1 * noise)
    assert (plain.levels(loud) - plain.levels(soft)).mean() == pytest.approx(np.log(100), abs=1e-3)
    np.testing.assert_allclose(ear.levels(loud), ear.levels(soft), atol=1e-3)
    shape = plain.levels(loud) - plain.levels(loud).mean(axis=1, keepdims=True)
    heard = ear.levels(loud)
    np.testing.assert_allclose(heard - heard.mean(axis=1, keepdims=True), shape, atol=1e-6)


def test_gain_control_looks_back_only():
    ear = FrontEnd(0.05, gain_seconds=1.0)
    levels = np.random.default_rng(0).normal(-5, 1, (50, 32))
    changed = levels.copy()
    changed[30:] += 3.0
    np.testing.assert_array_equal(ear.controlled(levels)[:30], ear.controlled(changed)[:30])


def test_it_survives_json():
    ear = FrontEnd(0.1, 16, 2.0).fitted([np.random.default_rng(0).normal(0, 1, (50, 16))], 3)
    back = FrontEnd.from_dict(ear.to_dict())
    assert (back.frame_seconds, back.bands, back.gain_seconds) == (0.1, 16, 2.0)
    np.testing.assert_array_equal(back.code.edges, ear.code.edges)


@pytest.mark.parametrize("numbers", [(0.0, 32, 0.0), (0.1, 0, 0.0), (0.1, 32, -1.0), (0.1, 32, float("nan"))])
def test_impossible_front_ends_are_refused(numbers):
    with pytest.raises(InputError):
        FrontEnd(*numbers)


def test_a_front_end_without_thresholds_says_so():
    with pytest.raises(InputError, match="fit it"):
        FrontEnd().lines(np.zeros((2, 32)))


def test_resynthesis_sounds_like_what_it_was_made_from():
    ear = FrontEnd(0.1)
    draw = np.random.default_rng(1)
    steps = np.repeat(draw.normal(-7, 2, (8, 32)), 5, axis=0)
    sound = resynthesize(steps, ear.frequencies, 0.1)
    assert sound.seconds == pytest.approx(4.0)
    assert np.abs(sound.samples).max() == pytest.approx(0.7, abs=1e-3)
    assert abs(sound.samples[0]) < 1e-3
    heard = ear.levels(sound)
    inner = [t for t in range(1, 39) if t % 5 in (1, 2, 3)]
    other = np.roll(steps, 10, axis=0)
    same, wrong = (np.corrcoef(heard[inner].ravel(), s[inner].ravel())[0, 1] for s in (steps, other))
    assert same > 0.7  # neighbouring bands overlap by half
    assert abs(wrong) < 0.3


@pytest.mark.parametrize(
    "levels", [np.zeros((0, 32)), np.full((3, 32), np.nan), np.zeros((3, 5)), np.zeros((10**6, 32))]
)
def test_impossible_levels_are_refused(levels):
    with pytest.raises(AudioError):
        resynthesize(levels, FrontEnd().frequencies, 0.4)


def folder_of(path, count=4):
    for label, frequency in (("high", 2000.0), ("low", 200.0)):
        (path / label).mkdir(parents=True)
        for k in range(count):
            write_wav(tone(frequency * (1 + 0.05 * k)), path / label / f"{k}.wav")
    return path


def test_a_folder_is_split_by_class_and_its_bad_files_named(tmp_path):
    (folder_of(tmp_path / "set") / "low" / "bad.wav").write_bytes(b"RIFF")
    heard = load_sounds(tmp_path / "set", FrontEnd(0.1))
    assert heard.labels == ("high", "low")
    for part in heard.parts().values():
        assert {sound.label for sound in part} == {"high", "low"}
    names = [sound.name for part in heard.parts().values() for sound in part]
    assert len(names) == len(set(names)) == 8
    assert list(heard.source["left_out"]) == ["low/bad.wav"]


def test_one_file_is_split_in_time(tmp_path):
    path = write_wav(tone(440, 2.0), tmp_path / "a.wav")
    heard = load_sounds(path, FrontEnd(0.1))
    assert [len(part[0]) for part in heard.parts().values()] == [12, 4, 4]
    assert heard.labels == ()


def test_pieces_are_rendered(tmp_path, cadence):
    rolls = np.concatenate([cadence.frames] * 3)
    np.savez(tmp_path / "piece.npz", frames=rolls)
    heard = load_sounds(tmp_path / "piece.npz", FrontEnd(0.4))
    assert [len(s) > 0 for part in heard.parts().values() for s in part] == [True] * 3
    assert heard.train[0].levels.shape[1] == 32


@pytest.mark.parametrize("name", ["nothing", "gone.wav"])
def test_nothing_to_hear_is_an_error(tmp_path, name):
    with pytest.raises((AudioError, ScoreError)):
        load_sounds(tmp_path / name, FrontEnd())
