"""Behavioural form of a spiking neuron whose membrane is reset through a refractory clamp.

Between spikes the charge-linearised membrane voltage y obeys::

    C dy/dt = I - I_leak (1 - exp(-y / phi)) - g_leak y

(I_leak: a transistor in saturation; phi: its knee; g_leak: its output
conductance).  A step of two nanoseconds follows it, since the leak is slow beside it.

After a spike a clamp holds the membrane at rest.  Its current falls
exponentially, so it lets go at a time that depends on the current it has to
sink, D(I); and since the first stage needs charge to switch, the membrane
passes the static threshold by an amount that grows with its slope::

    D(I) = sum_k d_k x^k,  y_threshold(I) = y_0 + b x,  x = sqrt(I / I_scale)

A spike that the input drives harder lasts longer and charges the clamp's node more: where the current moves meanwhile,
the dead time is ``D(I) + m(I) - m(I_spike)``, ``m(I) = m_1 x + m_2 x^2``, which falls as I rises.  In the cold it is longer
by ``r (x - X)`` at the spike, too, X following x within :data:`LAG`: after a spike into which the current rose.

The form is ours.  The namespace is passed in, so the fit (NumPy) and the
simulator (JAX) evaluate the same lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

DEAD_TERMS = 6
"""Terms of the dead-time polynomial."""
DEAD_TIMES = {
    "dead_at_4_percent": 0.2, "dead_at_16_percent": 0.4, "dead_at_36_percent": 0.6, "dead_at_64_percent": 0.8,
    "dead_at_full": 1.0,
}  # fmt: skip
"""Values of the polynomial at shares of I_scale, and their x: by them instances differ, since its terms trade with each
other.  At 1 % of I_scale a fit tells it to 5 % only, a thousandth of an interval."""
CARRY_TERMS = 2
"""Terms of what a spike's own current changes of the dead time."""
LAG = 1.5e-9
"""Time in which X follows x, s."""
REACH = 0.3
"""How far X counts as being from x: drives that neurons were fitted to went no further."""


class NeuronParameters(NamedTuple):
    """SI parameters; each a scalar or one value a neuron.

    ``capacitance`` F, ``threshold`` V, ``overshoot`` V, ``leak_current`` A,
    ``leak_conductance`` S, ``knee`` V, ``current_scale`` A, ``dead_time`` s
    (one value a power of x), ``carry`` s (one value a power of x, from the first), ``rise`` and ``lag`` s, r and the time
    of X; none where a neuron forgets how its current came about.
    """

    capacitance: Any
    threshold: Any
    overshoot: Any
    leak_current: Any
    leak_conductance: Any
    knee: Any
    current_scale: Any
    dead_time: tuple[Any, ...]
    carry: tuple[Any, ...]
    rise: Any = None
    lag: Any = None


def _drive_root(p: NeuronParameters, current: Any, xp: ModuleType) -> Any:
    return xp.sqrt(xp.clip(current / p.current_scale, 0.0, 1.3))


def dead_time(p: NeuronParameters, x: Any) -> Any:
    """Time from a spike to the release of the membrane, s, at x = sqrt(I / I_scale)."""
    time = p.dead_time[-1]
    for coefficient in p.dead_time[-2::-1]:
        time = time * x + coefficient
    return time


def with_dead_times(terms: Sequence[Any], ratios: Sequence[Any]) -> tuple[Any, ...]:
    """The polynomial whose values at :data:`DEAD_TIMES` are those of ``terms`` times ``ratios``; below the first of them it
    keeps that one's ratio.

    Parameters
    ----------
    terms : s, by power of x
    ratios : one a value, scalars or arrays
    """
    nodes = np.array([0.5 * min(DEAD_TIMES.values()), *DEAD_TIMES.values()])
    powers = nodes[:, None] ** np.arange(DEAD_TERMS)
    back = np.linalg.inv(powers)
    values = [
        ratio * sum(power * term for power, term in zip(row, terms, strict=True))
        for row, ratio in zip(powers, (ratios[0], *ratios), strict=True)
    ]
    return tuple(
        sum(float(weight) * value for weight, value in zip(row, values, strict=True)) for row in back
    )


def carried(p: NeuronParameters, x: Any) -> Any:
    """m: what a spike at x = sqrt(I / I_scale) takes off the dead time after it, s; negative, since it adds."""
    first, second = p.carry
    return x * (first + second * x)


