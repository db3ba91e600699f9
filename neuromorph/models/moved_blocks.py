"""Blocks whose knobs are set as designed and whose circuits are at another temperature and supply.

What every instance has of its own moves with it (:mod:`neuromorph.models.mismatch`); here is the rest: time constants of a
feature's synapse, what loads a dendrite, what pulses take from each other, how a read-out bends and an update saturates.
The traces of an eligibility are what they are at the usual corner: they were measured at no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from neuromorph.fitting.dendrite_design import moved_design
from neuromorph.fitting.readout import V_LINE
from neuromorph.models.fidelity import (
    BlockSet,
    feature_synapse,
    gate_dendrite,
    gate_dendrites,
    gate_readout,
    note_dendrite,
)
from neuromorph.models.frame import Frame
from neuromorph.models.gate import GATE_UNIT, TANH_UNIT

Models = Mapping[str, Mapping[str, float]]


def moved_blocks(blocks: BlockSet, usual: Models, there: Models, frame: Frame) -> BlockSet:
    """``blocks``, made of the models of the ``usual`` corner, with those parts moved to ``there``.

    Parameters
    ----------
    usual, there : block -> {parameter: SI value}, the second of the same blocks at another temperature and supply
    """
    readout, adder = there["gate_synapse"], there["dendritic_adder"]
    design = moved_design(
        gate_dendrites(usual, frame), adder, readout, candidate_unit=TANH_UNIT, gate_unit=GATE_UNIT
    )
    nodes, head = gate_dendrite(design, frame), gate_readout(readout, V_LINE)
    return replace(
        blocks,
        feature_synapse=feature_synapse(usual["excitatory_synapse"], frame, there["excitatory_synapse"]),
        dendrite=replace(blocks.dendrite, tau_rise=nodes.tau_rise, load=nodes.load, crowd=nodes.crowd),
        note_dendrite=note_dendrite(usual, frame, there),
        external_readout=gate_readout(readout, design.external_height),
        cell_readout=gate_readout(readout, design.cell_height),
        head_readout=head,
        lateral_readout=head,
        feedback_readout=head,
        eligibility=replace(blocks.eligibility, compression=there["eligibility_synapse"]["compression"]),
        delta=replace(blocks.delta, compression=there["delta_synapse"]["compression"]),
    )
