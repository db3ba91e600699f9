"""Sets of sounds as band levels, split like the pieces: the user's files, or piano rolls that are rendered."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import AudioError, InputError
from neuromorph.music.audio import AUDIO_SUFFIXES, SAMPLE_RATE, read_audio
from neuromorph.music.datasets import MAX_PIECES, PARTS, load_dataset
from neuromorph.music.files import sha256_of
from neuromorph.music.frontend import FrontEnd
from neuromorph.music.pianoroll import PianoRoll
from neuromorph.music.rendering import render
from neuromorph.music.splits import Split, name_key, split_by_hash, split_in_time

PROGRAMS = (0, 20, 48)
"""Instruments that rendered sets take in turn: piano, reed organ, strings."""


@dataclass(frozen=True, eq=False)
class Sound:
    """Band levels of a sound.

    Parameters
    ----------
    levels : array, [T, bands]
    name : str
        Its path in the set.
    label : str
        Its class, the first folder of that path; empty where there is none.
    """

    levels: NDArray[np.float64]
    name: str
    label: str = ""

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.levels)

    def __getitem__(self, frames: slice) -> Sound:
        """A part of the sound."""
        return Sound(self.levels[frames], self.name, self.label)


@dataclass(frozen=True)
class SoundSet:
    """Sounds for training, validation and test."""

    name: str
    train: tuple[Sound, ...]
    valid: tuple[Sound, ...]
    test: tuple[Sound, ...]
    source: dict[str, Any] = field(default_factory=dict)

    def parts(self) -> dict[str, tuple[Sound, ...]]:
        """The three parts by name."""
        return dict(zip(PARTS, (self.train, self.valid, self.test), strict=True))

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes of the training part, sorted; empty unless every sound has one."""
        found = {sound.label for sound in self.train}
        return () if "" in found else tuple(sorted(found))


def load_sounds(
    name_or_path: str | os.PathLike[str], front_end: FrontEnd, limit: int | None = None
) -> SoundSet:
    """Hear a set of sounds.

    Parameters
    ----------
    name_or_path : str or path
        A sound file (split 60 / 20 / 20 % in time); a folder of sound files, split by the SHA-256 of each file's path
        in it, sub-folders being classes; or any set of pieces that :func:`neuromorph.music.datasets.load_dataset`
        takes, which is rendered on piano, organ and strings in turn.
    front_end : FrontEnd
        Frame and bands.
    limit : int, optional
        Keep only the first so many sounds of each part.

    Raises
    ------
    InputError
        When nothing can be heard.  In a folder an unusable file is left out and listed in ``source["left_out"]``.
    """
    path = Path(name_or_path)
    if path.is_dir() and _sound_files(path):
        loaded = _from_folder(path, front_end)
    elif path.suffix.lower() in AUDIO_SUFFIXES:
        sound = Sound(front_end.levels(read_audio(path)), path.name)
        loaded = SoundSet(
            path.stem, *split_in_time([sound]), source={"path": str(path), "sha256": sha256_of(path)}
        )
    else:
        loaded = _rendered(str(name_or_path), front_end, limit)
    return SoundSet(
        loaded.name, loaded.train[:limit], loaded.valid[:limit], loaded.test[:limit], loaded.source
    )


def _sound_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)


def _from_folder(folder: Path, front_end: FrontEnd) -> SoundSet:
    paths = _sound_files(folder)
    if len(paths) > MAX_PIECES:
        raise AudioError(f"holds {len(paths)} sounds", where=folder, remedy=f"give at most {MAX_PIECES}")
    sounds, left_out = [], {}
    for path in paths:
        place = path.relative_to(folder)
        try:
            levels = front_end.levels(read_audio(path))
            sounds.append(Sound(levels, place.as_posix(), place.parts[0] if len(place.parts) > 1 else ""))
        except InputError as error:
            left_out[place.as_posix()] = str(error)
    if not sounds:
        raise AudioError(f"holds no usable sound: {next(iter(left_out.values()))}", where=folder)
    source = {
        "path": str(folder),
        "left_out": left_out,
        "files": {s.name: sha256_of(folder / s.name) for s in sounds},
    }
    return SoundSet(folder.resolve().name, *_split(sounds), source=source)


def _split(sounds: list[Sound]) -> Split[Sound]:
    """By name, each class for itself, so that every part has all classes; one or two sounds in time."""
    groups = [[s for s in sounds if s.label == label] for label in sorted({s.label for s in sounds})]
    splits = [split_in_time(g) if len(g) < len(PARTS) else split_by_hash(g, name_key) for g in groups]
    train, valid, test = (tuple(sound for split in splits for sound in split[k]) for k in range(len(PARTS)))
    return train, valid, test


def _rendered(name: str, front_end: FrontEnd, limit: int | None) -> SoundSet:
    pieces = load_dataset(name, limit)
    train, valid, test = (rendered_levels(rolls, front_end) for rolls in pieces.parts().values())
    return SoundSet(pieces.name, train, valid, test, {**pieces.source, "programs": PROGRAMS})


def rendered_levels(rolls: Sequence[PianoRoll], front_end: FrontEnd) -> tuple[Sound, ...]:
    """Rolls as they sound on the instruments of ``PROGRAMS`` in turn; silent rolls are left out."""
    return tuple(
        Sound(front_end.levels(render(roll, PROGRAMS[k % len(PROGRAMS)], sample_rate=SAMPLE_RATE)), roll.name)
        for k, roll in enumerate(rolls)
        if roll.frames.any()
    )
