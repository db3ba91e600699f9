"""Spectrograms that could be circuits: causal banks of band-pass filters.

Frame ``t`` looks at the sound that *ended* when the frame ended, never at what
comes next, so that predicting frame ``t + 1`` from frame ``t`` is honest.

The semitone bank has one band a piano key, each a windowed quadrature filter
whose length is 34 periods (a bandwidth of one semitone, after the constant-Q
transform of J. C. Brown, J. Acoust. Soc. Am. 89, 425, 1991), but at most one
musical frame, which blurs the lowest two octaves, and at least two hops, so
that no sound falls between frames.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import AudioError
from neuromorph.music.audio import Audio
from neuromorph.music.pianoroll import FRAME_SECONDS, KEYS, LOWEST_MIDI

HOPS_PER_FRAME = 8
HOP_SECONDS = FRAME_SECONDS / HOPS_PER_FRAME
MEL_BANDS = 32
LOWEST, HIGHEST = 60.0, 3_600.0  # outer corners of the mel bands, Hz
PERIODS_PER_WINDOW = 34.0  # main lobe of a Hann window reaches half the next semitone
NYQUIST_SHARE = 0.95  # bands above this share of half the rate stay dark
POWER_FLOOR = 1e-10  # -100 dB re full scale
CHUNK_FRAMES = 256

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Spectrogram:
    """Band levels in time.

    Parameters
    ----------
    levels : array, [T, bands], float32
        For semitones 0 to 1 (log compressed); for mel bands the natural
        logarithm of the power.
    hop_seconds : float
        Time from frame to frame [s].
    frequencies : array, [bands]
        Centre frequencies [Hz].
    name : str
        Name of the sound.
    """

    levels: Floats
    hop_seconds: float
    frequencies: NDArray[np.float64]
    name: str = "untitled"

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.levels)


def key_frequencies(keys: int = KEYS) -> NDArray[np.float64]:
    """Equal-tempered frequencies of the piano's keys from A0, with A4 = 440 Hz [Hz]."""
    return 440.0 * 2.0 ** ((LOWEST_MIDI - 69 + np.arange(keys)) / 12.0)


def semitone_spectrogram(
    audio: Audio,
    hop_seconds: float = HOP_SECONDS,
    dynamic_range: float = 60.0,
    reference: float | None = None,
    longest_window: float = FRAME_SECONDS,
) -> Spectrogram:
    """Log-compressed level of each of the 88 piano keys.

    ``level = 1 + 20 log10(amplitude / reference) / dynamic_range``, held
    between 0 and 1; a sine of amplitude ``reference`` on a key gives 1.

    Parameters
    ----------
    audio : Audio
        The sound.
    hop_seconds : float
        Time from frame to frame [s].
    dynamic_range : float
        From level 0 to level 1 [dB].
    reference : float, optional
        Amplitude of level 1 in full scale; by default the loudest band of this
        sound.  Give it when the sound is heard piece by piece.
    longest_window : float
        Longest filter [s].

    Returns
    -------
    Spectrogram
        levels [T, 88] with T = round(seconds / hop_seconds), at least 1.

    Raises
    ------
    AudioError
        When a parameter is not positive or a window has over a million samples.
    """
    _check_positive(hop_seconds=hop_seconds, dynamic_range=dynamic_range, longest_window=longest_window)
    frequencies = key_frequencies()
    shortest = min(2 * hop_seconds, longest_window)
    lengths = np.clip(PERIODS_PER_WINDOW / frequencies, shortest, longest_window)
    bank = tone_bank(frequencies, lengths, audio.sample_rate)
    amplitudes = causal_frames(audio, hop_seconds, len(bank), lambda windows: magnitudes(windows, bank))
    reference = float(amplitudes.max()) if reference is None else reference
    floor = 10.0 ** (-dynamic_range / 20.0)
    relative = np.maximum(amplitudes / max(reference, 1e-12), floor)
    levels = np.clip(1.0 + 20.0 * np.log10(relative) / dynamic_range, 0.0, 1.0)
    return Spectrogram(levels.astype(np.float32), hop_seconds, frequencies, audio.name)


