"""Energy of a frame from event counts and the joules SPICE measured per event.

Assumptions: static power flows for the whole frame and for the learning phase or the pause after it, winners' unit
currents in the frame alone, dendrites at their default bias; a synapse's read takes both halves of its charge from
the supply, once in the column and once mirrored; a line of 0.15 pF, a feature's for its updates too, is charged by its
shaper, whose energy has that;
every synapse is updated in every learning frame, a feature's where it spikes, those of the gates by a current that is
larger by the gain of their pulses. Not counted: what is shared by the chip (timing, staircase, bias generators), and what
Diehl's updates draw from the rail of their bound.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neuromorph.fitting.eligibility import LEAK_FULL
from neuromorph.fitting.lines import SHAPER_LOAD
from neuromorph.fitting.readout import pulse_charge
from neuromorph.fitting.synapse import releases
from neuromorph.models.fidelity import gate_dendrites
from neuromorph.models.learning_unit import LEARNING_SECONDS, PAUSE_SECONDS
from neuromorph.network.budget import LINES_PER_CELL, SIGNED_SLOPES, instances, static_power
from neuromorph.network.config import NetworkConfig

SUPPLY = 0.8


def energy_per_frame(
    events: Mapping[str, float],
    models: Mapping[str, Mapping[str, float]],
    config: NetworkConfig,
    learning: bool = False,
) -> dict[str, float]:
    """Joules per frame by part, and their sum as ``total``.

    Parameters
    ----------
    events : mapping
        Mean events per frame, as :func:`neuromorph.tasks.evaluate.evaluate` gives them.
    models : mapping
        Fitted parameters by block.
    config : NetworkConfig
    learning : bool
        Whether the frame is learned from; its phase costs time and updates.
    """
    seconds = config.frame.seconds + (LEARNING_SECONDS if learning else PAUSE_SECONDS)
    parts = _spiking(events, models, config) | _static(models, config, seconds)
    parts["winner-take-all, static"] = config.frame.seconds * static_power("winner_take_all", config, models)
    if learning:
        parts |= _learning(events, models, config)
    return {**parts, "total": sum(parts.values())}


def _spiking(
    events: Mapping[str, float], models: Mapping[str, Mapping[str, float]], config: NetworkConfig
) -> dict[str, float]:
    read, design = models["gate_synapse"], gate_dendrites(models, config.frame)
    update = models["update_shaper"]
    external = events["feature_spikes"] + events["note_spikes"]
    spikes = events["cell_spikes"] + external
    charge = sum(
        count * float(pulse_charge(read, height, 1.0))
        for count, height in ((events["cell_spikes"], design.cell_height), (external, design.external_height))
    )
    return {
        "spikes": spikes * models["axon_hillock"]["energy_per_spike"],
        "forget lines, open": events["forget_gates_open"] * LEAK_FULL * SUPPLY * config.frame.seconds,
        "spike shapers": spikes * models["spike_shaper"]["energy_per_spike"]
        + events["feature_spikes"] * (update["energy_unloaded"] + SHAPER_LOAD * update["energy_per_farad"]),
        "trace shapers": spikes * models["trace_shaper"]["energy_per_spike"],
        "traces of the notes, spikes": events["note_spikes"]
        * models["stdp_synapse"]["energy_per_trace_spike"],
        "feature synapses": events["note_spikes"]
        * config.features.neurons
        * _energy_per_read(models["excitatory_synapse"], config),
        "weight read-outs": 4 * config.cells * 2 * SUPPLY * charge,
    }


def _energy_per_read(synapse: Mapping[str, float], config: NetworkConfig) -> float:
    """J of a spike through a feature synapse, in the mean over a line that sounds for a frame."""
    frame = config.frame
    train = frame.seconds / frame.input_spikes * np.arange(frame.input_spikes)
    return (
        synapse["energy_per_spike"]
        + float(np.mean(releases(train, synapse) - 1)) * synapse["energy_per_release"]
    )


def _static(
    models: Mapping[str, Mapping[str, float]], config: NetworkConfig, seconds: float
) -> dict[str, float]:
    def energy(*blocks: str) -> float:
        return seconds * sum(static_power(block, config, models) for block in blocks)

    return {
        "neurons, static": energy("axon_hillock", "adaptive_hillock"),
        "traces of the notes, static": energy("stdp_trace"),
        "dendrites, static": energy("dendrite_column", "dendritic_adder"),
        "memory cells": energy("memory_cell"),
        f"gate lines, static ({LINES_PER_CELL} a cell)": energy("gate_line"),
        f"slope units, static ({SIGNED_SLOPES + 1} a cell)": energy("slope_unit", "slope_unit_unsigned"),
    }


def _learning(
    events: Mapping[str, float], models: Mapping[str, Mapping[str, float]], config: NetworkConfig
) -> dict[str, float]:
    count = instances(config)
    updates = sum(
        count[b] * models[b]["energy_per_update"]
        for b in ("eligibility_synapse", "delta_synapse", "feedback_synapse", "lateral_synapse")
    )
    conversions = sum(count[b] * models[b]["energy_per_conversion"] for b in ("error_unit", "learning_unit"))
    # a feature's spike updates all its synapses; the events may be those of a pass that did not learn
    diehl = events["feature_spikes"] * config.notes * models["stdp_synapse"]["energy_per_update"]
    return {
        "Diehl updates": diehl,
        "weight updates": updates,
        "errors and learning signals": conversions,
        "weight refresh": count["weight_cell"]
        * models["weight_store"]["energy_per_refresh"]
        / config.learning.block,
    }
