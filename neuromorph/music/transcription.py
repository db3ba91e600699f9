"""From sound to a piano roll, by explaining each frame with harmonic tones.

The magnitude spectrum of a frame, ``X`` [bins], is written as a non-negative
sum of 88 fixed harmonic templates, ``X ~ D a``, with ``a`` from the
multiplicative updates for the Kullback-Leibler divergence (D. D. Lee and H. S.
Seung, "Algorithms for non-negative matrix factorization", NIPS 2001; fixed
templates as in P. Smaragdis and J. C. Brown, WASPAA 2003).  A partial that a
lower note already explains then does not count as a note: that is the harmonic
suppression.  An estimate, not a score: repeated notes are held over, and octave
doublings are the usual mistake.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import AudioError
from neuromorph.music.audio import Audio
from neuromorph.music.pianoroll import FRAME_SECONDS, KEYS, PianoRoll
from neuromorph.music.spectrogram import (
    NYQUIST_SHARE,
    Floats,
    causal_frames,
    key_frequencies,
    magnitudes,
    tone_bank,
)

BINS_PER_SEMITONE = 3  # catches tuning and vibrato of a third of a semitone
PARTIALS = 16
# The four numbers below were tuned on the train files of the rendered chorales.
PARTIAL_DECAY = 0.35  # amplitude of each partial over the one before
WINDOW_SHARE = 0.7  # of the frame, at its end: the last note's release has died away
COMPRESSION = 0.5  # power law on the magnitudes, as in the ear
THRESHOLD = 0.5  # of the strongest note of the frame
FLOOR = 0.1  # of the strongest note of the piece
SHORTEST_WINDOW, LONGEST_WINDOW = 0.2, 0.6  # seconds
UPDATES = 40


def transcribe(audio: Audio, frame_seconds: float = FRAME_SECONDS, threshold: float = THRESHOLD) -> PianoRoll:
    """Estimate which keys sound in each frame.

    Parameters
    ----------
    audio : Audio
        The sound; frame 0 starts with it.
    frame_seconds : float
        Length of a frame [s].
    threshold : float
        A note counts when its strength is over this share of the frame's
        strongest note, 0 to 1.

    Returns
    -------
    PianoRoll
        round(seconds / frame_seconds) frames, at least 1.

    Raises
    ------
    AudioError
        When the frame length is not positive or the threshold outside 0 to 1.
    """
    if not 0.0 < threshold < 1.0:
        raise AudioError(f"threshold = {threshold}", remedy="give a share between 0 and 1")
    strength = note_strength(audio, frame_seconds)
    floor = FLOOR * strength.max()
    notes = (strength > threshold * strength.max(axis=1, keepdims=True)) & (strength > floor)
    return PianoRoll(notes, frame_seconds, audio.name)


def note_strength(audio: Audio, frame_seconds: float = FRAME_SECONDS) -> NDArray[np.float64]:
    """Activation of each key's harmonic template, [T, 88], on a compressed scale.

    Raises
    ------
    AudioError
        When the frame length is not positive.
    """
    if not (math.isfinite(frame_seconds) and frame_seconds > 0):
        raise AudioError(f"frame_seconds = {frame_seconds}", remedy="give a positive number of seconds")
    bank = _bank(audio.sample_rate, min(max(WINDOW_SHARE * frame_seconds, SHORTEST_WINDOW), LONGEST_WINDOW))
    spectrum = causal_frames(audio, frame_seconds, len(bank), lambda windows: magnitudes(windows, bank))
    return explained(spectrum.astype(float) ** COMPRESSION, _templates(bank, audio.sample_rate))


def explained(spectrum: NDArray[np.float64], templates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Non-negative activations that minimise the Kullback-Leibler divergence.

    Parameters
    ----------
    spectrum : array, [T, bins]
        What was heard, non-negative.
    templates : array, [bins, notes]
        What each note sounds like, non-negative.

    Returns
    -------
    array, [T, notes]
        After 40 multiplicative updates from an even start.
    """
    tiny = 1e-9
    activations = np.full((len(spectrum), templates.shape[1]), spectrum.mean() + tiny)
    weight = templates.sum(axis=0) + tiny
    for _ in range(UPDATES):
        activations *= (spectrum / (activations @ templates.T + tiny)) @ templates / weight
    return activations


def _bank(sample_rate: int, seconds: float) -> Floats:
    """Filters at three bins a semitone from A0 to near half the sample rate."""
    lowest = key_frequencies(1)[0]
    octaves = math.log2(NYQUIST_SHARE * sample_rate / 2 / lowest)
    bins = np.arange(int(12 * BINS_PER_SEMITONE * octaves)) - BINS_PER_SEMITONE // 2
    frequencies = lowest * 2.0 ** (bins / (12 * BINS_PER_SEMITONE))
    return tone_bank(frequencies, np.full(len(bins), seconds), sample_rate)


def _templates(bank: Floats, sample_rate: int) -> NDArray[np.float64]:
    """What the filters say to each key's harmonic tone, [bins, 88], of unit norm."""
    power = np.zeros((KEYS, bank.shape[1] // 2))
    phase = 2 * np.pi * np.arange(len(bank)) / sample_rate
    for partial in range(1, PARTIALS + 1):
        frequencies = partial * key_frequencies()
        tones = np.cos(np.outer(frequencies, phase)).astype(np.float32)
        tones[frequencies > NYQUIST_SHARE * sample_rate / 2] = 0
        power += (magnitudes(tones, bank) * PARTIAL_DECAY ** (partial - 1)) ** 2
    heard = np.sqrt(power) ** COMPRESSION
    return (heard / np.maximum(np.linalg.norm(heard, axis=1, keepdims=True), 1e-9)).T
