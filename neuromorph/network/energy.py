"""Energy of a frame from event counts and the joules SPICE measured per event.

Counted: what has a circuit. Spikes of cells and features (switching energy per
spike), the neurons' static power, synaptic releases per line spike, the memory
cells' energy per frame (their static current dominates) and Diehl updates. Not
counted, since it has no circuit yet: weight read-out, eligibility, head,
feedback, weight stores.
"""

from __future__ import annotations

from collections.abc import Mapping

from neuromorph.network.config import NetworkConfig


def energy_per_frame(
    events: Mapping[str, float], models: Mapping[str, Mapping[str, float]], config: NetworkConfig
) -> dict[str, float]:
    """Joules per frame by part, and their sum as ``total``.

    Parameters
    ----------
    events : mapping
        Mean events per frame, as :func:`neuromorph.tasks.evaluate.evaluate` gives them.
    models : mapping
        Fitted parameters by block.
    config : NetworkConfig
    """
    neuron, synapse = models["axon_hillock"], models["excitatory_synapse"]
    spikes = events["cell_spikes"] + events["feature_spikes"]
    neurons = config.cells + config.features.neurons
    parts = {
        "spikes": spikes * neuron["energy_per_spike"],
        "neurons, static": neurons * neuron["static_power"] * config.frame.seconds,
        "synaptic releases": (spikes + events["note_spikes"]) * synapse["energy_per_spike"],
        "memory cells": config.cells * models["memory_cell"]["energy_per_frame"],
        "Diehl updates": events["diehl_updates"] * models["stdp_synapse"]["energy_per_update"],
    }
    return {**parts, "total": sum(parts.values())}
