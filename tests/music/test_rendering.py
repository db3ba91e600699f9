import numpy as np
import pytest

from neuromorph.errors import ScoreError
from neuromorph.music.audio import read_audio, write_wav
from neuromorph.music.metrics import audio_metrics, note_scores
from neuromorph.music.pianoroll import KEYS, LOWEST_MIDI, Note, PianoRoll, from_notes
from neuromorph.music.rendering import render
from neuromorph.music.spectrogram import semitone_spectrogram
from neuromorph.music.transcription import transcribe


@pytest.mark.parametrize("program", [0, 20, 48])
def test_a_cadence_sounds_and_is_never_clipped(tmp_path, cadence, program):
    audio = render(cadence, program)
    heard = read_audio(write_wav(audio, tmp_path / "a.wav"), 44_100)
    measured = audio_metrics(heard)
    assert audio.sample_rate == 44_100
    assert audio.seconds == pytest.approx(cadence.seconds + 0.5)
    assert measured["peak"] == pytest.approx(0.7, abs=2**-15)
    assert measured["clipping_share"] == 0
    # a sine of peak 0.7 has -6 dBFS; music has crests of 6 to 20 dB above it
    assert -30 < measured["rms_dbfs"] < -6


def test_there_are_no_clicks_at_the_ends(cadence):
    samples = render(cadence).samples
    assert abs(samples[0]) == 0
    assert abs(samples[-1]) < 1e-6
    # at the join to the tail and in it, no step is larger than the music's own
    steps = np.abs(np.diff(samples))
    assert steps[-round(0.6 * 44_100) :].max() <= steps[: -round(0.6 * 44_100)].max()
    assert np.abs(samples[-round(0.05 * 44_100) :]).max() < 0.02


def test_what_is_played_is_what_is_written(cadence):
    scores = note_scores([transcribe(render(cadence, program=48))], [cadence])
    assert scores["f_measure"] >= 0.6  # what is asked of the transcription


@pytest.mark.parametrize("program", [0, 20, 40, 42, 48, 73])
@pytest.mark.parametrize("key", [48, 60, 72])
def test_instruments_sound_at_the_written_pitch(program, key):
    roll = from_notes([Note(key, 0, 3)])
    levels = semitone_spectrogram(render(roll, program)).levels[16]  # half way, the attack is over
    strongest = int(levels.argmax()) + LOWEST_MIDI - key
    assert strongest in (0, 12, 19, 24, 28, 31, 34, 36)  # partials 1 to 8
    assert levels[: key - LOWEST_MIDI - 2].max() < 1 - 20 / 60  # nothing within 20 dB below the note


def test_rests_keep_their_time():
    late = from_notes([Note(69, 3, 1)], length=6)
    samples = render(late).samples
    assert not samples[: round(3 * 0.4 * 44_100) - 100].any()
    assert len(samples) == round((6 * 0.4 + 0.5) * 44_100)


def test_rendering_twice_gives_the_same_samples(cadence):
    np.testing.assert_array_equal(render(cadence).samples, render(cadence).samples)


def test_very_short_frames_are_rendered():
    roll = from_notes([Note(60, 0, 3), Note(72, 5, 1)], frame_seconds=0.01)
    assert audio_metrics(render(roll, program=0))["peak"] == pytest.approx(0.7, abs=1e-4)


@pytest.mark.parametrize(
    ("roll", "kwargs", "message"),
    [
        (PianoRoll(np.zeros((4, KEYS))), {}, "without notes"),
        (from_notes([Note(60, 0, 1)]), {"program": 200}, "program"),
        (from_notes([Note(60, 0, 1)]), {"velocity": 0}, "velocity"),
        (from_notes([Note(60, 0, 1)], frame_seconds=1e6), {}, "over the limit"),
    ],
)
def test_what_cannot_be_rendered_is_refused(roll, kwargs, message):
    with pytest.raises(ScoreError, match=message):
        render(roll, **kwargs)
