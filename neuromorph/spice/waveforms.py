"""Numbers from waveforms: crossings, pulses, charges."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def crossings(time: np.ndarray, value: np.ndarray, level: float, rising: bool = True) -> np.ndarray:
    """Times at which a waveform crosses a level, by linear interpolation.

    Parameters
    ----------
    time, value : ndarray, shape (n,)
    level : float
    rising : bool
        Upward crossings, or downward ones.

    Returns
    -------
    ndarray, shape (k,)
    """
    above = (value > level).astype(np.int8)
    at = np.flatnonzero(np.diff(above) == (1 if rising else -1))
    fraction = (level - value[at]) / (value[at + 1] - value[at])
    return time[at] + fraction * (time[at + 1] - time[at])


def spikes(
    time: np.ndarray, value: np.ndarray, level: float, least: int, drive: str, remedy: str
) -> np.ndarray:
    """Rising crossings of a spiking node; too few of them are told apart by their cause.

    Parameters
    ----------
    time, value : ndarray, shape (n,)
    level : float
        Half height of a spike, V.
    least : int
        How many the measurement needs.
    drive : str
        The stimulus, for the message: ``"2e-09 A"``.
    remedy : str
        What makes the circuit fire more often.

    Returns
    -------
    ndarray, shape (k,)

    Raises
    ------
    ValueError
        When there are fewer than ``least``: silence, a node that is stuck high, or a run that is too short.
    """
    rising = crossings(time, value, level)
    if len(rising) >= least:
        return rising
    late = time > 0.5 * (time[0] + time[-1])
    found = f"{len(rising)} spikes at {drive}: {least} are needed"
    if np.all(value[late] > level):
        raise ValueError(
            f"{found}; the output is stuck high at {np.mean(value[late]):.3g} V, it saturates and is not silent; "
            "lower the input, or strengthen what ends a spike"
        )
    if len(rising) == 0:
        raise ValueError(f"{found}; the output never exceeds {np.max(value):.3g} V; {remedy}")
    raise ValueError(
        f"{found}; the last came at {rising[-1]:.3g} s of {time[-1]:.3g} s; {remedy}, or run longer"
    )


def sample(time: np.ndarray, value: np.ndarray, at: object) -> np.ndarray:
    """Waveform at given times, linearly interpolated."""
    return np.interp(np.asarray(at, float), time, value)


def integral(time: np.ndarray, value: np.ndarray, start: float = -np.inf, stop: float = np.inf) -> float:
    """Integral of a waveform between two times (whole samples)."""
    keep = (time >= start) & (time <= stop)
    return float(np.trapezoid(value[keep], time[keep]))


def pulses(times: object, width: float = 1.1e-9, edge: float = 0.1e-9, high: float = 0.8) -> str:
    """A PWL source that fires action potentials at given times.

    Parameters
    ----------
    times : sequence of float
        Start of each pulse, s, increasing, further apart than a pulse is long.
    width, edge, high : float
        Flat top, edges, s, and amplitude, V.
    """
    corners = ["0 0"]
    for t in np.asarray(times, float):
        shape = ((t, 0), (t + edge, high), (t + edge + width, high), (t + 2 * edge + width, 0))
        corners += [f"{at:.9g} {v:g}" for at, v in shape]
    return f"pwl({' '.join(corners)})"


def staircase(times: object, values: object, edge: float = 0.02e-9) -> str:
    """A PWL source that holds ``values[k]`` from ``times[k]`` on."""
    t, v = np.asarray(times, float), np.asarray(values, float)
    corners = [f"0 {v[0]:.9g}"]
    for k in range(1, len(t)):
        corners += [f"{t[k]:.9g} {v[k - 1]:.9g}", f"{t[k] + edge:.9g} {v[k]:.9g}"]
    return f"pwl({' '.join(corners)})"


def straight(times: object, values: object) -> str:
    """A PWL source that goes straight from one of ``values`` at ``times`` to the next, from the first on."""
    t, v = np.asarray(times, float), np.asarray(values, float)
    corners = " ".join(f"{at:.9g} {value:.9g}" for at, value in zip(t, v, strict=True))
    return f"pwl(0 {v[0]:.9g} {corners})"


def windows(
    times: Iterable[tuple[float, float]], high: float = 0.8, low: float = 0.0, edge: float = 0.1e-9
) -> str:
    """A PWL source that is ``high`` inside windows and ``low`` outside.

    Parameters
    ----------
    times : sequence of (float, float)
        Start and end of each window, s, increasing; an empty one is left out.
    high, low, edge : float
        V, V and s; give a ``high`` below ``low`` for an active-low control.
    """
    corners = [f"0 {low:g}"]
    for start, stop in times:
        if stop > start:
            shape = ((start, low), (start + edge, high), (stop, high), (stop + edge, low))
            corners += [f"{at:.9g} {v:g}" for at, v in shape]
    return f"pwl({' '.join(corners)})"
