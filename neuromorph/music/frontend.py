"""The acoustic front end: sound to mel band levels to thermometer lines, and back.

A frame's levels are natural logarithms of band power (:func:`~neuromorph.music.spectrogram.log_mel_frames`).  With gain
control their loudness is taken out: from each frame the mean level of the bands, averaged by a leaky integrator that
looks back only, is subtracted (an automatic gain control in front of the filter bank does the same).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import InputError
from neuromorph.music.audio import Audio
from neuromorph.music.levels import LevelCode, fit_levels
from neuromorph.music.pianoroll import FRAME_SECONDS
from neuromorph.music.spectrogram import MEL_BANDS, log_mel_frames, mel_frequencies

QUIET = -16.0  # mean level (natural log of power, -70 dB) below which gain control no longer amplifies


@dataclass(frozen=True, eq=False)
class FrontEnd:
    """How a network hears.

    Parameters
    ----------
    frame_seconds : float
        Length of a frame of music [s].
    bands : int
        Mel bands from 60 Hz to 3.6 kHz.
    gain_seconds : float
        Time constant of the gain control [s]; 0 leaves loudness in.
    code : LevelCode, optional
        Thresholds of the lines; see :meth:`fitted`.

    Raises
    ------
    InputError
        When a number is not positive or the code has other bands.
    """

    frame_seconds: float = FRAME_SECONDS
    bands: int = MEL_BANDS
    gain_seconds: float = 0.0
    code: LevelCode | None = None

    def __post_init__(self) -> None:
        right = self.frame_seconds > 0 and self.bands > 0 and 0 <= self.gain_seconds < np.inf
        if not right or (self.code is not None and len(self.code.edges) != self.bands):
            raise InputError(
                f"a front end of {self.bands} bands, frames of {self.frame_seconds:g} s and gain control of "
                f"{self.gain_seconds:g} s",
                remedy="give positive numbers (gain control may be 0) and a code of as many bands",
            )

    @property
    def frequencies(self) -> NDArray[np.float64]:
        """Centres of the bands [Hz]."""
        return mel_frequencies(self.bands)

    @property
    def lines_count(self) -> int:
        """Number of lines into the network."""
        return self._code.lines

    def levels(self, audio: Audio) -> NDArray[np.float64]:
        """Band levels [T, bands] of a sound, natural logarithm of power."""
        return self.controlled(log_mel_frames(audio, self.frame_seconds, self.bands).astype(float))

    def controlled(self, levels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Levels [T, bands] after gain control."""
        if not self.gain_seconds:
            return levels
        keep = float(np.exp(-self.frame_seconds / self.gain_seconds))
        loudness = np.maximum(levels.mean(axis=1), QUIET)
        average = np.empty(len(levels))
        now = loudness[0]
        for t, value in enumerate(loudness):
            now = keep * now + (1 - keep) * value
            average[t] = now
        return levels - average[:, None]

    def fitted(self, pieces: Sequence[NDArray[Any]], count: int) -> FrontEnd:
        """This front end with ``count`` thresholds a band, from the levels of ``pieces`` [T, bands]."""
        return replace(self, code=fit_levels(pieces, count))

    def lines(self, levels: NDArray[Any]) -> NDArray[np.float32]:
        """Lines [T, bands * count], 0 or 1, of levels [T, bands]."""
        return self._code.encode(levels)

    def expected(self, probabilities: NDArray[Any]) -> NDArray[np.float64]:
        """Levels [T, bands] of line probabilities or of lines [T, bands * count]."""
        return self._code.decode(probabilities)

    @property
    def _code(self) -> LevelCode:
        if self.code is None:
            raise InputError("the front end has no thresholds yet", remedy="fit it to sounds first")
        return self.code

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        code = self.code.to_dict() if self.code else None
        return {
            "frame_seconds": self.frame_seconds, "bands": self.bands, "gain_seconds": self.gain_seconds, "code": code,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FrontEnd:
        """Inverse of :meth:`to_dict`."""
        code = values.get("code")
        return cls(**{**values, "code": LevelCode.from_dict(code) if code else None})
