"""How alike two spike trains are."""

from __future__ import annotations

import numpy as np


def coincidence(spikes: np.ndarray, others: np.ndarray, window: float, duration: float) -> float:
    """Coincidence factor of two spike trains, 1 alike, 0 by chance.

    W. M. Kistler, W. Gerstner and J. L. van Hemmen, Neural Comput. 9:1015, 1997.

    Parameters
    ----------
    spikes, others : times, s
    window : largest distance of a coincident pair, s
    duration : in which there may be spikes, s

    A spike counts where the other train has one that near, so a pair of close ones may share a partner.
    """
    if not len(spikes) or not len(others):
        return float(len(spikes) == len(others))
    near = np.abs(spikes[:, None] - others[None, :]).min(axis=1) <= window
    rate = len(others) / duration
    expected = 2 * rate * window * len(spikes)
    scale = 1 - 2 * rate * window
    return float((near.sum() - expected) / (0.5 * (len(spikes) + len(others))) / scale)


def windowed_coincidence(
    spikes: np.ndarray, others: np.ndarray, share: float = 0.05, intervals: int = 10
) -> float:
    """Mean coincidence factor over windows of ``intervals`` intervals of ``others``, as long as both trains last.

    A window's pairs may be ``share`` of its median interval apart, so that a pause widens nothing.  Both trains begin a
    window together: each is taken from its own spike nearest to the window's first on, since over many intervals every two
    neurons drift apart.  A train of fewer intervals is one window; without any interval trains are alike where both have as
    many spikes.
    """
    if len(others) < 2 or len(spikes) < 2:
        return float(len(spikes) == len(others))
    length = min(intervals, len(others) - 1)
    found = []
    for first in range(0, len(others) - length, length):
        theirs = others[first : first + length + 1]
        duration = theirs[-1] - theirs[0]
        start = spikes[np.argmin(np.abs(spikes - theirs[0]))]
        inside = (spikes >= start) & (spikes <= start + duration + 0.5 * duration / length)
        window = share * float(np.median(np.diff(theirs)))
        # the first pair is made to coincide: it says nothing
        ours = spikes[inside][1:] - start
        found.append(coincidence(ours, theirs[1:] - theirs[0], window, duration))
    return float(np.mean(found))
