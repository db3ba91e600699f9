import os

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neuromorph.errors import ScoreError
from neuromorph.music.midi import read_midi, write_midi
from neuromorph.music.pianoroll import KEYS, Note, PianoRoll


def save(path, messages, ticks_per_beat=480):
    file = mido.MidiFile(ticks_per_beat=ticks_per_beat)
    file.tracks.append(mido.MidiTrack(messages))
    file.save(path)
    return path


def on(note, time=0, **kwargs):
    return mido.Message("note_on", note=note, velocity=kwargs.pop("velocity", 80), time=time, **kwargs)


def off(note, time=0, **kwargs):
    return mido.Message("note_off", note=note, time=time, **kwargs)


@settings(max_examples=25, deadline=None)
@given(
    frames=arrays(np.uint8, st.tuples(st.integers(1, 8), st.just(KEYS)), elements=st.integers(0, 1)),
    seconds=st.sampled_from([0.25, 0.4, 0.5, 1.0]),
)
def test_what_is_written_is_read_back(tmp_path_factory, frames, seconds):
    frames[-1, 40] = 1  # a roll that ends in rests loses them in the file
    path = tmp_path_factory.mktemp("midi") / "piece.mid"
    roll = PianoRoll(frames, seconds, "piece")
    write_midi(roll, path)
    back = read_midi(path)
    np.testing.assert_array_equal(back.frames, roll.frames)
    assert back.frame_seconds == pytest.approx(seconds, rel=1e-5)  # whole microseconds
    np.testing.assert_array_equal(read_midi(path, frame_seconds=seconds).frames, roll.frames)


def test_the_tempo_map_is_followed_on_a_grid_of_seconds(tmp_path):
    messages = [
        mido.MetaMessage("set_tempo", tempo=500_000),
        on(60),
        off(60, 480),  # 0.5 s
        mido.MetaMessage("set_tempo", tempo=1_000_000),
        on(62),
        off(62, 480),  # 1 s
    ]
    roll = read_midi(save(tmp_path / "a.mid", messages), frame_seconds=0.25)
    assert roll.notes() == (Note(60, 0, 2), Note(62, 2, 4))


def test_quarter_notes_take_the_first_tempo_for_their_seconds(tmp_path):
    messages = [mido.MetaMessage("set_tempo", tempo=750_000), on(60), off(60, 960)]
    roll = read_midi(save(tmp_path / "a.mid", messages), frames_per_quarter=2)
    assert roll.notes() == (Note(60, 0, 4),)
    assert roll.frame_seconds == pytest.approx(0.375)


def test_short_notes_last_a_frame_and_unreleased_ones_to_the_end(tmp_path):
    messages = [on(60), off(60, 10), on(64), mido.MetaMessage("end_of_track", time=950)]
    roll = read_midi(save(tmp_path / "a.mid", messages))
    assert roll.notes() == (Note(60, 0, 1), Note(64, 0, 2))


def test_velocity_zero_is_a_release_and_overlaps_join(tmp_path):
    messages = [on(60), on(60, 480), on(60, 480, velocity=0), on(60, 480, velocity=0)]
    assert read_midi(save(tmp_path / "a.mid", messages)).notes() == (Note(60, 0, 3),)


def test_drums_and_keys_off_the_piano_are_left_out(tmp_path):
    messages = [on(36, channel=9), on(10), on(60), off(60, 480), off(10), off(36, channel=9)]
    assert read_midi(save(tmp_path / "a.mid", messages)).notes() == (Note(60, 0, 1),)


def test_the_tempo_given_is_written(tmp_path, cadence):
    write_midi(cadence, tmp_path / "a.mid", tempo=60.0, program=0)
    assert read_midi(tmp_path / "a.mid").frame_seconds == pytest.approx(1.0)


def test_a_file_without_notes_is_refused(tmp_path):
    with pytest.raises(ScoreError, match=r"a\.mid: has no notes"):
        read_midi(save(tmp_path / "a.mid", []))


def test_a_piece_of_days_is_refused_before_memory_is_taken(tmp_path):
    far = [on(60), *[mido.MetaMessage("text", time=2**27) for _ in range(16)], off(60)]
    with pytest.raises(ScoreError, match="over the limit"):
        read_midi(save(tmp_path / "a.mid", far, ticks_per_beat=1))


@pytest.mark.parametrize("content", [b"MThd", b"not midi at all", b"RIFF" * 100, b"\0" * 50])
def test_broken_bytes_are_refused(tmp_path, content):
    (tmp_path / "a.mid").write_bytes(content)
    with pytest.raises(ScoreError, match=r"a\.mid: is not a complete MIDI file"):
        read_midi(tmp_path / "a.mid")


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 200), flipped=st.integers(0, 200), value=st.integers(0, 255))
def test_damaged_files_give_a_roll_or_one_clear_error(tmp_path_factory, cut, flipped, value):
    folder = tmp_path_factory.mktemp("damaged")
    notes = [message for key in range(60, 72) for message in (on(key), off(key, 120))]
    data = bytearray(save(folder / "a.mid", notes).read_bytes())
    data[flipped % len(data)] = value
    (folder / "b.mid").write_bytes(data[: len(data) - cut % len(data)])
    refusal = "b.mid"
    try:
        assert len(read_midi(folder / "b.mid")) >= 1
    except ScoreError as error:
        refusal = str(error)
    assert "b.mid" in refusal


def test_missing_empty_and_folder(tmp_path):
    (tmp_path / "empty.mid").touch()
    for name, message in (("none.mid", "no such file"), ("empty.mid", "is empty"), (".", "not a regular")):
        with pytest.raises(ScoreError, match=message):
            read_midi(tmp_path / name)


@pytest.mark.parametrize("kwargs", [{"frame_seconds": 0.0}, {"frames_per_quarter": -1.0}])
def test_bad_grids_are_refused(tmp_path, kwargs):
    with pytest.raises(ScoreError, match=next(iter(kwargs))):
        read_midi(tmp_path / "a.mid", **kwargs)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [({"program": 128}, "program"), ({"velocity": 0}, "velocity"), ({"tempo": 0.0}, "tempo")],
)
def test_bad_numbers_leave_no_file(tmp_path, cadence, kwargs, message):
    with pytest.raises(ScoreError, match=message):
        write_midi(cadence, tmp_path / "a.mid", **kwargs)
    assert not list(tmp_path.iterdir())


def test_a_roll_without_notes_is_not_written(tmp_path):
    with pytest.raises(ScoreError, match="without notes"):
        write_midi(PianoRoll(np.zeros((2, KEYS))), tmp_path / "a.mid")


def test_a_failed_write_keeps_the_old_file(tmp_path, cadence, monkeypatch):
    path = write_midi(cadence, tmp_path / "a.mid")
    before = path.read_bytes()

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(ScoreError, match="No space left"):
        write_midi(cadence[:2], path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.mid"]
