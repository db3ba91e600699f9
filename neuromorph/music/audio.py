"""Sound files in and out: mono float32 samples at one rate."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import AudioError
from neuromorph.music.files import atomic_path, checked_size
from neuromorph.music.libraries import needs

SAMPLE_RATE = 16_000
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
MAX_FILE_BYTES = 2 * 2**30
MAX_SAMPLES = 3 * 10**8  # over all channels: 1.2 GB as float32
SILENCE = 1e-4  # -80 dBFS
FULL_SCALE = 0.999
CLIPPED_RUN = 3


@dataclass(frozen=True, eq=False)
class Audio:
    """Mono sound.

    Parameters
    ----------
    samples : array, [N], float32
        Sound pressure in full scale, nominally -1 to 1.
    sample_rate : int
        Samples per second [Hz].
    source : dict
        Where it comes from: path, format, original rate [Hz], channels and
        whether it was ``clipped``.

    Raises
    ------
    AudioError
        When there are no samples, one is not finite, the array is not mono, or
        the rate is not positive.
    """

    samples: NDArray[np.float32]
    sample_rate: int = SAMPLE_RATE
    source: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        samples = np.ascontiguousarray(self.samples, np.float32)
        if samples.ndim != 1 or not samples.size:
            raise AudioError(f"samples of shape {samples.shape}", remedy="give a non-empty mono array")
        if not np.isfinite(samples).all():
            raise AudioError("samples that are not finite (NaN or infinite)", remedy="export the sound again")
        _check_rate(self.sample_rate)
        object.__setattr__(self, "samples", samples)

    @property
    def name(self) -> str:
        """What to call the sound: the file's name without its suffix."""
        return Path(self.source["path"]).stem if "path" in self.source else "untitled"

    @property
    def seconds(self) -> float:
        """Duration [s]."""
        return len(self.samples) / self.sample_rate


def read_audio(
    path: str | os.PathLike[str], sample_rate: int = SAMPLE_RATE, min_seconds: float = 0.05
) -> Audio:
    """Read a WAV, FLAC, OGG or MP3 file of any rate and channel count as mono.

    Channels are averaged; where they cancel, the loudest one is taken.  Clipped
    sound is accepted and ``source["clipped"]`` says so.

    Parameters
    ----------
    path : path
        The sound file.
    sample_rate : int
        Rate to resample to [Hz].
    min_seconds : float
        Shortest sound accepted [s].

    Raises
    ------
    AudioError
        When the file is missing, empty, no sound file, cut short so that it
        cannot be decoded, too large, too short, silent, or holds NaN.
    """
    _check_rate(sample_rate)
    path = Path(path)
    checked_size(path, MAX_FILE_BYTES, AudioError)
    channels, rate, kind = _decode(path)
    _check_sound(channels, rate, min_seconds, path)
    mono = _mixed(channels)
    source = {
        "path": str(path),
        "format": kind,
        "sample_rate": rate,
        "channels": channels.shape[1],
        "clipped": is_clipped(channels),
    }
    return Audio(_resampled(mono, rate, sample_rate), sample_rate, source)


def write_wav(audio: Audio, path: str | os.PathLike[str]) -> Path:
    """Write 16-bit WAV in one step; nothing is clipped silently.

    Raises
    ------
    AudioError
        When a sample is beyond full scale or the file cannot be written.
    """
    soundfile = needs("soundfile")
    peak = float(np.abs(audio.samples).max())
    if peak > 1.0:
        raise AudioError(
            f"peak {peak:.3g} is beyond full scale", where=path, remedy="scale the samples to at most 1"
        )
    with atomic_path(path, AudioError) as partial:
        soundfile.write(partial, audio.samples, audio.sample_rate, subtype="PCM_16", format="WAV")
    return Path(path)


def is_clipped(samples: NDArray[np.float32]) -> bool:
    """Whether three or more consecutive samples of a channel sit at full scale.

    Parameters
    ----------
    samples : array, [N] or [N, channels]
        Sound in full scale.
    """
    full = np.abs(samples) >= FULL_SCALE
    runs = full[CLIPPED_RUN - 1 :].copy()
    for shift in range(CLIPPED_RUN - 1):
        runs &= full[shift : len(full) - CLIPPED_RUN + 1 + shift]
    return bool(runs.any())


def _decode(path: Path) -> tuple[NDArray[np.float32], int, str]:
    """Samples [N, channels], rate [Hz] and format name."""
    soundfile = needs("soundfile")
    try:
        with soundfile.SoundFile(path) as file:
            if file.frames * file.channels > MAX_SAMPLES:
                raise AudioError(
                    f"lasts {file.frames / file.samplerate / 60:.0f} minutes, too long to hold in memory",
                    where=path,
                    remedy="cut it into shorter files",
                )
            return file.read(dtype="float32", always_2d=True), file.samplerate, file.format
    except (soundfile.SoundFileError, TypeError, ValueError, RuntimeError, OSError, MemoryError) as error:
        reason = str(error).rpartition(": ")[2] or type(error).__name__
        raise AudioError(
            f"cannot be decoded as sound ({reason.rstrip('.')})",
            where=path,
            remedy="give a complete WAV, FLAC, OGG or MP3 file",
        ) from error


def _check_sound(channels: NDArray[np.float32], rate: int, min_seconds: float, path: Path) -> None:
    if len(channels) < max(min_seconds * rate, 1):
        raise AudioError(
            f"{len(channels)} samples at {rate} Hz are too few",
            where=path,
            remedy=f"give a sound of {min_seconds:g} s or more",
        )
    if not np.isfinite(channels).all():
        raise AudioError("holds samples that are NaN or infinite", where=path, remedy="export it again")
    if np.abs(channels - channels.mean(axis=0)).max() < SILENCE:
        raise AudioError(
            f"is silent (no sample beyond {SILENCE:g} of full scale)", where=path, remedy="give audible sound"
        )


def _mixed(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average of the channels, or the loudest where the average cancels."""
    mono = channels.mean(axis=1)
    if np.abs(mono - mono.mean()).max() >= SILENCE:
        return mono
    return channels[:, int(np.argmax(channels.std(axis=0)))]


def _resampled(mono: NDArray[np.float32], rate: int, sample_rate: int) -> NDArray[np.float32]:
    if rate == sample_rate:
        return mono
    return needs("soxr").resample(mono, rate, sample_rate).astype(np.float32)


def _check_rate(sample_rate: int) -> None:
    if not 1_000 <= sample_rate <= 1_000_000:
        raise AudioError(f"sample_rate = {sample_rate} Hz", remedy="allowed are 1000 to 1000000 Hz")
