"""MIDI files to piano rolls and back."""

from __future__ import annotations

import math
import os
from collections import defaultdict, deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from neuromorph.errors import ScoreError
from neuromorph.music.files import atomic_path, checked_size
from neuromorph.music.libraries import needs
from neuromorph.music.pianoroll import HIGHEST_MIDI, LOWEST_MIDI, MAX_FRAMES, Note, PianoRoll, from_notes

if TYPE_CHECKING:
    import mido

MIDI_SUFFIXES = (".mid", ".midi")
MAX_MIDI_BYTES = 16 * 2**20
DRUM_CHANNEL = 9  # General MIDI's channel 10, counted from 0
MICROSECONDS_PER_QUARTER = 500_000  # a MIDI file's tempo until it says otherwise
TICKS_PER_FRAME = 480
PROGRAM = 20  # reed organ: it sustains, and sounds at the written pitch


class _Span(NamedTuple):
    """A sounding note between two ticks."""

    midi: int
    start: int
    stop: int


def read_midi(
    path: str | os.PathLike[str], frame_seconds: float | None = None, frames_per_quarter: float = 1.0
) -> PianoRoll:
    """Piano roll of a MIDI file, on a grid of seconds or of quarter notes.

    A note fills the frames between its rounded start and end, and at least
    one.  Drums (channel 10) and notes outside the 88 keys are left out.

    Parameters
    ----------
    path : path
        A standard MIDI file of type 0, 1 or 2.
    frame_seconds : float, optional
        Frame length [s] for a grid of seconds that follows the tempo changes.
        By default the grid is one of quarter notes.
    frames_per_quarter : float
        Frames in a quarter note on the grid of quarter notes; the roll's
        ``frame_seconds`` is then the one of the first tempo.

    Raises
    ------
    ScoreError
        When the file is missing, empty, not MIDI, cut short, too long, or has
        no notes.
    """
    if frame_seconds is not None:
        _check_positive("frame_seconds", frame_seconds)
    _check_positive("frames_per_quarter", frames_per_quarter)
    path = Path(path)
    file = _parse(path)
    spans = [span for track in file.tracks for span in _spans(track)]
    if not spans:
        raise ScoreError("has no notes on the 88 keys", where=path, remedy="give a MIDI file with notes")
    tempi = _tempi(file)
    if frame_seconds is None:
        clock = _Clock([(0, 1.0)], file.ticks_per_beat / frames_per_quarter)
        frame_seconds = _seconds_per_quarter(tempi, min(span.start for span in spans)) / frames_per_quarter
    else:
        clock = _Clock(tempi, file.ticks_per_beat * 1e6 * frame_seconds)
    return from_notes(_quantised(spans, clock, path), frame_seconds, path.stem)


def write_midi(
    roll: PianoRoll,
    path: str | os.PathLike[str],
    tempo: float | None = None,
    program: int = PROGRAM,
    velocity: int = 90,
) -> Path:
    """Write a piano roll as a MIDI file, one frame a quarter note.

    Parameters
    ----------
    roll : PianoRoll
        What to write; rests at the end are kept by the end-of-track time.
    path : path
        Where to; replaced in one step.
    tempo : float, optional
        Quarter notes (frames) per minute; by default those of the roll.
    program, velocity : int
        General MIDI instrument counted from 0 (20 is reed organ) and
        loudness, 1 to 127.

    Raises
    ------
    ScoreError
        When the roll has no notes, a number is out of range, or the file
        cannot be written.
    """
    mido = needs("mido")
    tempo = 60.0 / roll.frame_seconds if tempo is None else tempo
    _check_positive("tempo", tempo)
    check_sound(roll, program, velocity)
    microseconds = min(max(round(60e6 / tempo), 1), 2**24 - 1)
    file = mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_FRAME)
    track = mido.MidiTrack(
        [
            mido.MetaMessage("set_tempo", tempo=microseconds),
            mido.Message("program_change", program=program),
        ]
    )
    track.extend(_messages(roll, velocity))
    file.tracks.append(track)
    with atomic_path(path, ScoreError) as partial:
        file.save(partial)
    return Path(path)


def check_sound(roll: PianoRoll, program: int, velocity: int) -> None:
    """Refuse a roll without notes and numbers outside MIDI's range.

    Raises
    ------
    ScoreError
        In those cases.
    """
    if not roll.frames.any():
        raise ScoreError(
            "a piano roll without notes", where=roll.name, remedy="give one in which notes sound"
        )
    for name, value, lowest in (("program", program, 0), ("velocity", velocity, 1)):
        if not lowest <= value <= 127:
            raise ScoreError(f"{name} = {value}", where=roll.name, remedy=f"allowed are {lowest} to 127")


