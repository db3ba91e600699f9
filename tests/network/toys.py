"""Small networks and pieces that compile and run in a moment."""

import numpy as np

from neuromorph.library import Library
from neuromorph.models.fidelity import ideal_blocks, nominal_blocks
from neuromorph.models.frame import Frame
from neuromorph.music.encoding import RegularSpikeEncoder
from neuromorph.network.config import FeatureConfig, LearningConfig, NetworkConfig
from neuromorph.network.simulate import build_network

FRAME = Frame(seconds=100e-9, ticks=20, dead_seconds=5e-9, input_spikes=10)
NOTES, CELLS = 12, 32

MODELS = {  # the study's measured values, rounded; tests only
    "memory_cell": {
        **{
            f"{gate}_{name}": value
            for gate in "ifo"
            for name, value in (("offset", 1.6e-3), ("width", 32.8e-3))
        },
        **dict.fromkeys(("i_floor", "f_floor", "o_floor"), 3e-4),
        "capacitance": 50e-15,
        "i_charge": 32.5e-9,
        "charge_up": 32.5e-9,
        "charge_down": 32.2e-9,
        "g_offset": 0.4e-3,
        "g_width": 68e-3,
        "i_leak": 26e-9,
        "v_leak_width": 65e-3,
        "v_headroom": 42e-3,
        "v_rest": -1e-3,
        "i_hold": 2e-12,
        "g_hold": 5e-12,
        "f_inversion": 0.1,
        "leak_inversion": 0.1,
        "leak_source": 0.98,
        "read_inversion": 0.2,
        "i_wait": 1e-13,
        "g_wait": 4e-12,
        "rejoin_share": 0.018,
        "rejoin_near": 0.004,
        "v_rejoin": 1e-5,
        "q_tail": 7e-17,
        "q_side": 3e-17,
        "q_sink": 1e-17,
        "read_gain": 1.0,
        "v_read_offset": 0.5e-3,
        "v_read_width": 65e-3,
    },
    "excitatory_synapse": {
        "tau_decay": 10e-9,
        "tau_rise": 1e-9,
        "delay": 0.9e-9,
        "gain": 1.0,
        "facilitation": 0.0,
        "tau_release": 15e-9,
        "v_weight_width": 32e-3,
    },
    "feature_neuron": {
        "membrane_charge": 1.4e-15,
        "load_charge": 0.1e-15,
        "synapse_charge": 0.1e-15,
        "latch_charge": 0.2e-15,
    },
    "axon_hillock": {"t_dead": 5e-9},
    "stdp_synapse": {
        "dw_up": 0.04,
        "dw_down": 0.04,
        "v_stop_up": 0.4,
        "saturation": 1.2,
        "v_fade": 55e-3,
        "v_stop_down": 0.4,
        "v_width": 82e-3,
        "v_shift": -3e-3,
        "tau_trace": 25e-9,
        "v_trace_step": 24e-3,
        "overlap": 0.25e-9,
        "v_trace_width": 67e-3,
    },
    "eligibility_synapse": {
        "compression": 1.0,
        "trace_power": 0.83,
        "trace_bend": -0.02,
        "reach": 2.2,
        "psi_lag": 0.08e-9,
        "psi_power": 1.02,
        "leak_lag": 0.07e-9,
        "residual": 2e-3,
        "residual_half": 0.1,
        "decay_full": 0.85,
        "decay_power": 0.93,
        "drift": 8e-7,
        "gain": 0.029,
        "floor": 0.007,
        "floor_width": 30e-3,
        "floor_bend": 0.0,
    },
    **Library.shipped().models("delta_synapse", "dendritic_adder", "gate_synapse", "slope_unit"),
    "error_unit": {"time_up": 16.5e-9, "time_down": 16.1e-9},
    "feedback_synapse": {"read_charge": 7.5e-15, "v_width": 71e-3},
    "learning_unit": {"capacitance": 320e-15, "v_width": 60e-3, "v_offset": 170e-6, "down": 0.98},
    "weight_store": {"share": 0.032, "pull": 4e-4, "levels": 32.0},
}


def toy_config(**changes):
    settings = {
        "notes": NOTES,
        "cells": CELLS,
        "frame": FRAME,
        "features": FeatureConfig(neurons=8, winners=2, gain=1.0),
        "learning": LearningConfig(dropout=0.1, block=16),
    }
    return NetworkConfig(**settings | changes)


def thresholds(config):
    frame = config.frame
    return RegularSpikeEncoder(frame.input_spikes, frame.ticks, config.notes).thresholds()


def toy(seed=0, blocks=None, **changes):
    """Network and state; ``blocks`` default ideal."""
    config = toy_config(**changes)
    blocks = ideal_blocks(config.frame) if blocks is None else blocks
    odds = np.full(config.notes, -2.0, np.float32)
    return build_network(config, blocks, seed=seed, log_odds=odds, thresholds=thresholds(config))


def toy_nominal(**changes):
    """Hardware blocks of the toy's frame, with one block's parameters changed, e.g. gate={...}."""
    models = {name: dict(values) | changes.get(name, {}) for name, values in MODELS.items()}
    for name in set(changes) - set(models):
        models[name] = changes[name]
    return nominal_blocks(models, FRAME)


def tune(frames=48, seed=0):
    """A piece [frames, NOTES] that walks up a scale in thirds: the past decides what comes."""
    offset = np.random.default_rng(seed).integers(NOTES)
    roll = np.zeros((frames, NOTES), np.float32)
    steps = (np.arange(frames) + offset) % NOTES
    roll[np.arange(frames), steps] = 1.0
    roll[np.arange(frames), (steps + 3) % NOTES] = 1.0
    return roll


def tunes(count=8, frames=33):
    return [tune(frames, seed) for seed in range(count)]
