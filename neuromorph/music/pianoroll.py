"""Piano rolls: which of the 88 keys sound in which frame.

A frame is one step of musical time (a quarter note in the chorales).  A piano
roll says what sounds, not what is struck: a note repeated in the next frame is
held over, as in the polyphonic benchmarks of Boulanger-Lewandowski, Bengio and
Vincent (ICML 2012).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuromorph.errors import ScoreError

KEYS = 88
LOWEST_MIDI = 21  # A0
HIGHEST_MIDI = LOWEST_MIDI + KEYS - 1  # C8
FRAME_SECONDS = 0.4  # a quarter note at 150 a minute
MAX_FRAMES = 1_000_000


class Note(NamedTuple):
    """One held note: MIDI number, first frame, length in frames."""

    midi: int
    start_frame: int
    frames: int


@dataclass(frozen=True, eq=False)
class PianoRoll:
    """Which keys sound in which frame.

    Parameters
    ----------
    frames : array, [T, 88], 0 or 1
        Column 0 is MIDI note 21 (A0).  Stored as read-only uint8.
    frame_seconds : float
        Length of a frame in the music [s].
    name : str
        What to call the piece in messages and reports.

    Raises
    ------
    ScoreError
        When the array has another shape, other values than 0 and 1, no frame
        or more than a million, or when the frame length is not positive.
    """

    frames: NDArray[np.uint8]
    frame_seconds: float = FRAME_SECONDS
    name: str = "untitled"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.frame_seconds) and self.frame_seconds > 0):
            raise ScoreError(
                f"frame_seconds = {self.frame_seconds} is not a positive time",
                where=self.name,
                remedy="give seconds, for example 0.4",
            )
        object.__setattr__(self, "frames", _checked_frames(self.frames, self.name))

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.frames)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PianoRoll):
            return NotImplemented
        same_labels = (self.frame_seconds, self.name) == (other.frame_seconds, other.name)
        return same_labels and np.array_equal(self.frames, other.frames)

    def __hash__(self) -> int:
        return hash((self.frames.tobytes(), self.frame_seconds, self.name))

    @property
    def seconds(self) -> float:
        """Length of the piece [s]."""
        return len(self) * self.frame_seconds

    def __getitem__(self, frames: slice) -> PianoRoll:
        """Part of the piece, as a piano roll of its own."""
        return replace(self, frames=self.frames[frames])

    def notes(self) -> tuple[Note, ...]:
        """Held notes, ordered by start and then by pitch."""
        edges = np.diff(np.pad(self.frames, ((1, 1), (0, 0))).astype(np.int8), axis=0)
        keys, starts = np.nonzero(edges.T == 1)
        _, stops = np.nonzero(edges.T == -1)  # same order: key by key, then in time
        order = np.lexsort((keys, starts))
        return tuple(
            Note(int(keys[i]) + LOWEST_MIDI, int(starts[i]), int(stops[i] - starts[i])) for i in order
        )

    def transposed(self, semitones: int) -> PianoRoll:
        """The piece moved up (positive) or down by semitones.

        Raises
        ------
        ScoreError
            When a note would leave the 88 keys.
        """
        lowest, highest = self.compass()
        if lowest + semitones < LOWEST_MIDI or highest + semitones > HIGHEST_MIDI:
            raise ScoreError(
                f"transposing by {semitones} semitones leaves the piano (notes {lowest} to {highest})",
                where=self.name,
                remedy=f"choose {LOWEST_MIDI - lowest} to {HIGHEST_MIDI - highest} semitones",
            )
        # the columns that wrap around are empty: the compass was checked
        return replace(self, frames=np.roll(self.frames, semitones, axis=1))

    def compass(self) -> tuple[int, int]:
        """Lowest and highest MIDI note that sounds; (60, 60) for a silent roll."""
        keys = np.flatnonzero(self.frames.any(axis=0))
        if not len(keys):
            return 60, 60
        return int(keys[0]) + LOWEST_MIDI, int(keys[-1]) + LOWEST_MIDI


def from_notes(
    notes: Iterable[Note],
    frame_seconds: float = FRAME_SECONDS,
    name: str = "untitled",
    length: int | None = None,
) -> PianoRoll:
    """Piano roll of a list of notes.

    Parameters
    ----------
    notes : iterable of Note
        Notes of the same pitch may overlap or touch; they are held over.
    frame_seconds : float
        Length of a frame [s].
    name : str
        Name of the piece.
    length : int, optional
        Number of frames; by default up to the end of the last note.

    Raises
    ------
    ScoreError
        When a note lies outside the piano, before frame 0, after ``length`` or
        has no length, or when there are neither notes nor a length.
    """
    notes = list(notes)
    end = max((note.start_frame + note.frames for note in notes), default=0)
    length = end if length is None else length
    _check_length(length, name)
    frames = np.zeros((length, KEYS), np.uint8)
    for note in notes:
        _check_note(note, length, name)
        frames[note.start_frame : note.start_frame + note.frames, note.midi - LOWEST_MIDI] = 1
    return PianoRoll(frames, frame_seconds, name)


def stack_frames(rolls: Iterable[PianoRoll]) -> NDArray[np.uint8]:
    """Frames of all pieces one after another, [sum of T, 88]."""
    return np.concatenate([np.zeros((0, KEYS), np.uint8), *(roll.frames for roll in rolls)])


def _check_note(note: Note, length: int, name: str) -> None:
    inside = LOWEST_MIDI <= note.midi <= HIGHEST_MIDI
    if not (
        inside and note.start_frame >= 0 and note.frames > 0 and note.start_frame + note.frames <= length
    ):
        raise ScoreError(
            f"{note} does not fit a roll of {length} frames",
            where=name,
            remedy=f"MIDI notes go from {LOWEST_MIDI} to {HIGHEST_MIDI}, frames from 0, lengths from 1",
        )


def _check_length(length: int, name: str) -> None:
    if not 1 <= length <= MAX_FRAMES:
        raise ScoreError(
            f"a piano roll of {length} frames",
            where=name,
            remedy=f"give 1 to {MAX_FRAMES} frames",
        )


def _checked_frames(frames: ArrayLike, name: str) -> NDArray[np.uint8]:
    """Read-only uint8 copy of a 0/1 array [T, 88]."""
    array: NDArray[Any] = np.asarray(frames)
    if array.ndim != 2 or array.shape[1] != KEYS:
        raise ScoreError(
            f"a piano roll of shape {array.shape}",
            where=name,
            remedy=f"give frames x {KEYS} keys, column 0 being MIDI note {LOWEST_MIDI}",
        )
    _check_length(len(array), name)
    if array.dtype.kind not in "buif" or not np.isin(array, (0, 1)).all():
        raise ScoreError("a piano roll with values other than 0 and 1", where=name, remedy="threshold it")
    copy = array.astype(np.uint8)
    copy.flags.writeable = False
    return copy
