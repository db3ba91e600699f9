"""Pieces as one flat stream with reset flags, so that nothing is compiled per piece."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuromorph.errors import ScoreError


@dataclass(frozen=True)
class Stream:
    """Frames of many pieces, one after the other.

    Parameters
    ----------
    levels, targets : [frames, notes], this frame and the one that follows it
    reset : bool [frames], a piece begins
    valid : bool [frames], False for padding
    """

    levels: np.ndarray
    targets: np.ndarray
    reset: np.ndarray
    valid: np.ndarray

    def __len__(self) -> int:
        return len(self.levels)

    def padded(self, multiple: int) -> Stream:
        """The stream with silent invalid frames up to a multiple of ``multiple``."""
        extra = -len(self) % multiple
        return Stream(*(_pad(part, extra) for part in (self.levels, self.targets, self.reset, self.valid)))

    def part(self, start: int, stop: int) -> Stream:
        """Frames ``start`` to ``stop``."""
        return Stream(*(p[start:stop] for p in (self.levels, self.targets, self.reset, self.valid)))


def _pad(part: np.ndarray, extra: int) -> np.ndarray:
    return np.concatenate([part, np.zeros((extra, *part.shape[1:]), part.dtype)])


def stream_of(pieces: Sequence[np.ndarray]) -> Stream:
    """Stream of piano rolls [frames, notes]; a piece of T frames gives T - 1 predictions."""
    pieces = [np.asarray(piece, np.float32) for piece in pieces if len(piece) > 1]
    if not pieces:
        raise ScoreError("no piece has two frames", remedy="a prediction needs a frame and its successor")
    resets = [np.arange(len(piece) - 1) == 0 for piece in pieces]
    reset = np.concatenate(resets)
    return Stream(
        levels=np.concatenate([piece[:-1] for piece in pieces]),
        targets=np.concatenate([piece[1:] for piece in pieces]),
        reset=reset,
        valid=np.ones(len(reset), bool),
    )


def shuffled_frames(pieces: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
    """The pieces with the frames of each permuted in time (a control)."""
    draw = np.random.default_rng([seed, 5])
    return [np.asarray(piece)[draw.permutation(len(piece))] for piece in pieces]
