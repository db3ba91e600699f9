import numpy as np
import pytest
import scipy.io

from neuromorph.errors import AudioError, InputError, ScoreError
from neuromorph.music.audio import write_wav
from neuromorph.music.datasets import DATASET_NAMES, Grid, dataset_status, load_dataset, save_dataset
from neuromorph.music.midi import write_midi
from neuromorph.music.pianoroll import PianoRoll

from .conftest import random_rolls, sine


@pytest.fixture
def folder(tmp_path):
    """Five MIDI files, one in a sub-folder, and a letter."""
    for i, roll in enumerate(random_rolls(0, 5, 20)):
        write_midi(roll, tmp_path / ("deeper" if i == 4 else ".") / f"{i}.mid")
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam")
    return tmp_path


def test_a_folder_of_midi_files(folder):
    dataset = load_dataset(folder)
    assert [len(part) for part in dataset.parts().values()] == [3, 1, 1]
    names = {roll.name for part in dataset.parts().values() for roll in part}
    assert names == {"0.mid", "1.mid", "2.mid", "3.mid", "deeper/4.mid"} == set(dataset.source["files"])
    assert load_dataset(str(folder)) == dataset


def test_files_that_cannot_be_used_are_left_out_and_listed(folder):
    (folder / "broken.mid").write_bytes(b"MThd")
    dataset = load_dataset(folder)
    assert list(dataset.source["left_out"]) == ["broken.mid"]
    assert "not a complete MIDI file" in dataset.source["left_out"]["broken.mid"]


def test_a_folder_without_music(tmp_path):
    with pytest.raises(ScoreError, match="no MIDI or sound files"):
        load_dataset(tmp_path)
    (tmp_path / "broken.mid").write_bytes(b"MThd")
    with pytest.raises(ScoreError, match="not a complete MIDI file"):
        load_dataset(tmp_path)


def test_one_midi_file_is_cut_in_time(tmp_path):
    roll = random_rolls(0, 1, 30)[0]
    path = write_midi(roll, tmp_path / "a.mid")
    dataset = load_dataset(path)
    assert [len(part[0]) for part in dataset.parts().values()] == [18, 6, 6]
    assert dataset.source["sha256"]
    assert dataset.source["split"].endswith("in time")


def test_the_grid_of_a_midi_file_is_the_users(tmp_path):
    """Eighth notes on a grid of quarters fall together two by two; on their own grid each has its frame."""
    frames = np.zeros((24, 88), np.uint8)
    frames[np.arange(24), 40 + np.arange(24) % 5] = 1
    path = write_midi(
        PianoRoll(frames, 0.25, "eighths"), tmp_path / "a.mid", tempo=240.0
    )  # a frame is a quarter here
    sounding = {
        n: np.concatenate([part[0].frames for part in load_dataset(path, grid=Grid(n)).parts().values()])
        for n in (0.5, 1.0, 2.0)
    }
    assert [len(sounding[n]) for n in (1.0, 2.0)] == [24, 48]
    assert sounding[0.5].sum(axis=1).max() == 2
    assert sounding[1.0].sum(axis=1).max() == sounding[2.0].sum(axis=1).max() == 1


def test_a_grid_is_refused_where_the_frames_are_given(folder):
    saved = save_dataset(load_dataset(folder), folder / "set.npz")
    for name in ("chorales", saved):
        with pytest.raises(ScoreError, match="comes in frames of its own"):
            load_dataset(name, grid=Grid(2.0))


def test_a_sound_file_is_transcribed(tmp_path):
    path = write_wav(sine(440.0, 4.8), tmp_path / "a.wav")
    dataset = load_dataset(path)
    assert sum(len(part[0]) for part in dataset.parts().values()) == 12
    assert {note.midi for note in dataset.train[0].notes()} == {69}