def integrate(p: NeuronParameters, y: Any, current: Any, time: Any, xp: ModuleType) -> Any:
    """Membrane voltage after ``time`` seconds of constant current, V.

    The knee is taken where the input alone would bring the membrane half-way.
    Without such a drive the step is exponential Euler, ``y + t F phi(J t)`` with
    J the slope of F and ``phi(z) = (e^z - 1) / z``, here ``1 / (1 - z/2 + z^2/12)``:
    equal to third order, and damped for any step, since J is never positive.
    """
    rate = time / p.capacitance
    push = current - p.leak_current
    pushed = push > 0
    bent = p.leak_current * xp.exp(-(y + xp.where(pushed, 0.5 * rate * push, 0.0)) / p.knee)
    z = -(p.leak_conductance + xp.where(pushed, 0.0, bent / p.knee)) * rate
    slope = push + bent - p.leak_conductance * y
    return y + slope * rate / (1.0 + z * (z * (1.0 / 12.0) - 0.5))


class Drive(NamedTuple):
    """What an input current means for a neuron, constant while the current is.

    ``current`` A, ``dead_time`` s after a spike that carries nothing, ``carry`` s of a spike at this current, ``threshold``
    V, ``hurry`` s/V (time per volt at threshold), ``root`` x.
    """

    current: Any
    dead_time: Any
    carry: Any
    threshold: Any
    hurry: Any
    root: Any


def driven(p: NeuronParameters, current: Any, xp: ModuleType) -> Drive:
    """Prepare a current for :func:`advance`."""
    x = _drive_root(p, current, xp)
    threshold = p.threshold + p.overshoot * x
    spare = xp.maximum(current - p.leak_current - p.leak_conductance * threshold, 1e-3 * p.leak_current)
    carry = carried(p, x)
    return Drive(current, dead_time(p, x) + carry, carry, threshold, p.capacitance / spare, x)


def after_spike(p: NeuronParameters, drive: Drive, xp: ModuleType, followed: Any = None) -> Any:
    """What a spike carries into the time since it, s; ``followed`` is X, where the neuron has one."""
    if followed is None:
        return drive.carry
    return drive.carry - p.rise * xp.clip(drive.root - followed, -REACH, REACH)


def follow(p: NeuronParameters, followed: Any, drive: Drive, step: Any, xp: ModuleType) -> Any:
    """X after a step, or nothing where there is none."""
    return None if followed is None else drive.root + (followed - drive.root) * xp.exp(-step / p.lag)


def advance(
    p: NeuronParameters, y: Any, since: Any, drive: Drive, step: Any, xp: ModuleType, followed: Any = None
) -> tuple[Any, Any, Any, Any]:
    """One step of at most one spike.

    Parameters
    ----------
    y : array
        Membrane voltage, V; zero while clamped.
    since : array
        Time since the last spike and what it carries, s.
    drive : Drive
        Input, constant over the step.
    step : float or scalar array
        s; shorter than the dead time.
    followed : array, optional
        X before the step (:func:`follow`).

    Returns
    -------
    y, since : array
    fired : array of bool
    late : array
        Time from the spike to the end of the step, s (valid where fired).
    """
    free = xp.where(y > 0, step, xp.clip(since + step - drive.dead_time, 0.0, step))
    y = xp.where(free > 0, integrate(p, y, drive.current, free, xp), 0.0)
    fired = y >= drive.threshold
    late = xp.clip((y - drive.threshold) * drive.hurry, 0.0, step)
    return (
        xp.where(fired, 0.0, y),
        xp.where(fired, late + after_spike(p, drive, xp, followed), since + step),
        fired,
        late,
    )


def tonic_interval(p: NeuronParameters, current: Any, xp: ModuleType) -> Any:
    """Interval between spikes at constant current, s; infinite below the rheobase."""
    x = _drive_root(p, current, xp)
    threshold = p.threshold + p.overshoot * x
    drive = current - p.leak_current
    fires = drive > p.leak_conductance * threshold
    drive = xp.where(fires, drive, 1.0)
    # C dy/dt = drive - g y without the knee; the knee saves leak charge while y is small
    share = p.leak_conductance * threshold / drive
    small = share < 1e-4
    stretch = xp.where(small, 1.0 + 0.5 * share, -xp.log1p(-share) / xp.where(small, 1.0, share))
    saved = p.knee * xp.log1p(p.leak_current / drive)
    rise = p.capacitance / drive * (threshold * stretch - saved)
    return xp.where(fires, dead_time(p, x) + rise, xp.inf)
