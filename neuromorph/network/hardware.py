"""Which circuit block realises each state and product of the step; nothing is secretly ideal."""

from __future__ import annotations

from dataclasses import dataclass

from neuromorph.models.neuron_ideal import IdealNeuron
from neuromorph.network.step import Network

IDEAL = "ideal"

STATES = {
    "cells.c": "memory_cell",
    "cells.rise, cells.current": "excitatory_synapse",
    "cells.recent, lines.recent": "excitatory_synapse",
    "cells.neuron": "axon_hillock",
    "cells.read": IDEAL,
    "features.weights": "stdp_synapse",
    "features.rise, features.current": "excitatory_synapse",
    "features.neuron": "axon_hillock",
    "features.threshold": IDEAL,
    "lines.trace": "stdp_synapse",
    "lines.pre, lines.output": IDEAL,
    "eligibility": IDEAL,
    "fast weights": IDEAL,
    "slow weights": IDEAL,
    "feedback": IDEAL,
}
PRODUCTS = {
    "spike to dendritic current": "excitatory_synapse",
    "signed weight read-out of notes, features, cells": IDEAL,
    "sum on the dendrite": IDEAL,
    "sigmoid of z_i, z_f, z_o": "gate",
    "tanh of z_g": "gate",
    "i * g": "memory_cell",
    "forget leak of c": "memory_cell",
    "o * relu(tanh c)": "memory_cell",
    "line delay of one tick": IDEAL,
    "winner-take-all": IDEAL,
    "Diehl update": "stdp_synapse",
    "charging of the eligibility traces": IDEAL,
    "decay of the eligibility traces": IDEAL,
    "slope of read-out and neuron": IDEAL,
    "sigmoid of the prediction": IDEAL,
    "lateral read-out": IDEAL,
    "prediction minus teacher": IDEAL,
    "feedback to the cells": IDEAL,
    "three-factor update": IDEAL,
    "delta updates of read-out, lateral, feedback": IDEAL,
    "transfer and refresh of weights": IDEAL,
    "input spike encoder": IDEAL,
}
ASSUMED = {
    "eligibility": "compression and raw-spike charging as assumed in models.fidelity.ASSUMED",
    "three-factor update": "compression as assumed in models.fidelity.ASSUMED",
    "fast weights": "range and drift as assumed in models.fidelity.ASSUMED",
    "slow weights": "resolution as assumed in models.fidelity.ASSUMED",
    "transfer and refresh of weights": "latched refresh as assumed in models.fidelity.ASSUMED",
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

    With ``fidelity`` ``"ideal"`` everything is ideal; otherwise blocks of this
    library version are named, and what has no circuit yet says ``"ideal"``, with a
    note where a non-ideality is assumed nevertheless.
    """
    rows = [("state", n, b) for n, b in STATES.items()] + [("product", n, b) for n, b in PRODUCTS.items()]
    if fidelity == IDEAL:
        return [Realisation(kind, name, IDEAL) for kind, name, _ in rows]
    return [_realised(network, kind, name, block) for kind, name, block in rows]


def _realised(network: Network, kind: str, name: str, block: str) -> Realisation:
    if block == "axon_hillock" and isinstance(network.blocks.cell_neuron, IdealNeuron):
        return Realisation(kind, name, IDEAL, "perfect integrator with the neuron's dead time")
    return Realisation(kind, name, block, ASSUMED.get(name, ""))
