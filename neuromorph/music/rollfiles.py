"""Piano-roll sets on disk: MATLAB files of the benchmarks, and NumPy archives.

Both are read without pickle, and both are compressed: what they unpack to is
measured before it is unpacked.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import ScoreError
from neuromorph.music.files import atomic_path, checked_size
from neuromorph.music.pianoroll import FRAME_SECONDS, PianoRoll, stack_frames

PARTS = ("train", "valid", "test")
MAX_FILE_BYTES = 64 * 2**20
MAX_UNPACKED_BYTES = 512 * 2**20
_MAT_HEADER_BYTES = 128
_MAT_COMPRESSED = 15  # miCOMPRESSED in MathWorks' description of level 5 MAT-files
_CHUNK = 2**16

Parts = dict[str, tuple[PianoRoll, ...]]


def read_mat(path: str | os.PathLike[str], frame_seconds: float = FRAME_SECONDS) -> Parts:
    """Read ``traindata``, ``validdata`` and ``testdata`` of a benchmark ``.mat`` file.

    Parameters
    ----------
    path : path
        A MATLAB level 5 file; each variable holds one cell of frames x 88 a piece.
    frame_seconds : float
        Length to give a frame [s]; the files do not say.

    Raises
    ------
    ScoreError
        When the file is missing, damaged, too large, or lacks the variables.
    """
    path = Path(path)
    checked_size(path, MAX_FILE_BYTES, ScoreError)
    _check_unpacked(_mat_bytes(path), path)
    variables = _load_mat(path)
    missing = [f"{part}data" for part in PARTS if f"{part}data" not in variables]
    if missing:
        raise ScoreError(
            f"has no variable {', '.join(missing)}",
            where=path,
            remedy="give traindata, validdata and testdata, each a cell array of frames x 88",
        )
    return {
        part: tuple(
            _roll(cell, frame_seconds, f"{path.stem}/{part}/{index}", path)
            for index, cell in enumerate(np.ravel(variables[f"{part}data"]))
        )
        for part in PARTS
    }


def read_npz(path: str | os.PathLike[str], frame_seconds: float = FRAME_SECONDS) -> Parts:
    """Read a NumPy archive of piano rolls.

    Either ``frames`` [T, 88], one piece, returned under ``"frames"``; or
    ``train``, ``valid`` and ``test``, each [sum of T, 88], with the pieces'
    lengths in ``train_lengths`` and so on (default: one piece) and names in
    ``train_names``.  A scalar ``frame_seconds`` [s] overrides the argument.

    Raises
    ------
    ScoreError
        When the file is missing, damaged, too large, pickled, or lacks the
        arrays.
    """
    path = Path(path)
    checked_size(path, MAX_FILE_BYTES, ScoreError)
    arrays = _load_npz(path)
    frame_seconds = float(np.ravel(arrays.get("frame_seconds", frame_seconds))[0])
    if "frames" in arrays:
        return {"frames": (_roll(arrays["frames"], frame_seconds, path.stem, path),)}
    if not all(part in arrays for part in PARTS):
        raise ScoreError(
            f"holds the arrays {', '.join(sorted(arrays)) or '(none)'}",
            where=path,
            remedy="give frames [T, 88], or train, valid and test",
        )
    return {part: _pieces(arrays, part, frame_seconds, path) for part in PARTS}


def write_npz(parts: Mapping[str, Sequence[PianoRoll]], path: str | os.PathLike[str]) -> Path:
    """Write train, valid and test pieces of one frame length; :func:`read_npz` reads them.

    Raises
    ------
    ScoreError
        When frame lengths differ or the file cannot be written.
    """
    lengths = {roll.frame_seconds for rolls in parts.values() for roll in rolls}
    if len(lengths) != 1:
        raise ScoreError(
            f"pieces with frames of {sorted(lengths)} s", where=path, remedy="give one frame length"
        )
    arrays: dict[str, NDArray[Any]] = {"frame_seconds": np.array(lengths.pop())}
    for part, rolls in parts.items():
        arrays[part] = stack_frames(rolls)
        arrays[f"{part}_lengths"] = np.array([len(roll) for roll in rolls], np.int64)
        arrays[f"{part}_names"] = np.array([roll.name for roll in rolls], np.str_)
    with atomic_path(path, ScoreError) as partial, open(partial, "wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return Path(path)


def _roll(frames: NDArray[Any], frame_seconds: float, name: str, path: Path) -> PianoRoll:
    try:
        return PianoRoll(frames, frame_seconds, name)
    except ScoreError as error:
        raise ScoreError(f"{error.where} is {error.what}", where=path, remedy=error.remedy) from error


def _pieces(
    arrays: Mapping[str, NDArray[Any]], part: str, frame_seconds: float, path: Path
) -> tuple[PianoRoll, ...]:
    """Cut one long array back into pieces."""
    frames = arrays[part]
    lengths = np.ravel(arrays.get(f"{part}_lengths", np.array([len(frames)])))
    names = np.ravel(arrays.get(f"{part}_names", np.array([f"{part}/{i}" for i in range(len(lengths))])))
    whole = lengths.dtype.kind in "iu" and (lengths > 0).all() and lengths.sum() == len(frames)
    if not whole or len(names) != len(lengths):
        raise ScoreError(
            f"{part}_lengths or {part}_names do not match the {len(frames)} frames of {part}", where=path
        )
    cells = np.split(frames, np.cumsum(lengths)[:-1])
    return tuple(_roll(cell, frame_seconds, str(name), path) for cell, name in zip(cells, names, strict=True))


def _load_mat(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        return loadmat(path)
    except NotImplementedError as error:
        raise ScoreError("is a MATLAB 7.3 file", where=path, remedy="save it with -v7") from error
    except (MatReadError, ValueError, TypeError, OSError, KeyError, IndexError, zlib.error) as error:
        raise _damaged(path, error, "a complete MATLAB file") from error


def _mat_bytes(path: Path) -> int:
    """Bytes a level 5 MAT-file unpacks to, found without keeping them.

    Files of another kind (level 4, HDF5) are not compressed as a whole: their
    size counts.
    """
    data = path.read_bytes()
    endian = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    if endian is None:
        return len(data)
    total, position = 0, _MAT_HEADER_BYTES
    while position + 8 <= len(data) and total <= MAX_UNPACKED_BYTES:
        kind, size = struct.unpack_from(f"{endian}II", data, position)
        body = memoryview(data)[position + 8 : position + 8 + size]
        total += _unpacked_bytes(body, path) if kind == _MAT_COMPRESSED else len(body)
        position += 8 + size
    return total


def _unpacked_bytes(packed: memoryview, path: Path) -> int:
    """Length of a zlib stream's content, counted up to the limit."""
    stream, total, rest = zlib.decompressobj(), 0, bytes(packed)
    try:
        while rest and not stream.eof and total <= MAX_UNPACKED_BYTES:
            total += len(stream.decompress(rest, _CHUNK))
            rest = stream.unconsumed_tail
    except zlib.error as error:
        raise _damaged(path, error, "a complete MATLAB file") from error
    return total


def _load_npz(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            _check_unpacked(sum(member.file_size for member in archive.infolist()), path)
            return {
                member.filename.removesuffix(".npy"): _load_array(archive, member, path)
                for member in archive.infolist()
            }
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, KeyError, zlib.error) as error:
        raise _damaged(path, error, "a complete .npz archive") from error


def _load_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> NDArray[Any]:
    """One array; its header may not promise more than the member holds."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        reader = {(1, 0): np.lib.format.read_array_header_1_0}.get(
            version, np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = reader(file)
    if dtype.hasobject:
        raise ScoreError("holds pickled objects", where=path, remedy="store plain uint8 arrays")
    if np.prod(shape, dtype=float) * dtype.itemsize > member.file_size:
        raise ScoreError(f"is cut short: {member.filename} lacks data", where=path, remedy="write it again")
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _check_unpacked(size: int, path: Path) -> None:
    if size > MAX_UNPACKED_BYTES:
        raise ScoreError(
            f"unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MiB", where=path, remedy="split the set"
        )


def _damaged(path: Path, error: Exception, expected: str) -> ScoreError:
    reason = str(error) or type(error).__name__
    return ScoreError(f"is not {expected} ({reason})", where=path, remedy="copy or export it again")
