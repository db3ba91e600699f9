"""Behavioural form of a spiking neuron whose membrane is reset through a refractory clamp.

Between spikes the charge-linearised membrane voltage y obeys::

    C dy/dt = I - I_leak (1 - exp(-y / phi)) - g_leak y

(I_leak: a transistor in saturation; phi: its knee; g_leak: its output
conductance).  In u = exp(y / phi) this is linear, so a step of any length is
exact for constant input; the small g_leak term is taken at the step's start.
At y = y_threshold the neuron fires and is clamped for ``t_dead``.  When the
clamp lets go depends on the input current it has to sink: the membrane restarts at

    y_release(I) = (I - I_leak) D(x) / C,   D(x) = sum_k d_k x^k,  x = sqrt(I / I_scale)

The form and its closed step are ours; the idea of integrating the
subthreshold equation in exp(y / phi) is standard for log-domain circuits.
The namespace is passed in, so the fit (NumPy) and the simulator (JAX)
evaluate the same lines.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

RELEASE_TERMS = 6
"""Terms of the release polynomial."""


class NeuronParameters(NamedTuple):
    """SI parameters; each a scalar or one value a neuron.

    ``capacitance`` F, ``threshold`` V, ``leak_current`` A, ``leak_conductance``
    S, ``knee`` V, ``dead_time`` s, ``current_scale`` A, ``release`` s (one
    value a power of x).
    """

    capacitance: Any
    threshold: Any
    leak_current: Any
    leak_conductance: Any
    knee: Any
    dead_time: Any
    current_scale: Any
    release: tuple[Any, ...]


def release_voltage(p: NeuronParameters, current: Any, xp: ModuleType) -> Any:
    """Where the membrane restarts when the clamp lets go, V."""
    x = xp.sqrt(xp.clip(current / p.current_scale, 0.0, 1.3))
    delay = p.release[-1]
    for coefficient in p.release[-2::-1]:
        delay = delay * x + coefficient
    return xp.maximum(current - p.leak_current, 0.0) * delay / p.capacitance


def integrate(p: NeuronParameters, y: Any, current: Any, time: Any, xp: ModuleType) -> Any:
    """Membrane voltage after ``time`` seconds of constant current, V."""
    drive = current - p.leak_conductance * y - p.leak_current
    scale = time / (p.knee * p.capacitance)
    a = drive * scale
    # (1 - exp(-a)) / a without the pole at zero
    small = xp.abs(a) < 1e-3
    safe = xp.where(small, 1.0, a)
    ratio = xp.where(small, 1.0 - 0.5 * a, -xp.expm1(-safe) / safe)
    knee = xp.log1p(p.leak_current * scale * ratio * xp.exp(-y / p.knee))
    return y + p.knee * (a + knee)


def advance(
    p: NeuronParameters, y: Any, clamp: Any, current: Any, step: float, xp: ModuleType
) -> tuple[Any, Any, Any, Any]:
    """One step of at most one spike.

    Parameters
    ----------
    y : array
        Membrane voltage, V.
    clamp : array
        Time left of the clamp, s.
    current : array
        Input current, A, constant over the step.
    step : float
        s; shorter than the dead time.

    Returns
    -------
    y, clamp : array
    fired : array of bool
    late : array
        Time from the spike to the end of the step, s (valid where fired).
    """
    free = xp.clip(step - clamp, 0.0, step)
    starts = (clamp > 0) & (clamp <= step)
    y = xp.where(starts, release_voltage(p, current, xp), y)
    y = xp.where(free > 0, integrate(p, y, current, free, xp), 0.0)
    fired = y >= p.threshold
    slope = xp.maximum(current - p.leak_current - p.leak_conductance * p.threshold, 1e-12) / p.capacitance
    late = xp.clip((y - p.threshold) / slope, 0.0, step)
    clamp = xp.where(fired, p.dead_time - late, xp.maximum(clamp - step, 0.0))
    return xp.where(fired, 0.0, y), clamp, fired, late
