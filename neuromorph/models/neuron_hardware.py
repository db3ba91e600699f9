"""The hardware neuron: the closed form fitted to SPICE, advanced in steps of at most two nanoseconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.errors import InputError
from neuromorph.fitting.neuron_form import (
    CARRY_TERMS,
    DEAD_TERMS,
    LAG,
    REACH,
    NeuronParameters,
    advance,
    carried,
    dead_time,
    driven,
    follow,
)
from neuromorph.models.pytree import pytree, static

STEP_SECONDS = 2e-9
"""Longest step: tonic intervals are within 1e-4 of the closed form, spikes within some 0.01 ns of those of finer steps
(``tests/models/test_neuron_hardware.py``)."""
_NANO = 1e9
"""Time in ns, current in nA, voltage in V, charge in aC: float32 keeps every digit that matters."""


@pytree
class HardwareState:
    """``membrane`` [n]: charge-linearised voltage, V; ``since`` [n]: time since the last spike and what it carries, ns;
    ``followed`` [n]: root of the drive, late, where a rising current counts."""

    membrane: jax.Array
    since: jax.Array
    followed: jax.Array | None = None


@pytree
class HardwareNeuron:
    """Fitted neuron with the interface of :class:`~neuromorph.models.neuron_ideal.IdealNeuron`.

    Parameters
    ----------
    parameters : NeuronParameters
        In ns, nA, V (capacitance in nA ns / V = aF); scalars or one value a neuron.
    full_scale : current at unit drive, nA
    tick_seconds : length of a tick, s
    substeps : steps a tick
    """

    parameters: NeuronParameters
    full_scale: float | jax.Array
    tick_seconds: float | jax.Array
    substeps: int = static(1)

    def initial(self, n: int) -> HardwareState:
        """State of ``n`` neurons that have just rested."""
        followed = None if self.parameters.rise is None else jnp.zeros(n, jnp.float32)
        return HardwareState(jnp.zeros(n, jnp.float32), jnp.full(n, 1e6, jnp.float32), followed)

    def step(self, state: HardwareState, drive: jax.Array) -> tuple[HardwareState, jax.Array]:
        """One tick at constant ``drive`` [n] in [0, 1]; returns the spikes, bool [n]."""
        current = driven(self.parameters, self.full_scale * drive, jnp)
        step = self.tick_seconds * (_NANO / self.substeps)

        def substep(_: int | jax.Array, carry: tuple[Any, ...]) -> tuple[Any, ...]:
            membrane, since, followed, spikes = carry
            membrane, since, fired, _late = advance(
                self.parameters, membrane, since, current, step, jnp, followed
            )
            return membrane, since, follow(self.parameters, followed, current, step, jnp), spikes | fired

        start = (state.membrane, state.since, state.followed, jnp.zeros(drive.shape, bool))
        if self.substeps == 1:
            *after, spikes = substep(0, start)
        else:
            *after, spikes = jax.lax.fori_loop(0, self.substeps, substep, start)
        return HardwareState(*after), spikes


def full_scale_current(model: Mapping[str, Any], unit_interval: float) -> Any:
    """Current at unit drive, A: charges the membrane in ``unit_interval`` (s) where dead time and leak cost nothing."""
    return model["capacitance"] * model["threshold"] / unit_interval


def hardware_neuron(
    model: Mapping[str, float | np.ndarray],
    unit_interval: float,
    tick_seconds: float,
    full_scale: float | None = None,
) -> HardwareNeuron:
    """The fitted neuron, driven so that unit drive gives the network's design rate.

    Parameters
    ----------
    model : mapping
        SI parameters of block ``axon_hillock``; numbers, or one value a neuron.
    unit_interval : float
        Interval at unit drive without dead time, s: sets the full-scale current.
    tick_seconds : float
        s; divided into substeps of at most :data:`STEP_SECONDS` that are shorter than the neuron's dead time.
    full_scale : float, optional
        Current at unit drive, A; :func:`full_scale_current` of the model by default.
    """
    parameters = NeuronParameters(
        capacitance=model["capacitance"] * _NANO**2,
        threshold=model["threshold"],
        overshoot=model["overshoot"],
        leak_current=model["leak_current"] * _NANO,
        leak_conductance=model["leak_conductance"] * _NANO,
        knee=model["knee"],
        current_scale=model["current_scale"] * _NANO,
        dead_time=tuple(model[f"dead_time_{k}"] * _NANO for k in range(DEAD_TERMS)),
        carry=tuple(model[f"carry_{k}"] * _NANO for k in range(1, CARRY_TERMS + 1)),
        rise=model["rise"] * _NANO if "rise" in model else None,
        lag=LAG * _NANO if "rise" in model else None,
    )
    current = full_scale_current(model, unit_interval) if full_scale is None else full_scale
    # of the current over its scale, as far as a drive of one takes it
    largest = min(1.3, float(np.max(current / model["current_scale"])))
    roots = np.sqrt(np.linspace(0.0, largest, 200))[:, None]
    carry = carried(parameters, roots)
    shortest = float(np.min(np.min(dead_time(parameters, roots) + carry, axis=0) - np.max(carry, axis=0)))
    if parameters.rise is not None:
        shortest -= float(np.max(np.abs(parameters.rise))) * REACH
    longest = min(STEP_SECONDS * _NANO, 0.9 * shortest)
    if not longest > 0:
        raise InputError(
            f"the dead time of this axon hillock falls to {longest / 0.9:.3g} ns",
            remedy="fit it again: a neuron cannot fire before its refractory time is over",
        )
    substeps = max(1, math.ceil(tick_seconds * _NANO / longest - 1e-6))
    parameters = jax.tree.map(lambda value: jnp.asarray(value, jnp.float32), parameters)
    return HardwareNeuron(
        parameters,
        jnp.asarray(current * _NANO, jnp.float32),
        jnp.asarray(tick_seconds, jnp.float32),
        substeps,
    )
