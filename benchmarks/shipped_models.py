"""Blocks from the shipped reference library, with single parameters changed for ablations."""

from __future__ import annotations

from collections.abc import Sequence

from neuromorph.library import Library
from neuromorph.models.fidelity import ASSUMED, BlockSet, ideal_blocks, nominal_blocks
from neuromorph.models.frame import Frame
from neuromorph.models.neuron_hardware import hardware_neuron

BLOCKS = ("axon_hillock", "excitatory_synapse", "gate", "memory_cell", "stdp_synapse")


def blocks_for(fidelity: str, frame: Frame, changes: Sequence[str] = ()) -> BlockSet:
    """Ideal or nominal blocks; ``changes`` are texts ``block.parameter=SI value``."""
    if fidelity == "ideal":
        return ideal_blocks(frame)
    library = Library.shipped()
    models = {name: dict(values) for name, values in (dict(library.models(*BLOCKS)) | ASSUMED).items()}
    for change in changes:
        path, value = change.split("=")
        block, name = path.split(".")
        models[block][name] = float(value)
    unit_interval = frame.seconds / frame.spikes_per_unit
    neuron = hardware_neuron(models["axon_hillock"], unit_interval, frame.tick_seconds)
    return nominal_blocks(models, frame, neuron=neuron)


def library_hash(fidelity: str) -> str:
    """Digest of the shipped library; empty for the ideal network, which reads none."""
    return "" if fidelity == "ideal" else Library.shipped().digest()
