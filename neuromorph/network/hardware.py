"""Which circuit block realises each state and product of the step, and what all of it costs; nothing is secretly ideal."""

from __future__ import annotations

from dataclasses import dataclass

from neuromorph.models.neuron_ideal import IdealNeuron
from neuromorph.network.step import Network

IDEAL = "ideal"

FITTED = ""
EXACT = "the step computes the ideal form; the block's own departures are stated, not simulated"

STATES: dict[str, tuple[str, str]] = {
    "cells.c": ("memory_cell", FITTED),
    "cells.rise": (
        "gate_synapse",
        "the column's lag at the external lines' height; it falls as more synapses are read at once",
    ),
    "cells.current": ("dendritic_adder", FITTED),
    "cells.neuron": ("axon_hillock", FITTED),
    "cells.read": (
        "dendritic_adder",
        "the note's dendrite at 25 ns, sampled at the frame's end, with what pulses take from it and from each other; "
        f"what a frame's own notes and its bias put on it decays as if unloaded; {EXACT}",
    ),
    "features.weights": ("stdp_synapse", FITTED),
    "features.rise, features.current, lines.recent": ("excitatory_synapse", FITTED),
    "features.neuron": (
        "axon_hillock",
        "with the winner's latch of feature_neuron until its first spike in a frame; what hangs on its membrane is made up "
        "for by the release knob",
    ),
    "features.threshold": ("adaptive_hillock", EXACT),
    "lines.trace": ("stdp_synapse", FITTED),
    "lines.pre, lines.output": (
        "eligibility_synapse",
        f"a trace with constant charge and leak, one a line; {EXACT}",
    ),
    "eligibility": (
        "eligibility_synapse",
        "decay, both lines' lags and what a trace takes of a pulse fitted; a psi line that carries little lags more",
    ),
    "fast weights": ("eligibility_synapse", FITTED),
    "slow weights": ("weight_store", FITTED),
    "feedback": ("feedback_synapse", FITTED),
}
PRODUCTS: dict[str, tuple[str, str]] = {
    "signed weight read-out of notes, features, cells": (
        "gate_synapse",
        "fitted with its column's output slope, and with the charge that synapses read in one tick take from each other",
    ),
    "weight read-out of the features": ("excitatory_synapse", FITTED),
    "sum on the dendrite": (
        "dendritic_adder",
        "capacitance fitted, and the load up to 250 mV from the reference, beyond which it goes on as it is there",
    ),
    "sigmoid of z_i, z_f, z_o": ("memory_cell", FITTED),
    "tanh of z_g": ("memory_cell", FITTED),
    "i * g": ("memory_cell", FITTED),
    "forget leak of c": ("memory_cell", FITTED),
    "o * relu(tanh c)": ("memory_cell", FITTED),
    "line delay of one tick": ("spike_shaper", f"its delay and pulse take 2.2 ns; {EXACT}"),
    "winner-take-all": ("winner_take_all", EXACT),
    "Diehl update": ("stdp_synapse", FITTED),
    "charging of the eligibility traces": ("slope_unit", FITTED),
    "decay of the eligibility traces": ("gate_line", FITTED),
    "slope of read-out and neuron": (
        "learning_unit",
        "the tail of its pair; the circuit's slope is 1 - tanh(c)^2 on both sides of zero, the step's is 0.3 below it",
    ),
    "sigmoid of the prediction": ("error_unit", EXACT),
    "lateral read-out": ("lateral_synapse", FITTED),
    "prediction minus teacher": ("error_unit", FITTED),
    "feedback to the cells": ("feedback_synapse", FITTED),
    "learning signal of a cell": ("learning_unit", FITTED),
    "three-factor update": ("eligibility_synapse", FITTED),
    "delta updates of read-out and feedback": ("delta_synapse", FITTED),
    "delta updates of lateral weights and biases": ("lateral_synapse", f"their lines are on or off; {EXACT}"),
    "transfer and refresh of weights": ("weight_store", FITTED),
    "input spike encoder": ("axon_hillock", f"a neuron a note at constant current; {EXACT}"),
}


@dataclass(frozen=True)
class Realisation:
    """One state or product of the step; ``block`` is a circuit block or ``"ideal"``."""

    kind: str
    name: str
    block: str
    note: str = ""


def hardware_listing(network: Network, *, fidelity: str) -> list[Realisation]:
    """Every state and product of ``network``'s step with the block that realises it.

    With ``fidelity`` ``"ideal"`` everything is ideal.  Otherwise the note says what of a
    block's behaviour the step does not simulate yet; without a note its fitted model runs.
    """
    rows = [("state", n, *b) for n, b in STATES.items()] + [("product", n, *b) for n, b in PRODUCTS.items()]
    if fidelity == IDEAL:
        return [Realisation(kind, name, IDEAL) for kind, name, _, _ in rows]
    return [_realised(network, *row) for row in rows]


def _realised(network: Network, kind: str, name: str, block: str, note: str) -> Realisation:
    if name.endswith(".neuron") and isinstance(network.blocks.cell_neuron, IdealNeuron):
        return Realisation(kind, name, IDEAL, "perfect integrator with the neuron's dead time")
    return Realisation(kind, name, block, note)