def test_archives_and_what_save_writes(tmp_path, folder):
    dataset = load_dataset(folder)
    saved = load_dataset(save_dataset(dataset, tmp_path / "set.npz"))
    assert saved.parts() == dataset.parts()
    assert saved.name == "set"
    np.savez(tmp_path / "one.npz", frames=random_rolls(0, 1, 10)[0].frames)
    assert len(load_dataset(tmp_path / "one.npz").valid[0]) == 2


def test_the_limit(folder):
    dataset = load_dataset(folder, limit=2)
    assert [len(part) for part in dataset.parts().values()] == [2, 1, 1]
    with pytest.raises(ScoreError, match="limit = 0"):
        load_dataset(folder, limit=0)


def test_an_unknown_name_lists_the_names(tmp_path):
    with pytest.raises(ScoreError, match=r"'jbs' is neither.*chorales, jsb, nottingham, piano_midi"):
        load_dataset("jbs")
    with pytest.raises(ScoreError, match="no such file"):
        load_dataset(tmp_path / "none.mid")
    with pytest.raises(AudioError, match="no such file"):
        load_dataset(tmp_path / "none.wav")
    (tmp_path / "a.pdf").write_text("x")
    with pytest.raises(ScoreError, match=r"files of type \.pdf are not read"):
        load_dataset(tmp_path / "a.pdf")


@pytest.mark.parametrize("name", ["jsb", "nottingham", "piano_midi"])
def test_an_absent_set_says_how_to_get_it(name, tmp_path, monkeypatch):
    monkeypatch.delenv("NEUROMORPH_DATA", raising=False)
    with pytest.raises(ScoreError, match=r"NEUROMORPH_DATA is not set.*set NEUROMORPH_DATA to"):
        load_dataset(name)
    monkeypatch.setenv("NEUROMORPH_DATA", str(tmp_path))
    with pytest.raises(ScoreError, match=r"is not here.*polyphonic"):
        load_dataset(name)


def test_a_set_with_an_empty_part_is_refused(tmp_path):
    empty = np.empty((1, 0), object)
    scipy.io.savemat(tmp_path / "a.mat", {"traindata": empty, "validdata": empty, "testdata": empty})
    with pytest.raises(ScoreError, match="no pieces in train, valid, test"):
        load_dataset(tmp_path / "a.mat")


def test_status_without_data(monkeypatch):
    monkeypatch.delenv("NEUROMORPH_DATA", raising=False)
    status = dataset_status()
    assert tuple(status) == DATASET_NAMES
    assert not status["jsb"]["present"]
    assert status["jsb"]["intact"] is None
    for entry in status.values():
        assert entry["licence"]
        assert entry["origin"]
        assert entry["how_to_get"]


def test_status_notices_a_changed_file(tmp_path, monkeypatch):
    (tmp_path / "polyphonic").mkdir()
    (tmp_path / "polyphonic" / "JSB_Chorales.mat").write_bytes(b"changed")
    monkeypatch.setenv("NEUROMORPH_DATA", str(tmp_path))
    assert dataset_status()["jsb"]["present"]
    assert dataset_status()["jsb"]["intact"] is False


def test_a_data_set_can_be_compared_and_hashed(folder):
    assert hash(load_dataset(folder)) == hash(load_dataset(folder))
    assert isinstance(load_dataset(folder).train[0], PianoRoll)
    assert issubclass(ScoreError, InputError)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "pieces", "frames"),
    [
        ("jsb", (229, 76, 77), (13_807, 4_602, 4_725)),
        ("nottingham", (694, 173, 170), (176_561, 45_513, 44_463)),
        ("piano_midi", (87, 12, 25), (75_911, 8_540, 19_036)),
    ],
)
def test_the_published_splits(name, pieces, frames):
    dataset = load_dataset(name)
    assert tuple(len(part) for part in dataset.parts().values()) == pieces
    assert tuple(sum(map(len, part)) for part in dataset.parts().values()) == frames
    assert dataset.source["intact"]
    assert dataset_status()[name]["intact"]
