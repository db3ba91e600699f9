"""Piano rolls to sound, with a General MIDI soundfont."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import ScoreError
from neuromorph.music.audio import Audio
from neuromorph.music.libraries import library_folder, needs
from neuromorph.music.midi import check_sound
from neuromorph.music.pianoroll import PianoRoll

RENDER_RATE = 44_100
PEAK = 0.7
TAIL_SECONDS = 0.5  # after the last frame, for the release
FADE_IN_SECONDS, FADE_OUT_SECONDS = 0.002, 0.25
TICKS_PER_SECOND = 20_000  # 10,000 a quarter note at MIDI's default of 120 a minute
MAX_RENDER_SECONDS = 1_800.0
SOUNDLESS_DRUM = 0  # a drum key without a sample keeps the synthesizer running through the tail


def render(roll: PianoRoll, program: int = 19, velocity: int = 90, sample_rate: int = RENDER_RATE) -> Audio:
    """Play a piano roll on a General MIDI instrument.

    The soundfont is TimGM6mb (Tim Brechbill, GPL-2), which the package
    pretty_midi brings along; the synthesizer is symusic's.

    Parameters
    ----------
    roll : PianoRoll
        What to play.
    program : int
        General MIDI instrument counted from 0; 19 is church organ.
    velocity : int
        Loudness of each note, 1 to 127.
    sample_rate : int
        [Hz]

    Returns
    -------
    Audio
        Mono, half a second longer than the roll, peak 0.7 of full scale, faded
        in and out.

    Raises
    ------
    ScoreError
        When the roll has no notes, lasts over half an hour, or a number is out
        of range.
    """
    check_sound(roll, program, velocity)
    if roll.seconds > MAX_RENDER_SECONDS:
        raise ScoreError(
            f"lasts {roll.seconds / 60:.0f} minutes, over the limit of {MAX_RENDER_SECONDS / 60:.0f}",
            where=roll.name,
            remedy="render a part of it: roll[:frames]",
        )
    synthesizer = needs("symusic").Synthesizer(str(soundfont()), sample_rate, 0)
    stereo = np.asarray(synthesizer.render(_score(roll, program, velocity), True), np.float32)
    length = round((roll.seconds + TAIL_SECONDS) * sample_rate)
    mono = _fitted(stereo.mean(axis=0), length)
    return Audio(_finished(mono, sample_rate, roll), sample_rate, {"path": roll.name, "program": program})


def soundfont() -> str:
    """Path of the soundfont.

    Raises
    ------
    ScoreError
        When it is missing.
    """
    path = library_folder("pretty_midi") / "TimGM6mb.sf2"
    if not path.is_file():
        raise ScoreError("the soundfont is missing", where=path, remedy="reinstall pretty_midi")
    return str(path)


def _score(roll: PianoRoll, program: int, velocity: int) -> Any:
    """The roll as symusic's score, followed by a soundless note through the tail."""
    symusic = needs("symusic")

    def tick(frame: int) -> int:
        return round(frame * roll.frame_seconds * TICKS_PER_SECOND)

    score = symusic.Score(TICKS_PER_SECOND // 2)
    music = symusic.Track(roll.name, program, False)
    for note in roll.notes():
        start, stop = tick(note.start_frame), tick(note.start_frame + note.frames)
        music.notes.append(symusic.Note(start, max(stop - start, 1), note.midi, velocity))
    tail = symusic.Track("tail", 0, True)
    tail.notes.append(
        symusic.Note(tick(len(roll)), round(TAIL_SECONDS * TICKS_PER_SECOND), SOUNDLESS_DRUM, 1)
    )
    score.tracks.append(music)
    score.tracks.append(tail)
    return score


def _fitted(mono: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Exactly ``length`` samples: cut, or filled with silence."""
    return np.pad(mono[:length], (0, max(length - len(mono), 0)))


def _finished(mono: NDArray[np.float32], sample_rate: int, roll: PianoRoll) -> NDArray[np.float32]:
    """Faded at both ends and scaled to the peak."""
    faded = mono * _fades(len(mono), sample_rate)
    peak = float(np.abs(faded).max())
    if peak == 0.0:
        raise ScoreError(
            "the instrument gives no sound for these notes", where=roll.name, remedy="choose another program"
        )
    return (faded * (PEAK / peak)).astype(np.float32)


def _fades(length: int, sample_rate: int) -> NDArray[np.float64]:
    """Raised-cosine ramps at both ends and 1 between."""
    times = np.arange(length) / sample_rate
    rise = np.minimum(times / FADE_IN_SECONDS, 1.0)
    fall = np.minimum((times[-1] - times) / FADE_OUT_SECONDS, 1.0)
    return 0.25 * (1 - np.cos(np.pi * rise)) * (1 - np.cos(np.pi * fall))
