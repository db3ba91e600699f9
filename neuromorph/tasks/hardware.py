"""Blocks of a run: ideal, nominal, or a chip's own."""

from __future__ import annotations

from neuromorph.library import Library
from neuromorph.models.fidelity import BlockSet
from neuromorph.models.library_blocks import blocks_for, chip_blocks
from neuromorph.models.mismatch import Chip, Sizes
from neuromorph.network.config import NetworkConfig
from neuromorph.tasks.run import RunFacts


def network_blocks(
    config: NetworkConfig, fidelity: str, library: Library, noise: bool = False, chip: Chip | None = None
) -> tuple[BlockSet, str]:
    """Blocks of a network and the hash of what they came from (empty for the ideal one).

    Parameters
    ----------
    fidelity : {"ideal", "nominal", "mismatch"}
    noise : bool
        Whether the hardware's state nodes are noisy.
    chip : Chip, optional
        Of a mismatched network; 20 % and number 0 by default.

    Raises
    ------
    InputError
        For an unknown fidelity, or noise without hardware.
    LibraryError
        When the library lacks a block, its fit or its sensitivity.
    """
    if fidelity != "mismatch":
        return blocks_for(fidelity, config.frame, library, noise)
    sizes = Sizes(config.notes, config.features.neurons, config.cells)
    return chip_blocks(chip or Chip(0.2), sizes, config.frame, library, noise)


def blocks_of(facts: RunFacts, library: Library) -> tuple[BlockSet, str]:
    """Blocks of a run, as :func:`network_blocks` makes them."""
    return network_blocks(facts.config, facts.fidelity, library, facts.noise, facts.drawn)
