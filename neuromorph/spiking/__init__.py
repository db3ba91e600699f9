"""General spiking networks: populations, sources, projections and their plasticity, in one compiled loop."""

from __future__ import annotations

from neuromorph.plasticity.spike_pairs import PairSTDP, PostTriggered
from neuromorph.spiking.network import SpikeList, SpikingNetwork
from neuromorph.spiking.neurons import LIF, AxonHillock, axon_hillock
from neuromorph.spiking.projections import AllButOne, Dense, OneToOne, Sparse
from neuromorph.spiking.run import SpikingRun

__all__ = [
    "LIF", "AllButOne", "AxonHillock", "Dense", "OneToOne", "PairSTDP", "PostTriggered", "Sparse", "SpikeList",
    "SpikingNetwork", "SpikingRun", "axon_hillock",
]  # fmt: skip
