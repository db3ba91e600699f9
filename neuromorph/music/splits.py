"""Train, valid and test pieces, chosen by content or name and never by chance."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from neuromorph.errors import ScoreError
from neuromorph.music.pianoroll import PianoRoll

SHARES = (0.6, 0.2, 0.2)  # as in the published splits
FEWEST_FRAMES = 10

T = TypeVar("T")
Split = tuple[tuple[T, ...], tuple[T, ...], tuple[T, ...]]


class Piece(Protocol):
    """What is split in time: a piano roll or a sound's frames, under a name."""

    @property
    def name(self) -> str: ...
    def __len__(self) -> int: ...
    def __getitem__(self, frames: slice, /) -> Any: ...


P = TypeVar("P", bound=Piece)


def split_by_hash(rolls: Sequence[T], key: Callable[[T], bytes]) -> Split[T]:
    """Order pieces by the SHA-256 of their key; the first 60 % train, then 20 % each.

    The same pieces always fall into the same parts, wherever they are stored
    and in whatever order they are read.

    Parameters
    ----------
    rolls : sequence
        At least three pieces or sounds.
    key : callable
        What is hashed: :func:`name_key` or :func:`content_key`.
    """
    ordered = sorted(rolls, key=lambda roll: hashlib.sha256(key(roll)).digest())
    first, second = _cuts(len(ordered))
    return tuple(ordered[:first]), tuple(ordered[first:second]), tuple(ordered[second:])


def split_in_time(rolls: Sequence[P]) -> Split[P]:
    """Cut each piece: its first 60 % train, the next 20 % valid, the rest test.

    For one or two pieces, where whole pieces cannot be held out.

    Raises
    ------
    ScoreError
        When a piece has fewer than 10 frames.
    """
    for roll in rolls:
        if len(roll) < FEWEST_FRAMES:
            raise ScoreError(
                f"has {len(roll)} frames, too few to learn from and to test on",
                where=roll.name,
                remedy=f"give a piece of at least {FEWEST_FRAMES} frames, or more pieces",
            )
    cuts = [_cuts(len(roll)) for roll in rolls]
    return (
        tuple(roll[:a] for roll, (a, _) in zip(rolls, cuts, strict=True)),
        tuple(roll[a:b] for roll, (a, b) in zip(rolls, cuts, strict=True)),
        tuple(roll[b:] for roll, (_, b) in zip(rolls, cuts, strict=True)),
    )


def name_key(roll: Piece) -> bytes:
    """The piece's name, for pieces that come as files."""
    return roll.name.encode()


def content_key(roll: PianoRoll) -> bytes:
    """The notes relative to the lowest, so that a transposed copy has the same key."""
    keys = np.flatnonzero(roll.frames.any(axis=0))
    if not len(keys):
        return b"silent %d" % len(roll)
    cropped = roll.frames[:, keys[0] : keys[-1] + 1]
    return b"%d %d " % cropped.shape + np.packbits(cropped).tobytes()


def without_copies(rolls: Sequence[PianoRoll]) -> list[PianoRoll]:
    """The first of each set of pieces that are equal up to transposition."""
    first: dict[bytes, PianoRoll] = {}
    for roll in rolls:
        first.setdefault(content_key(roll), roll)
    return list(first.values())


def _cuts(count: int) -> tuple[int, int]:
    """Where valid and test begin; neither is empty from three on."""
    held_out = max(round(SHARES[1] * count), 1)
    return count - 2 * held_out, count - held_out
