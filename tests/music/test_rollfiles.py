import struct
import zipfile
import zlib

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.errors import ScoreError
from neuromorph.music.pianoroll import KEYS, PianoRoll
from neuromorph.music.rollfiles import read_mat, read_npz, write_npz

from .conftest import random_rolls


def cells(rolls):
    array = np.empty((1, len(rolls)), object)
    for i, roll in enumerate(rolls):
        array[0, i] = roll.frames
    return array


def parts(seed=0):
    return {part: tuple(random_rolls(seed + i, 3)) for i, part in enumerate(("train", "valid", "test"))}


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_npz_round_trip(tmp_path_factory, seed):
    path = tmp_path_factory.mktemp("npz") / "set.npz"
    write_npz(parts(seed), path)
    assert read_npz(path) == parts(seed)


@pytest.mark.parametrize("compressed", [False, True])
def test_mat_files_of_the_benchmark(tmp_path, compressed):
    path = tmp_path / "set.mat"
    variables = {f"{part}data": cells(rolls) for part, rolls in parts().items()}
    scipy.io.savemat(path, variables, do_compression=compressed)
    found = read_mat(path, 0.25)
    assert found["valid"][1].name == "set/valid/1"
    assert found["valid"][1].frame_seconds == 0.25
    for part, rolls in parts().items():
        for a, b in zip(found[part], rolls, strict=True):
            np.testing.assert_array_equal(a.frames, b.frames)


def test_one_piece_and_pieces_without_lengths(tmp_path):
    roll = random_rolls(0, 1)[0]
    np.savez(tmp_path / "a.npz", frames=roll.frames, frame_seconds=0.5)
    assert read_npz(tmp_path / "a.npz") == {"frames": (PianoRoll(roll.frames, 0.5, "a"),)}
    np.savez(tmp_path / "b.npz", train=roll.frames, valid=roll.frames, test=roll.frames)
    assert [len(rolls) for rolls in read_npz(tmp_path / "b.npz").values()] == [1, 1, 1]


def test_pickles_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", frames=np.array([{"a": 1}], object))
    with pytest.raises(ScoreError, match="pickled"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros(3)}, "holds the arrays x"),
        ({"frames": np.zeros((3, 5))}, "shape"),
        ({"frames": np.zeros((0, KEYS))}, "0 frames"),
        ({"frames": np.full((2, KEYS), 7)}, "other than 0 and 1"),
        ({"frames": np.zeros((2, KEYS)), "frame_seconds": -1.0}, "frame_seconds"),
        (
            {**dict.fromkeys(("train", "valid", "test"), np.zeros((2, KEYS))), "train_lengths": [5]},
            "do not match",
        ),
        (
            {**dict.fromkeys(("train", "valid", "test"), np.zeros((2, KEYS))), "test_names": ["a", "b"]},
            "match",
        ),
    ],
)
def test_wrong_arrays_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ScoreError, match=rf"a\.npz: .*{message}"):
        read_npz(tmp_path / "a.npz")


def test_an_archive_that_promises_too_much_is_refused_before_memory_is_taken(tmp_path):
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (10000000000, 88), }"
    header += b" " * (64 - (10 + len(header) + 1) % 64) + b"\n"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("frames.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    with pytest.raises(ScoreError, match="lacks data"):
        read_npz(tmp_path / "a.npz")


def test_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("neuromorph.music.rollfiles.MAX_UNPACKED_BYTES", 100_000)
    np.savez_compressed(tmp_path / "a.npz", frames=np.zeros((10_000, KEYS), np.uint8))
    with pytest.raises(ScoreError, match="unpacks to more"):
        read_npz(tmp_path / "a.npz")
    packed = zlib.compress(bytes(1_000_000))
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H2s", 0x0100, b"IM")
    (tmp_path / "a.mat").write_bytes(head + struct.pack("<II", 15, len(packed)) + packed)
    with pytest.raises(ScoreError, match="unpacks to more"):
        read_mat(tmp_path / "a.mat")


@pytest.mark.parametrize(("reader", "name"), [(read_mat, "a.mat"), (read_npz, "a.npz")])
def test_missing_empty_and_not_such_a_file(tmp_path, reader, name):
    with pytest.raises(ScoreError, match="no such file"):
        reader(tmp_path / name)
    (tmp_path / name).touch()
    with pytest.raises(ScoreError, match="is empty"):
        reader(tmp_path / name)
    (tmp_path / name).write_text("Dear Sir or Madam, " * 50)
    with pytest.raises(ScoreError, match=rf"{name}: is not a complete"):
        reader(tmp_path / name)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["mat", "npz"]),
    kept=st.floats(0.01, 1),
    flipped=st.floats(0, 1),
    value=st.integers(0, 255),
)
def test_damaged_files_give_rolls_or_one_clear_error(tmp_path_factory, kind, kept, flipped, value):
    path = tmp_path_factory.mktemp("damaged") / f"a.{kind}"
    if kind == "mat":
        scipy.io.savemat(path, {f"{k}data": cells(v) for k, v in parts().items()}, do_compression=True)
    else:
        write_npz(parts(), path)
    data = bytearray(path.read_bytes())
    data[int(flipped * (len(data) - 1))] = value
    path.write_bytes(data[: max(int(kept * len(data)), 1)])
    refusal = path.name
    try:
        assert set((read_mat if kind == "mat" else read_npz)(path)) == {"train", "valid", "test"}
    except ScoreError as error:
        refusal = str(error)
    assert path.name in refusal


def test_a_mat_file_with_other_variables_says_which_are_missing(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"traindata": cells(parts()["train"]), "other": 1})
    with pytest.raises(ScoreError, match="no variable validdata, testdata"):
        read_mat(tmp_path / "a.mat")


def test_mixed_frame_lengths_are_not_written(tmp_path):
    rolls = (PianoRoll(np.zeros((1, KEYS)), 0.1), PianoRoll(np.zeros((1, KEYS)), 0.2))
    with pytest.raises(ScoreError, match=r"0\.1, 0\.2"):
        write_npz({"train": rolls}, tmp_path / "a.npz")
