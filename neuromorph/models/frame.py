"""The frame: the one decision that ties circuit time to music time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax

from neuromorph.errors import InputError


@dataclass(frozen=True)
class Frame:
    """Clock and rate code of a network; hashable, part of the compiled program.

    Parameters
    ----------
    seconds : length of a frame in circuit time, s
    ticks : steps of the simulation in a frame
    music_seconds : what a frame stands for in the music, s
    spikes_per_unit : spikes a neuron would fire in a frame at unit rate without dead time
    dead_seconds : dead time of the spiking neurons, s
    input_spikes : spikes a fully active input line carries in a frame
    tau_synapse : decay of the dendritic current, s
    tau_read : decay of the read-out's spike filter, s
    """

    seconds: float = 100e-9
    ticks: int = 50
    music_seconds: float = 0.4
    spikes_per_unit: float = 64.0
    dead_seconds: float = 5e-9
    input_spikes: int = 16
    tau_synapse: float = 10e-9
    tau_read: float = 25e-9

    def __post_init__(self) -> None:
        for name in ("seconds", "ticks", "music_seconds", "spikes_per_unit", "tau_synapse", "tau_read"):
            if not getattr(self, name) > 0:
                raise InputError(f"a frame's {name} is {getattr(self, name)}", remedy="it must be positive")
        if self.dead_seconds < 0 or not 1 <= self.input_spikes <= self.ticks:
            raise InputError(
                f"dead_seconds {self.dead_seconds:g}, {self.input_spikes} input spikes in {self.ticks} ticks",
                remedy="dead time must not be negative, input spikes 1 to the number of ticks",
            )
        if self.dead_seconds + 1 / self.spike_rate < self.tick_seconds:
            raise InputError(
                f"neurons may fire faster than one spike a tick of {self.tick_seconds:g} s",
                remedy="give the frame more ticks, a longer dead time or fewer spikes per unit",
            )

    @property
    def tick_seconds(self) -> float:
        """Length of a tick, s."""
        return self.seconds / self.ticks

    @property
    def spike_rate(self) -> float:
        """Spikes per second at unit rate without dead time."""
        return self.spikes_per_unit / self.seconds

    def line_charge(self, spikes: float) -> float:
        """Charge of a spike such that ``spikes`` a frame mean a mean dendritic current of 1."""
        return self._charge(spikes, self.tau_synapse)

    @property
    def read_charge(self) -> float:
        """Charge of a spike at the read-out: a cell without dead time at unit rate reads 1."""
        return self._charge(self.spikes_per_unit, self.tau_read)

    def _charge(self, spikes: float, tau: float) -> float:
        return self.ticks / spikes * -math.expm1(-self.tick_seconds / tau)

    def rate_slope(self, drive: jax.Array) -> jax.Array:
        """d(spike rate)/d(drive) over its value without dead time: ``1 / (1 + rate drive t_dead)^2``."""
        return 1.0 / (1.0 + self.spike_rate * self.dead_seconds * drive) ** 2
