"""Point neurons of general spiking networks; one interface, so that an ideal and a hardware neuron change places.

A neuron model is a frozen pytree whose fields are numbers or one value a neuron.  It offers

``ports``                     names of what synapses add to
``prepared(dt)``              what a step of ``dt`` needs, worked out once
``initial(n)``                state of n neurons at rest, with an array ``ports[k]`` for every port
``advance(prepared, state)``  one step from the old values: the new state and who fires, bool [n]
``reset_fired(prepared, state, fired)`` after the events of the step were delivered
``fault()``                   why its parameters cannot be used, or nothing

Units are whatever is consistent; the library's own are SI.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.models.neuron_hardware import HardwareNeuron, HardwareState, hardware_neuron
from neuromorph.models.pytree import pytree, static

Array = Any
"""JAX's in the loop, NumPy's on the host."""
Number = float | jax.Array | np.ndarray
_NANO = 1e9


@pytree
class LIFState:
    """Of leaky integrate-and-fire neurons, [n] each.

    Parameters
    ----------
    v : membrane potential
    exc, inh : synaptic conductances or currents
    raised : by how much the threshold stands above its rest
    wait : steps until the end of the refractory time
    """

    v: Array
    exc: Array
    inh: Array
    raised: Array
    wait: Array


@pytree
class LIFFactors:
    """Euler's or exact factors of a step, and the refractory time in steps."""

    membrane: jax.Array
    exc: jax.Array
    inh: jax.Array
    raised: jax.Array
    wait: jax.Array
    from_exc: jax.Array
    from_inh: jax.Array


@pytree
class LIF:
    """Leaky integrate-and-fire neuron with exponential synapses and an adaptive threshold.

    ``tau v' = rest - v + drive``, ``exc' = -exc / tau_exc``, ``inh' = -inh / tau_inh``; fires over ``threshold + raised``,
    then ``v = reset``, held for ``refractory``, and ``raised += adapt``, ``raised' = -raised / tau_adapt``.  The drive is
    ``exc + inh`` (currents) or, with ``conductance``, ``exc (e_exc - v) + inh (e_inh - v)`` (Diehl and Cook, Front.
    Comput. Neurosci. 9:99, 2015).

    Parameters
    ----------
    tau, tau_exc, tau_inh, tau_adapt : time constants
    rest, threshold, reset, e_exc, e_inh : potentials
    refractory : time in which a neuron that has fired keeps its potential, rounded to steps, at least one
    adapt : rise of the threshold at each spike; None is a fixed threshold, which costs nothing
    start : potential at the beginning, ``rest`` where it is None
    conductance : synapses are conductances
    exact : v and the synapses follow their linear equations exactly (currents only; Rotter and Diesmann, Biol. Cybern.
        81:381, 1999), else forward Euler
    """

    tau: Number
    threshold: Number
    rest: Number = 0.0
    reset: Number = 0.0
    refractory: Number = 0.0
    tau_exc: Number = 5e-3
    tau_inh: Number = 10e-3
    e_exc: Number = 0.0
    e_inh: Number = 0.0
    adapt: Number | None = None
    tau_adapt: Number = 1.0
    start: Number | None = None
    conductance: bool = static(False)
    exact: bool = static(False)

    @property
    def ports(self) -> tuple[str, ...]:
        """``exc`` and ``inh``."""
        return ("exc", "inh")

    def fault(self) -> str:
        """What its equations cannot be; empty where nothing is wrong."""
        if not self.exact:
            return ""
        if self.conductance:
            return "exact is for currents: with conductances the equations are not linear"
        same = any(np.any(np.asarray(self.tau) == np.asarray(tau)) for tau in (self.tau_exc, self.tau_inh))
        return "exact needs time constants of synapse and membrane that differ" if same else ""

    def initial(self, n: int) -> LIFState:
        """n neurons at rest."""
        v = np.full(n, self.rest if self.start is None else self.start, np.float32)
        raised = np.zeros(0 if self.adapt is None else n, np.float32)
        return LIFState(v, np.zeros(n, np.float32), np.zeros(n, np.float32), raised, np.zeros(n, np.int32))

    def prepared(self, dt: jax.Array) -> LIFFactors:
        """Factors of a step."""

        def kept(tau: Number) -> jax.Array:
            ratio = jnp.float32(dt) / jnp.asarray(tau, jnp.float32)
            return jnp.exp(-ratio) if self.exact else 1.0 - ratio

        def moved(tau: Number) -> jax.Array:
            if not self.exact:
                return jnp.float32(dt) / jnp.asarray(self.tau, jnp.float32)
            tau_v, tau_s = jnp.asarray(self.tau, jnp.float32), jnp.asarray(tau, jnp.float32)
            return tau_s / (tau_s - tau_v) * (kept(tau) - kept(self.tau))

        wait = jnp.maximum(jnp.round(jnp.asarray(self.refractory, jnp.float32) / dt), 1.0) - 1.0
        return LIFFactors(
            membrane=kept(self.tau) if self.exact else jnp.float32(dt) / jnp.asarray(self.tau, jnp.float32),
            exc=kept(self.tau_exc),
            inh=kept(self.tau_inh),
            raised=1.0 - jnp.float32(dt) / jnp.asarray(self.tau_adapt, jnp.float32),
            wait=wait.astype(jnp.int32),
            from_exc=moved(self.tau_exc),
            from_inh=moved(self.tau_inh),
        )

    def advance(self, step: LIFFactors, state: LIFState) -> tuple[LIFState, jax.Array]:
        """One step: state and who fires."""
        v = jnp.where(state.wait > 0, state.v, self._integrated(step, state))
        raised = state.raised * step.raised
        threshold = self.threshold if self.adapt is None else self.threshold + raised
        fired = (state.wait == 0) & (v > threshold)
        wait = jnp.maximum(state.wait - 1, 0)
        return LIFState(v, state.exc * step.exc, state.inh * step.inh, raised, wait), fired

    def _integrated(self, step: LIFFactors, state: LIFState) -> jax.Array:
        v, exc, inh = state.v, state.exc, state.inh
        if self.exact:
            away = (v - self.rest) * step.membrane
            return self.rest + away + exc * step.from_exc + inh * step.from_inh
        if self.conductance:
            drive = exc * (self.e_exc - v) + inh * (self.e_inh - v)
        else:
            drive = exc + inh
        return v + ((self.rest - v) + drive) * step.membrane

    def reset_fired(self, step: LIFFactors, state: LIFState, fired: jax.Array) -> LIFState:
        """After a spike: the potential is reset and held, the threshold rises."""
        return LIFState(
            v=jnp.where(fired, self.reset, state.v),
            exc=state.exc,
            inh=state.inh,
            raised=state.raised if self.adapt is None else state.raised + self.adapt * fired,
            wait=jnp.where(fired, step.wait, state.wait),
        )