def mel_spectrogram(
    audio: Audio,
    bands: int = MEL_BANDS,
    hop_seconds: float = HOP_SECONDS,
    window_seconds: float = 0.1,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
) -> Spectrogram:
    """Natural logarithm of the power in triangular mel bands.

    mel = 2595 log10(1 + f / 700 Hz) (D. O'Shaughnessy, *Speech Communication*,
    1987); powers are floored at -100 dB of full scale.

    Parameters
    ----------
    audio : Audio
        The sound.
    bands : int
        Number of bands.
    hop_seconds, window_seconds : float
        Time from frame to frame and length of the Hann window [s].
    lowest, highest : float
        Outer corners of the lowest and highest triangle [Hz].

    Raises
    ------
    AudioError
        When a parameter is not positive, ``highest`` is not between ``lowest``
        and half the sample rate, or a band is narrower than the window resolves.
    """
    _check_positive(bands=bands, hop_seconds=hop_seconds, window_seconds=window_seconds, lowest=lowest)
    if not lowest < highest <= audio.sample_rate / 2:
        raise AudioError(
            f"mel bands from {lowest:g} to {highest:g} Hz at a sample rate of {audio.sample_rate} Hz",
            remedy="the upper frequency lies above the lower one and at most at half the rate",
        )
    length = round(window_seconds * audio.sample_rate)
    corners = _corners(bands, lowest, highest)
    triangles = _triangles(corners, np.fft.rfftfreq(length, 1.0 / audio.sample_rate))
    powers = causal_frames(
        audio, hop_seconds, length, lambda windows: _hann_power(windows) @ triangles.astype(np.float32)
    )
    levels = np.log(np.maximum(powers, POWER_FLOOR)).astype(np.float32)
    return Spectrogram(levels, hop_seconds, corners[1:-1], audio.name)


def log_mel_frames(audio: Audio, frame_seconds: float = FRAME_SECONDS, bands: int = MEL_BANDS) -> Floats:
    """Log mel levels averaged over each musical frame, for next-frame prediction.

    Parameters
    ----------
    audio : Audio
        The sound, sampled at 7.2 kHz or more.
    frame_seconds : float
        Length of a frame [s].  Each is the mean of windows of about 50 ms that
        lie wholly inside it, so that no frame contains sound of the one before.
    bands : int
        Number of mel bands.

    Returns
    -------
    array, [T, bands], float32
        Natural logarithm of power.  Incomplete frames at the end are left out.

    Raises
    ------
    AudioError
        When the sound is shorter than one frame.
    """
    _check_positive(frame_seconds=frame_seconds)
    hops = max(round(frame_seconds / HOP_SECONDS), 1)
    levels = mel_spectrogram(audio, bands, frame_seconds / hops, frame_seconds / hops).levels
    frames = len(levels) // hops
    if not frames:
        raise AudioError(
            f"lasts {audio.seconds:.3g} s, less than one frame of {frame_seconds:g} s",
            where=audio.name,
            remedy="give a longer sound or a shorter frame",
        )
    return levels[: frames * hops].reshape(frames, hops, bands).mean(axis=1)


