"""Piano rolls to sound, with a General MIDI soundfont.

The player is ours: symusic 0.5.9 transposes many instruments of this soundfont
(the piano by 13 semitones), its later versions do not render, and the others
need system libraries.
"""

from __future__ import annotations

import math
import os
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import ScoreError
from neuromorph.music.audio import Audio
from neuromorph.music.libraries import library_folder
from neuromorph.music.midi import PROGRAM, check_sound
from neuromorph.music.pianoroll import PianoRoll
from neuromorph.music.soundfont import SoundFont, Voice

RENDER_RATE = 44_100
PEAK = 0.7
TAIL_SECONDS = 0.5  # after the last frame, for the release
FADE_IN_SECONDS, FADE_OUT_SECONDS = 0.002, 0.25
MAX_RENDER_SECONDS = 1_800.0
ENVELOPE_RANGE = 100.0  # dB, over which decay and release times are counted

Samples = NDArray[np.float64]


def render(
    roll: PianoRoll,
    program: int = PROGRAM,
    velocity: int = 90,
    sample_rate: int = RENDER_RATE,
    soundfont: str | os.PathLike[str] | None = None,
) -> Audio:
    """Play a piano roll on a General MIDI instrument.

    Parameters
    ----------
    roll : PianoRoll
        What to play.
    program : int
        General MIDI instrument counted from 0; 20 is reed organ.  The other
        organs of the bundled soundfont (16 to 19) add a 16-foot stop, an octave
        below what is written.
    velocity : int
        Which samples are chosen, 1 to 127; the level is normalised.
    sample_rate : int
        [Hz]
    soundfont : path, optional
        A SoundFont 2 file; by default TimGM6mb (Tim Brechbill, GPL-2), which
        the package pretty_midi brings along.

    Returns
    -------
    Audio
        Mono, half a second longer than the roll, peak 0.7 of full scale, faded
        in and out.

    Raises
    ------
    ScoreError
        When the roll has no notes, lasts over half an hour, a number is out of
        range, or the soundfont cannot be used.
    """
    check_sound(roll, program, velocity)
    if roll.seconds > MAX_RENDER_SECONDS:
        raise ScoreError(
            f"lasts {roll.seconds / 60:.0f} minutes, over the limit of {MAX_RENDER_SECONDS / 60:.0f}",
            where=roll.name,
            remedy="render a part of it: roll[:frames]",
        )
    font = SoundFont(bundled_soundfont() if soundfont is None else soundfont)
    mono = _mixed(roll, partial(font.voices, program, velocity=velocity), sample_rate)
    return Audio(_finished(mono, sample_rate, roll), sample_rate, {"path": roll.name, "program": program})


def bundled_soundfont() -> Path:
    """Path of TimGM6mb.sf2.

    Raises
    ------
    InputError
        When pretty_midi is not installed.
    """
    return library_folder("pretty_midi") / "TimGM6mb.sf2"


def play(voice: Voice, seconds: float, sample_rate: int) -> Samples:
    """One key held for ``seconds`` and released, linearly interpolated, [N]."""
    times = np.arange(round((seconds + min(voice.release, TAIL_SECONDS)) * sample_rate)) / sample_rate
    position = times * voice.rate
    if voice.loop:
        start, stop = voice.loop
        position = np.where(position < stop, position, start + (position - start) % (stop - start))
    heard = np.interp(position, np.arange(len(voice.samples)), voice.samples, right=0.0)
    return heard * voice.gain * envelope(voice, times, seconds)


def envelope(voice: Voice, times: Samples, released: float) -> Samples:
    """Amplitude of a voice released at a time [s]: linear attack, then straight lines in dB."""
    fallen = np.clip((times - voice.attack - voice.hold) / voice.decay * ENVELOPE_RANGE, 0.0, voice.sustain)
    fallen += np.maximum(times - released, 0.0) / voice.release * ENVELOPE_RANGE
    return np.minimum(times / voice.attack, 1.0) * 10.0 ** (-fallen / 20.0)


def _mixed(roll: PianoRoll, voices_of: partial[list[Voice]], sample_rate: int) -> Samples:
    """All notes of the roll, and the tail, [N]."""
    mono = np.zeros(round((roll.seconds + TAIL_SECONDS) * sample_rate))
    for note in roll.notes():
        start = round(note.start_frame * roll.frame_seconds * sample_rate)
        for voice in voices_of(key=note.midi):
            if len(voice.samples):
                sound = play(voice, note.frames * roll.frame_seconds, sample_rate)
                mono[start : start + len(sound)] += sound[: len(mono) - start]
    return mono


def _finished(mono: Samples, sample_rate: int, roll: PianoRoll) -> NDArray[np.float32]:
    """Faded at both ends and scaled to the peak."""
    faded = mono * _fades(len(mono), sample_rate)
    peak = float(np.abs(faded).max())
    if not (math.isfinite(peak) and peak > 0.0):
        raise ScoreError(
            "the instrument gives no sound for these notes", where=roll.name, remedy="choose another program"
        )
    return (faded * (PEAK / peak)).astype(np.float32)


def _fades(length: int, sample_rate: int) -> Samples:
    """Raised-cosine ramps at both ends and 1 between."""
    times = np.arange(length) / sample_rate
    rise = np.minimum(times / FADE_IN_SECONDS, 1.0)
    fall = np.minimum((times[-1] - times) / FADE_OUT_SECONDS, 1.0)
    return 0.25 * (1 - np.cos(np.pi * rise)) * (1 - np.cos(np.pi * fall))
