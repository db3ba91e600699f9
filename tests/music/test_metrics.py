import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.errors import ScoreError
from neuromorph.music import metrics
from neuromorph.music.audio import Audio
from neuromorph.music.pianoroll import KEYS, Note, PianoRoll, from_notes

from .conftest import random_rolls, sine

SILENT = PianoRoll(np.zeros((10, KEYS)))


def chord(*keys: int, frames: int = 1) -> PianoRoll:
    return from_notes([Note(key, 0, frames) for key in keys])


@pytest.mark.parametrize(
    ("keys", "share"),
    [((60, 64, 67), 1.0), ((60, 61), 0.0), ((60, 62, 67), 2 / 3), ((60, 72), 1.0), ((60, 66), 0.0)],
)
def test_consonance(keys, share):
    assert metrics.consonance_share([chord(*keys)]) == pytest.approx(share)


def test_interval_counts_match_a_count_by_hand():
    roll = random_rolls(3, 1)[0]
    counts = np.zeros(12)
    for frame in roll.frames:
        keys = np.flatnonzero(frame)
        for i, low in enumerate(keys):
            for high in keys[i + 1 :]:
                counts[(high - low) % 12] += 1
    np.testing.assert_array_equal(metrics.interval_counts([roll]), counts)


def test_pitch_classes_start_at_c():
    assert metrics.pitch_class_counts([chord(60, 72, 69)]).tolist() == [2] + [0] * 8 + [1, 0, 0]


def test_scales():
    major = from_notes([Note(60 + step, i, 1) for i, step in enumerate(metrics.MAJOR_SCALE)])
    chromatic = from_notes([Note(60 + i, i, 1) for i in range(12)])
    assert metrics.scale_consistency([major]) == 1.0
    assert metrics.scale_consistency([chromatic]) == pytest.approx(7 / 12)
    assert metrics.scale_consistency([major, chromatic, SILENT]) == pytest.approx((1 + 7 / 12) / 2)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(-5, 5))
def test_copies_are_found_in_every_transposition(seed, semitones):
    roll = random_rolls(seed, 1, frames=10)[0]
    frames = roll.frames.copy()
    frames[:, :6] = frames[:, -6:] = 0
    roll = PianoRoll(frames)
    assert metrics.copied_share([roll.transposed(semitones)], [roll]) == 1.0
    assert metrics.copied_share(random_rolls(seed + 2000, 2), [roll]) == 0.0


def test_silence_is_no_copy_and_short_pieces_have_no_windows():
    assert metrics.copied_share([SILENT], [SILENT]) == 0.0
    assert math.isnan(metrics.copied_share([chord(60, frames=7)], [SILENT]))


def test_chords_seen():
    assert metrics.chords_seen_share([chord(60, 64), chord(61, 64)], [chord(60, 64, frames=3)]) == 0.5


@given(st.integers(0, 1000))
def test_divergences_are_positive_and_zero_from_oneself(seed):
    a, b = random_rolls(seed, 2, 40)
    for divergence in (metrics.interval_class_kl, metrics.pitch_class_kl):
        assert divergence([a], [a]) == pytest.approx(0, abs=1e-12)
        assert divergence([a], [b]) >= 0


def test_divergence_is_infinite_where_the_reference_has_nothing():
    assert metrics.pitch_class_kl([chord(60, 61)], [chord(60)]) == math.inf
    assert metrics.pitch_class_kl([chord(60)], [chord(60, 61)]) == pytest.approx(math.log(2))
    assert math.isnan(metrics.interval_class_kl([SILENT], [chord(60, 64)]))


def test_note_scores():
    truth, guess = chord(60, 64, 67), chord(60, 64, 70)
    scores = metrics.note_scores([guess], [truth])
    assert scores == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "f_measure": 2 / 3, "accuracy": 0.5})
    with pytest.raises(ScoreError, match="1 estimates for 2"):
        metrics.note_scores([guess], [truth, truth])
    assert metrics.note_scores([SILENT], [SILENT])["f_measure"] == 0


def test_no_pieces_are_refused():
    with pytest.raises(ScoreError, match="no pieces"):
        metrics.generation_metrics([], [], [])


def test_audio():
    measured = metrics.audio_metrics(sine(440.0, 1.0, 0.5))
    assert measured["peak"] == pytest.approx(0.5, abs=1e-3)
    assert measured["rms_dbfs"] == pytest.approx(20 * math.log10(0.5 / math.sqrt(2)), abs=1e-3)
    assert measured["clipping_share"] == 0
    square = Audio(np.tile([1.0, -1.0], 50))
    assert metrics.audio_metrics(square) == {"peak": 1.0, "rms_dbfs": 0.0, "clipping_share": 1.0}


@pytest.mark.data
def test_real_chorales_have_the_values_the_study_found(jsb):
    test = metrics.generation_metrics(jsb.test, jsb.test, jsb.train)
    valid = metrics.generation_metrics(jsb.valid, jsb.test, jsb.train)
    half_a_digit = {"abs": 0.0006}
    assert test["notes_per_frame"] == pytest.approx(3.89, abs=0.006)
    assert test["consonance_share"] == pytest.approx(0.930, **half_a_digit)
    assert test["scale_consistency"] == pytest.approx(0.945, **half_a_digit)
    assert test["share_of_four_note_frames"] == pytest.approx(0.90, abs=0.006)
    assert test["chords_seen_share"] == pytest.approx(0.90, abs=0.006)
    assert test["copied_share"] == pytest.approx(0.011, **half_a_digit)
    assert valid["chords_seen_share"] == pytest.approx(0.88, abs=0.006)
    assert valid["interval_class_kl"] == pytest.approx(0.0005, abs=0.00006)
    assert valid["pitch_class_kl"] == pytest.approx(0.0008, abs=0.00006)
    # the study counted copies in the same key only (0.0231); transposed ones come on top
    assert 0.0231 <= valid["copied_share"] <= 0.0241
