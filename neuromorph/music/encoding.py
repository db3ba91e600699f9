"""Levels to spikes: every line fires at fixed, evenly spaced moments of the frame.

Line ``k`` has ``n`` slots a frame at the ticks

    floor((i + phase_k) ticks / n),    i = 0 .. n - 1,

and a threshold for each.  It spikes in the slots whose threshold its level
exceeds.  Thresholds follow the bit-reversed order of the slots (van der Corput,
1935), so that whatever the level, the spikes left are spread over the frame;
they lie at (rank + 1/2) / n, so the count is ``n * level`` rounded.  Phases step
by the golden ratio from line to line, which spreads the load on shared wires.
A circuit needs one shared staircase, one comparator and one strobe a line.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuromorph.errors import OutOfRange
from neuromorph.music.pianoroll import KEYS

GOLDEN = (5**0.5 - 1) / 2
MAX_SLOTS = 2**31  # booleans in one schedule: 2 GiB


@dataclass(frozen=True)
class RegularSpikeEncoder:
    """Deterministic rate code with even spacing; no random numbers.

    Parameters
    ----------
    spikes_per_frame : int
        Spikes of a line at level 1, 1 to ``ticks``.
    ticks : int
        Time steps in a frame.
    lines : int
        Number of input lines.

    Raises
    ------
    OutOfRange
        When a number is not positive or there are more spikes than ticks.
    """

    spikes_per_frame: int = 16
    ticks: int = 50
    lines: int = KEYS

    def __post_init__(self) -> None:
        if self.ticks < 1 or self.lines < 1 or not 1 <= self.spikes_per_frame <= self.ticks:
            raise OutOfRange(
                f"{self.spikes_per_frame} spikes in {self.ticks} ticks on {self.lines} lines",
                remedy="give at least one of each, and no more spikes than ticks",
            )

    def thresholds(self) -> NDArray[np.float32]:
        """Level above which each line spikes at each tick, [ticks, lines]; inf for never."""
        table = np.full((self.ticks, self.lines), np.inf, np.float32)
        levels = (_spread_ranks(self.spikes_per_frame) + 0.5) / self.spikes_per_frame
        table[self._slots(), np.arange(self.lines)] = levels[:, None]
        return table

    def encode(self, levels: ArrayLike) -> NDArray[np.bool_]:
        """Spike schedule of a sequence of frames.

        Parameters
        ----------
        levels : array, [T, lines]
            0 (no spike) to 1 (``spikes_per_frame`` spikes); a piano roll's
            frames or a semitone spectrogram's levels.

        Returns
        -------
        array, [T, ticks, lines], bool

        Raises
        ------
        OutOfRange
            When the shape is another, a level lies outside 0 to 1 or is NaN, or
            the schedule would not fit in 2 GiB.
        """
        levels = self._checked(np.asarray(levels, np.float32))
        return levels[:, None, :] > self._table[None]

    def decode(self, spikes: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Levels [T, lines] read back as spike counts over ``spikes_per_frame``."""
        return (spikes.sum(axis=1) / self.spikes_per_frame).astype(np.float32)

    @cached_property
    def _table(self) -> NDArray[np.float32]:
        return self.thresholds()

    def _slots(self) -> NDArray[np.int64]:
        """Tick of every slot of every line, [spikes_per_frame, lines], all different within a line."""
        phases = np.arange(self.lines) * GOLDEN % 1.0
        slots = np.arange(self.spikes_per_frame)[:, None] + phases
        return np.floor(slots * self.ticks / self.spikes_per_frame).astype(np.int64)

    def _checked(self, levels: NDArray[np.float32]) -> NDArray[np.float32]:
        if levels.ndim != 2 or levels.shape[1] != self.lines:
            raise OutOfRange(f"levels of shape {levels.shape}", remedy=f"give frames x {self.lines} lines")
        if levels.size * self.ticks > MAX_SLOTS:
            raise OutOfRange(f"a schedule of {len(levels)} frames", remedy="encode fewer frames at a time")
        if not ((levels >= 0) & (levels <= 1)).all():
            raise OutOfRange("levels outside 0 to 1, or NaN", remedy="normalise them")
        return levels


def _spread_ranks(count: int) -> NDArray[np.int64]:
    """Rank of each slot in bit-reversed order: the first ranks lie far apart."""
    bits = max((count - 1).bit_length(), 1)
    reversed_bits = [int(f"{i:0{bits}b}"[::-1], 2) for i in range(count)]
    return np.argsort(np.argsort(reversed_bits))