def _parse(path: Path) -> mido.MidiFile:
    """The file as mido reads it."""
    mido = needs("mido")
    checked_size(path, MAX_MIDI_BYTES, ScoreError)
    try:
        file = mido.MidiFile(path, clip=True)
    # what mido raises on broken bytes
    except (OSError, EOFError, ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        reason = str(error) or type(error).__name__
        raise ScoreError(
            f"is not a complete MIDI file ({reason})", where=path, remedy="export it again as .mid"
        ) from error
    if file.ticks_per_beat <= 0 or file.ticks_per_beat >= 2**15:
        raise ScoreError("counts time in video frames (SMPTE)", where=path, remedy="export it with beats")
    return file


def _spans(track: mido.MidiTrack) -> Iterator[_Span]:
    """Sounding notes of one track; a note never released lasts to the track's end."""
    open_notes: defaultdict[tuple[int, int], deque[int]] = defaultdict(deque)
    tick = 0
    for message in track:
        tick += message.time
        if message.type not in ("note_on", "note_off") or message.channel == DRUM_CHANNEL:
            continue
        if not LOWEST_MIDI <= message.note <= HIGHEST_MIDI:
            continue
        starts = open_notes[message.channel, message.note]
        if message.type == "note_on" and message.velocity > 0:
            starts.append(tick)
        elif starts:
            yield _Span(message.note, starts.popleft(), tick)
    for (_, midi), starts in open_notes.items():
        for start in starts:
            yield _Span(midi, start, tick)


def _tempi(file: mido.MidiFile) -> list[tuple[int, float]]:
    """Tempo changes of all tracks as (tick, microseconds per quarter), in order."""
    changes = [(0, float(MICROSECONDS_PER_QUARTER))]
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "set_tempo" and message.tempo > 0:
                changes.append((tick, float(message.tempo)))
    return sorted(changes, key=lambda change: change[0])


def _seconds_per_quarter(tempi: list[tuple[int, float]], tick: int) -> float:
    """Tempo in force at a tick [s per quarter note]."""
    return [tempo for start, tempo in tempi if start <= tick][-1] * 1e-6


class _Clock:
    """Frame position of a tick: the sum of ticks times their rate, over one frame's worth."""

    def __init__(self, rates: list[tuple[int, float]], frame: float) -> None:
        self._rates, self._frame = rates, frame

    def position(self, tick: int) -> float:
        """Where a tick lies [frames]."""
        total = 0.0
        stops = [start for start, _ in self._rates[1:]] + [tick]
        for (start, rate), stop in zip(self._rates, stops, strict=True):
            total += rate * max(min(stop, tick) - start, 0)
        return total / self._frame


def _quantised(spans: list[_Span], clock: _Clock, path: Path) -> Iterator[Note]:
    """Notes on the frame grid, each at least one frame long."""
    ticks = sorted({tick for span in spans for tick in (span.start, span.stop)})
    if clock.position(ticks[-1]) > MAX_FRAMES:
        raise ScoreError(
            f"lasts {clock.position(ticks[-1]):.3g} frames, over the limit of {MAX_FRAMES}",
            where=path,
            remedy="choose longer frames or cut the file",
        )
    frame = {tick: math.floor(clock.position(tick) + 0.5) for tick in ticks}
    for span in spans:
        start = frame[span.start]
        yield Note(span.midi, start, max(frame[span.stop] - start, 1))


def _messages(roll: PianoRoll, velocity: int) -> Iterator[mido.Message | mido.MetaMessage]:
    """Note messages with their waiting times, ends before starts at the same tick."""
    mido = needs("mido")
    events = []
    for note in roll.notes():
        events.append((note.start_frame, 1, note.midi))
        events.append((note.start_frame + note.frames, 0, note.midi))
    last = 0
    for frame, is_start, midi in sorted(events):
        kind = "note_on" if is_start else "note_off"
        loudness = velocity if is_start else 0
        yield mido.Message(kind, note=midi, velocity=loudness, time=(frame - last) * TICKS_PER_FRAME)
        last = frame
    yield mido.MetaMessage("end_of_track", time=(len(roll) - last) * TICKS_PER_FRAME)


def _check_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ScoreError(f"{name} = {value}", remedy="give a positive number")