@pytree
class HillockState:
    """Of axon hillocks, [n] each: ``exc``, ``inh`` synaptic currents, A; ``neuron`` the closed form's state."""

    exc: Array
    inh: Array
    neuron: HardwareState


@pytree
class HillockFactors:
    """Decays of the synaptic currents in a step."""

    exc: jax.Array
    inh: jax.Array


@pytree
class AxonHillock:
    """The circuit's neuron as fitted to ngspice, with exponential synaptic currents; everything in SI units.

    Parameters
    ----------
    hardware : from :func:`axon_hillock`
    tau_exc, tau_inh : decay of the currents, s
    """

    hardware: HardwareNeuron
    tau_exc: Number = 10e-9
    tau_inh: Number = 10e-9

    @property
    def ports(self) -> tuple[str, ...]:
        """``exc`` and ``inh``; an inhibitory weight is negative."""
        return ("exc", "inh")

    def fault(self) -> str:
        """Nothing: the fit has been checked where it was made."""
        return ""

    def initial(self, n: int) -> HillockState:
        """n neurons at rest."""
        return HillockState(np.zeros(n, np.float32), np.zeros(n, np.float32), self.hardware.initial(n))

    def prepared(self, dt: jax.Array) -> HillockFactors:
        """Factors of a step."""
        return HillockFactors(
            *(jnp.exp(-dt / jnp.asarray(tau, jnp.float32)) for tau in (self.tau_exc, self.tau_inh))
        )

    def advance(self, step: HillockFactors, state: HillockState) -> tuple[HillockState, jax.Array]:
        """One step: state and who fires."""
        drive = jnp.clip((state.exc + state.inh) * _NANO / self.hardware.full_scale, 0.0, 1.0)
        neuron, fired = self.hardware.step(state.neuron, drive)
        return HillockState(state.exc * step.exc, state.inh * step.inh, neuron), fired

    def reset_fired(self, step: HillockFactors, state: HillockState, fired: jax.Array) -> HillockState:
        """The circuit has reset itself."""
        return state


def axon_hillock(
    model: Mapping[str, float], dt: float, *, tau_exc: float = 10e-9, tau_inh: float = 10e-9
) -> AxonHillock:
    """Population model of a fitted axon hillock.

    Parameters
    ----------
    model : parameters of block ``axon_hillock``, as ``Library.models()`` has them
    dt : step of the network, s; at most some nanoseconds, since a neuron fires once a step at most
    """
    unit = model["capacitance"] * model["threshold"] / (1.3 * model["current_scale"])
    return AxonHillock(hardware_neuron(model, unit, dt), tau_exc, tau_inh)
