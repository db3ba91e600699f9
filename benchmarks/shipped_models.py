"""Blocks from the shipped reference library, with single parameters changed for ablations."""

from __future__ import annotations

from collections.abc import Sequence

from neuromorph.library import Library
from neuromorph.models.fidelity import BlockSet
from neuromorph.models.frame import Frame
from neuromorph.models.library_blocks import BLOCKS, with_fitted_neuron
from neuromorph.models.library_blocks import blocks_for as library_blocks


def blocks_for(fidelity: str, frame: Frame, changes: Sequence[str] = (), noise: bool = False) -> BlockSet:
    """Ideal or nominal blocks; ``changes`` are texts ``block.parameter=SI value``."""
    if fidelity == "ideal" or not changes:
        return library_blocks(fidelity, frame, Library.shipped(), noise)[0]
    models = {name: dict(values) for name, values in Library.shipped().models(*BLOCKS).items()}
    for change in changes:
        path, value = change.split("=")
        block, name = path.split(".")
        models[block][name] = float(value)
    return with_fitted_neuron(models, frame, noise)


def library_hash(fidelity: str) -> str:
    """Digest of the shipped blocks that a network is made of; empty for the ideal network, which reads none."""
    return "" if fidelity == "ideal" else Library.shipped().digest(*BLOCKS)
