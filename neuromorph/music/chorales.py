"""Bach's chorales from the corpus that music21 brings along.

The corpus is read on the user's machine and never passed on: its encodings have
licences of their own.  Parsing takes half a minute, so the result is kept in
the user's cache folder.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from neuromorph.errors import ScoreError
from neuromorph.music.libraries import needs
from neuromorph.music.pianoroll import FRAME_SECONDS, HIGHEST_MIDI, LOWEST_MIDI, Note, PianoRoll, from_notes
from neuromorph.music.rollfiles import Parts, read_npz, write_npz
from neuromorph.music.splits import content_key, split_by_hash, without_copies

VOICES = ("soprano", "alto", "tenor", "bass")
RECIPE_VERSION = 1  # counts changes of what a chorale is turned into


def load_chorales() -> Parts:
    """The Riemenschneider chorales as quarter-note piano rolls, split for learning.

    Frame ``k`` holds the notes that sound ``k`` quarter notes after the start
    (the upbeat included), as in the JSB benchmark.  Only the four sung voices
    are read where instruments play along; repeat signs are not followed.  Of
    pieces that are equal up to transposition the first is kept.  The split is
    60 / 20 / 20 % by the SHA-256 of the transposition-free notes, so it depends
    on the music alone.

    It is not the benchmark's split, and it shares pieces with the benchmark:
    never train on one and test on the other.

    Raises
    ------
    InputError
        When music21 is not installed.
    ScoreError
        When its corpus holds no chorales.
    """
    cache = cache_folder() / f"chorales-{RECIPE_VERSION}-music21-{importlib.metadata.version('music21')}.npz"
    if cache.exists():
        with contextlib.suppress(ScoreError):  # a damaged cache is made anew
            return read_npz(cache)
    train, valid, test = split_by_hash(without_copies(read_corpus()), content_key)
    parts: Parts = {"train": train, "valid": valid, "test": test}
    with contextlib.suppress(ScoreError):  # a read-only home only costs the time
        write_npz(parts, cache)
    return parts


def cache_folder() -> Path:
    """``NEUROMORPH_CACHE``, or else ``~/.cache/neuromorph``."""
    return Path(os.environ.get("NEUROMORPH_CACHE") or Path.home() / ".cache" / "neuromorph")


def read_corpus(names: Iterable[str] | None = None) -> list[PianoRoll]:
    """Parse chorales of music21's corpus.

    Parameters
    ----------
    names : iterable of str, optional
        Corpus names such as ``"bach/bwv269"``; by default all 371.

    Returns
    -------
    list of PianoRoll
        Those with four sung voices, each name once, in the order given.

    Raises
    ------
    ScoreError
        When there is none.
    """
    corpus = needs("music21.corpus")
    names = corpus.chorales.Iterator(returnType="filename") if names is None else names
    rolls = [_roll(corpus.parse(name), name) for name in dict.fromkeys(names)]
    chorales = [roll for roll in rolls if roll is not None]
    if not chorales:
        raise ScoreError("music21's corpus holds no chorales", remedy="reinstall music21")
    return chorales


def _roll(score: Any, name: str) -> PianoRoll | None:
    """Notes sounding at each quarter, or None where there are not four voices."""
    parts = _voices(score)
    if len(parts) < len(VOICES):
        return None
    notes = [note for part in parts for note in _notes(part)]
    return from_notes(notes, FRAME_SECONDS, name.rpartition("/")[2]) if notes else None


def _voices(score: Any) -> list[Any]:
    """The sung parts; four nameless parts are taken to be sung."""
    parts = list(score.parts)
    sung = [part for part in parts if str(part.partName).lower().startswith(VOICES)]
    nameless = parts if len(parts) == len(VOICES) else []
    return sung if len(sung) >= len(VOICES) else nameless


def _notes(part: Any) -> Iterable[Note]:
    """Notes of a part that sound at one quarter or more."""
    for element in part.flatten().notes:
        start = -int(-element.offset // 1)  # the first quarter at or after it begins
        stop = -int(-(element.offset + element.quarterLength) // 1)
        for pitch in element.pitches:
            if stop > start and LOWEST_MIDI <= pitch.midi <= HIGHEST_MIDI:
                yield Note(pitch.midi, start, stop - start)
