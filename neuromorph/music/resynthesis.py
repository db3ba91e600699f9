"""Band levels back to sound: a sine a band, at the equal-tempered pitch next to its centre.

Phases are lost in a spectrogram, and pitch inside a band is, too; what is kept is how the loudness of every band goes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import AudioError
from neuromorph.music.audio import SAMPLE_RATE, Audio

PEAK = 0.7
FADE_SECONDS = 0.05
A4 = 440.0
LONGEST_SECONDS = 1_800.0


def resynthesize(
    levels: NDArray[np.float64],
    frequencies: NDArray[np.float64],
    frame_seconds: float,
    sample_rate: int = SAMPLE_RATE,
) -> Audio:
    """Sound of band levels.

    Parameters
    ----------
    levels : array, [T, bands]
        Natural logarithm of power, as :func:`~neuromorph.music.spectrogram.log_mel_frames` gives it.
    frequencies : array, [bands]
        Centres of the bands [Hz].
    frame_seconds : float
        Length of a frame [s]; amplitudes go linearly from the middle of one to the middle of the next.
    sample_rate : int
        [Hz]

    Returns
    -------
    Audio
        ``T * frame_seconds`` long, peak 0.7 of full scale, faded in and out.

    Raises
    ------
    AudioError
        When there are no levels, one is not finite, or the sound would last over half an hour.
    """
    levels = np.asarray(levels, float)
    if (
        levels.ndim != 2
        or not len(levels)
        or levels.shape[1] != len(frequencies)
        or not np.isfinite(levels).all()
    ):
        raise AudioError(
            f"levels of shape {levels.shape} for {len(frequencies)} bands",
            remedy="give finite levels [T, bands]",
        )
    seconds = len(levels) * frame_seconds
    if seconds > LONGEST_SECONDS:
        raise AudioError(f"{seconds / 60:.0f} minutes of sound", remedy="give at most 30 minutes")
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    middles = (np.arange(len(levels)) + 0.5) * frame_seconds
    amplitudes = np.exp(levels / 2.0)
    mono = np.zeros(len(times))
    phases = np.random.default_rng(0).uniform(0.0, 2 * np.pi, len(frequencies))
    for band, frequency in enumerate(_tempered(frequencies)):
        envelope = np.interp(times, middles, amplitudes[:, band])
        mono += envelope * np.sin(2 * np.pi * frequency * times + phases[band])
    mono *= np.clip(np.minimum(times, times[-1] - times) / FADE_SECONDS, 0.0, 1.0)
    peak = float(np.abs(mono).max())
    return Audio((mono * (PEAK / max(peak, 1e-12))).astype(np.float32), sample_rate)


def _tempered(frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest equal-tempered pitches [Hz]."""
    return A4 * 2.0 ** (np.round(12.0 * np.log2(np.asarray(frequencies) / A4)) / 12.0)
