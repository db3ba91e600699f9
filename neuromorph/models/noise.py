"""Thermal and shot noise on the state nodes of a network, drawn anew at every tick.

A transistor in weak inversion carries white current noise of density ``2 q I`` (Sarpeshkar, Delbruck and Mead, IEEE
Circuits and Devices Magazine 9(6), 23, 1993).  Of an amplifier's tail it reaches the output from both halves of the
pair and of the mirror, twice in all, and so does a current that passes one mirror.  Within a tick h the current I
therefore brings the charge noise ``sqrt(2 q I h)`` to its capacitor.  A dendrite holds the noise of its conductance,
``sqrt(k T / C)``, with the time constant of its current.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.models.frame import Frame
from neuromorph.models.gate import GATE_UNIT, TANH_UNIT
from neuromorph.models.pytree import pytree
from neuromorph.models.random_words import random_words
from neuromorph.models.synapse import decay_over

ELEMENTARY_CHARGE = 1.602176634e-19
BOLTZMANN = 1.380649e-23
TEMPERATURE = 300.0
TRANSISTORS = 2.0
"""Noise of a current that reaches its node, over that of one transistor which carries it: pair or input, and mirror."""


@pytree
class TickNoise:
    """Draws of unit spread for one frame.

    Parameters
    ----------
    dendrites : [ticks, 4 * cells]
    cells, neurons : [ticks, cells]
    features : [ticks, features]
    """

    dendrites: jax.Array
    cells: jax.Array
    neurons: jax.Array
    features: jax.Array


@pytree
class Noise:
    """Spreads in a tick, design units.

    Parameters
    ----------
    dendrite : [4, 1] rms of the dendritic sums of i, f, o and of the candidate, their units
    charging, leaking : of c, at unit current of the input and of the forget amplifier (grows with its root)
    drive : of a neuron's drive, at unit drive (grows with its root)
    """

    dendrite: float | jax.Array
    charging: float | jax.Array
    leaking: float | jax.Array
    drive: float | jax.Array

    @staticmethod
    def drawn(key: jax.Array, ticks: int, cells: int, features: int) -> TickNoise:
        """A frame's draws."""
        sizes = (4 * cells, cells, cells, features)
        draws = normals(key, (ticks, sum(sizes)))
        return TickNoise(*jnp.split(draws, np.cumsum(sizes)[:-1].tolist(), axis=1))

    def kick(self, draw: jax.Array, seconds: float, tau: float | jax.Array) -> jax.Array:
        """What a tick adds to the dendritic sums that decay with ``tau``, so that their rms stays ``dendrite``.

        ``draw`` is [4 * cells] or [4, cells], gate by gate; ``tau`` a number, or one value a dendrite [4 * cells].
        """
        kept = jnp.sqrt(1.0 - decay_over(2.0 * seconds, tau))
        rms = jnp.broadcast_to(self.dendrite, (4, 1)) * (kept.reshape(4, -1) if jnp.ndim(kept) else kept)
        return (rms * draw.reshape(4, -1)).reshape(draw.shape)

    def charge(self, draw: jax.Array, charging: jax.Array, leaking: jax.Array) -> jax.Array:
        """What a tick adds to c at gate currents ``charging`` and ``leaking`` (1 is full)."""
        return jnp.sqrt(self.charging**2 * charging + self.leaking**2 * leaking) * draw

    def driven(self, draw: jax.Array, drive: jax.Array) -> jax.Array:
        """A neuron's drive in a tick, within [0, 1]."""
        return jnp.clip(drive + self.drive * jnp.sqrt(drive) * draw, 0.0, 1.0)


def normals(key: jax.Array, shape: tuple[int, int]) -> jax.Array:
    """Draws of mean 0 and spread 1: sums of four bytes (Irwin and Hall), which end at 3.5 and cost one word each."""
    word = random_words(key, shape)
    pairs = (word & 0x00FF00FF) + ((word >> 8) & 0x00FF00FF)
    sums = ((pairs + (pairs >> 16)) & 0xFFFF).astype(jnp.int32).astype(jnp.float32)
    return (sums - 4 * 127.5) * jnp.float32(1.0 / np.sqrt(4 * (256.0**2 - 1.0) / 12.0))


def noise_of(models: Mapping[str, Mapping[str, float]], frame: Frame, widening: float) -> Noise:
    """Noise of fitted blocks at 300 K.

    Parameters
    ----------
    models : mapping
        SI parameters of ``memory_cell``, ``axon_hillock`` and ``dendritic_adder``.
    frame : Frame
        Gives the tick and the neuron's current at unit drive.
    widening : float
        Capacitance of a gate's dendrite over that of the candidate's, which is the characterized one.
    """
    cell, neuron, dendrite = (models[b] for b in ("memory_cell", "axon_hillock", "dendritic_adder"))
    full_scale = neuron["capacitance"] * neuron["threshold"] * frame.spike_rate

    def charge(current: float) -> float:
        return float(np.sqrt(TRANSISTORS * ELEMENTARY_CHARGE * current * frame.tick_seconds))

    unit = cell["capacitance"] * TANH_UNIT
    held = np.sqrt(BOLTZMANN * TEMPERATURE / dendrite["capacitance"])
    gate = held / np.sqrt(widening) / GATE_UNIT
    return Noise(
        dendrite=jnp.asarray([[gate], [gate], [gate], [held / TANH_UNIT]], jnp.float32),
        charging=charge(cell["i_charge"]) / unit,
        leaking=charge(cell["i_leak"]) / unit,
        drive=charge(full_scale) / (full_scale * frame.tick_seconds),
    )