def tone_bank(frequencies: NDArray[np.float64], seconds: NDArray[np.float64], sample_rate: int) -> Floats:
    """Quadrature filters that give a sine of amplitude 1 the magnitude 1.

    Parameters
    ----------
    frequencies, seconds : array, [bands]
        Centre frequencies [Hz] and lengths [s] of the Hann windows, which all
        end with the last sample.
    sample_rate : int
        [Hz]

    Returns
    -------
    array, [samples, 2 * bands], float32
        Cosine filters, then sine filters.
    """
    lengths = np.maximum(np.rint(seconds * sample_rate).astype(int), 2)
    longest = int(lengths.max())
    _check_window(longest)
    bank = np.zeros((longest, 2 * len(frequencies)), np.float32)
    for band, (frequency, length) in enumerate(zip(frequencies, lengths, strict=True)):
        if frequency <= NYQUIST_SHARE * sample_rate / 2:
            window = np.hanning(length + 2)[1:-1]
            phase = 2 * np.pi * frequency * np.arange(length) / sample_rate
            bank[longest - length :, band] = 2 * window / window.sum() * np.cos(phase)
            bank[longest - length :, len(frequencies) + band] = 2 * window / window.sum() * np.sin(phase)
    return bank


def magnitudes(windows: Floats, bank: Floats) -> Floats:
    """Amplitude of each band, [T, bands], for windows [T, samples] and a :func:`tone_bank`."""
    in_phase, quadrature = np.split(windows @ bank, 2, axis=1)
    return np.hypot(in_phase, quadrature)


def causal_frames(
    audio: Audio, hop_seconds: float, window: int, analyse: Callable[[Floats], Floats]
) -> Floats:
    """Apply ``analyse`` to the samples that end with each frame, a chunk at a time.

    Parameters
    ----------
    audio : Audio
        The sound; silence is assumed before it and after it.
    hop_seconds : float
        Length of a frame [s].
    window : int
        Samples each analysis sees.
    analyse : callable
        From windows [n, window] to values [n, bands].

    Returns
    -------
    array, [T, bands], float32
        T = round(seconds / hop_seconds), at least 1.
    """
    _check_window(window)
    frames = max(math.floor(audio.seconds / hop_seconds + 0.5), 1)
    ends = np.rint(np.arange(1, frames + 1) * hop_seconds * audio.sample_rate).astype(int)
    padded = np.pad(audio.samples, (window, max(int(ends[-1]) - len(audio.samples), 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, window)
    chunks = [analyse(windows[ends[i : i + CHUNK_FRAMES]]) for i in range(0, frames, CHUNK_FRAMES)]
    return np.concatenate(chunks).astype(np.float32)


def mel_frequencies(bands: int = MEL_BANDS) -> NDArray[np.float64]:
    """Centres of the mel bands [Hz]."""
    return _corners(bands, LOWEST, HIGHEST)[1:-1]


def _corners(bands: int, lowest: float, highest: float) -> NDArray[np.float64]:
    return _from_mel(np.linspace(_to_mel(lowest), _to_mel(highest), bands + 2))


def _to_mel(frequency: float) -> float:
    return 2595.0 * math.log10(1.0 + frequency / 700.0)


def _from_mel(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


def _triangles(corners: NDArray[Any], bins: NDArray[Any]) -> NDArray[Any]:
    """Triangular weights [bins, bands] between neighbouring corners [bands + 2]."""
    rising = (bins[:, None] - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins[:, None]) / (corners[2:] - corners[1:-1])
    weights = np.maximum(np.minimum(rising, falling), 0.0)
    if not weights.any(axis=0).all():
        raise AudioError(
            f"{len(corners) - 2} mel bands are too narrow for the window",
            remedy="take fewer bands or a longer window",
        )
    return weights


def _hann_power(windows: Floats) -> Floats:
    """Power spectra [T, bins] of Hann-windowed samples; a sine of amplitude 1 peaks at 1."""
    taper = np.hanning(windows.shape[1] + 2)[1:-1]
    spectrum = np.fft.rfft(windows * (2.0 * taper / taper.sum()).astype(np.float32), axis=1)
    return (np.abs(spectrum) ** 2).astype(np.float32)


def _check_window(samples: int) -> None:
    if not 2 <= samples <= 1_000_000:
        raise AudioError(
            f"a window of {samples} samples", remedy="choose windows and frames of 2 to 1000000 samples"
        )


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise AudioError(f"{name} = {value}", remedy="give a positive number")
