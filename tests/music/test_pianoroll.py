import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neuromorph.errors import ScoreError
from neuromorph.music.pianoroll import KEYS, LOWEST_MIDI, Note, PianoRoll, from_notes, stack_frames

frames_arrays = arrays(np.uint8, st.tuples(st.integers(1, 12), st.just(KEYS)), elements=st.integers(0, 1))


@given(frames_arrays)
def test_notes_and_back(frames):
    roll = PianoRoll(frames, 0.25, "x")
    assert from_notes(roll.notes(), 0.25, "x", len(roll)) == roll


@given(frames_arrays)
def test_notes_are_ordered_and_cover_every_sounding_cell_once(frames):
    notes = PianoRoll(frames).notes()
    assert sum(note.frames for note in notes) == frames.sum()
    assert list(notes) == sorted(notes, key=lambda note: (note.start_frame, note.midi))


@given(frames_arrays, st.integers(-12, 12))
def test_transposing_there_and_back(frames, semitones):
    frames[:, :12] = frames[:, -12:] = 0
    roll = PianoRoll(frames)
    moved = roll.transposed(semitones)
    assert moved.transposed(-semitones) == roll
    assert {n.midi - semitones for n in moved.notes()} == {n.midi for n in roll.notes()}


def test_repeated_notes_are_held_over():
    roll = from_notes([Note(60, 0, 2), Note(60, 2, 1)])
    assert roll.notes() == (Note(60, 0, 3),)


def test_a_piano_roll_is_frozen_and_does_not_share_memory():
    frames = np.zeros((2, KEYS), np.uint8)
    roll = PianoRoll(frames)
    frames[0, 0] = 1
    assert not roll.frames.any()
    with pytest.raises(ValueError):
        roll.frames[0, 0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        roll.name = "other"


def test_slices_length_and_hash(cadence):
    assert len(cadence[2:4]) == 2
    assert cadence.seconds == pytest.approx(8 * 0.4)
    assert hash(cadence) == hash(cadence[0:])
    assert cadence == cadence[0:]
    assert cadence != cadence[1:]
    assert cadence != "cadence"
    assert cadence.compass() == (43, 72)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((3, 87)), "shape"),
        (np.zeros(88), "shape"),
        (np.zeros((0, 88)), "0 frames"),
        (np.full((3, 88), 2), "other than 0 and 1"),
        (np.full((3, 88), np.nan), "other than 0 and 1"),
        (np.full((3, 88), "1"), "other than 0 and 1"),
    ],
)
def test_bad_arrays_are_refused(frames, message):
    with pytest.raises(ScoreError, match=message):
        PianoRoll(frames)


@pytest.mark.parametrize("seconds", [0.0, -1.0, np.nan, np.inf])
def test_bad_frame_lengths_are_refused(seconds):
    with pytest.raises(ScoreError, match="frame_seconds"):
        PianoRoll(np.zeros((1, KEYS)), seconds)


@pytest.mark.parametrize(
    "note", [Note(20, 0, 1), Note(109, 0, 1), Note(60, -1, 2), Note(60, 0, 0), Note(60, 0, 9)]
)
def test_notes_that_do_not_fit_are_refused(note):
    with pytest.raises(ScoreError, match="does not fit"):
        from_notes([note], length=4)


def test_no_notes_need_a_length():
    with pytest.raises(ScoreError, match="0 frames"):
        from_notes([])
    assert len(from_notes([], length=3)) == 3


def test_transposing_off_the_piano_names_what_is_allowed(cadence):
    with pytest.raises(ScoreError, match=f"choose {LOWEST_MIDI - 43} to {108 - 72}"):
        cadence.transposed(40)


def test_stacked_frames(cadence):
    assert stack_frames([cadence, cadence]).shape == (16, KEYS)
    assert stack_frames([]).shape == (0, KEYS)
