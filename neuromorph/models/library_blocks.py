"""Blocks of a fidelity, straight from a characterization library."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from neuromorph.errors import InputError
from neuromorph.fitting.cell_knobs import reading
from neuromorph.library import Library
from neuromorph.models.box import box_of
from neuromorph.models.fidelity import BlockSet, gate_dendrites, ideal_blocks, nominal_blocks
from neuromorph.models.frame import Frame
from neuromorph.models.mismatch import Chip, Sizes, corner_tables, mismatched, read_variation
from neuromorph.models.neuron_hardware import full_scale_current, hardware_neuron
from neuromorph.models.noise import noise_of
from neuromorph.models.pytree import as_float32

FIDELITIES = ("ideal", "nominal", "mismatch")
BLOCKS = (
    "axon_hillock", "delta_synapse", "dendritic_adder", "eligibility_synapse", "error_unit", "excitatory_synapse",
    "feature_neuron",
    "feedback_synapse", "gate_line", "gate_synapse", "learning_unit", "memory_cell", "slope_unit", "stdp_synapse",
    "weight_store",
)  # fmt: skip
"""Blocks that a nominal network is made of."""
BOXED = ("eligibility_synapse", "memory_cell")
"""Blocks whose validity ranges a network is watched for."""


def blocks_for(fidelity: str, frame: Frame, library: Library, noise: bool = False) -> tuple[BlockSet, str]:
    """Blocks of a network and the hash of the library they came from.

    Parameters
    ----------
    fidelity : {"ideal", "nominal"}
        A chip's blocks depend on the network's size, too: :func:`chip_blocks`.
    frame : Frame
    library : Library
        Not read for ``"ideal"``, whose hash is empty.
    noise : bool
        Whether the state nodes carry thermal and shot noise; ``"ideal"`` has none.

    Raises
    ------
    InputError
        For an unknown fidelity, or noise without hardware.
    LibraryError
        When the library lacks a block or its fit.
    """
    if fidelity == "ideal":
        if noise:
            raise InputError("an ideal network has no noise", remedy="leave --noise out or take nominal")
        return ideal_blocks(frame), ""
    if fidelity == "mismatch":
        raise InputError("a chip's blocks depend on the network", remedy="take chip_blocks")
    if fidelity != "nominal":
        raise InputError(f"fidelity {fidelity!r} is unknown", remedy=f"choose from {', '.join(FIDELITIES)}")
    made = with_fitted_neuron(library.models(*BLOCKS), frame, noise)
    box = as_float32(box_of(library.boxes(*BOXED)))
    return replace(made, box=box), library.digest(*BLOCKS)


def chip_blocks(
    chip: Chip, sizes: Sizes, frame: Frame, library: Library, noise: bool = False, *,
    variation: Path | None = None, corners: Path | None = None,
) -> tuple[BlockSet, str]:  # fmt: skip
    """Blocks of a chip, whose transistors are all its own, and the hash of what they came from.

    Parameters
    ----------
    chip : Chip
    sizes : Sizes
        Of the network.
    noise : bool
        Whether the state nodes carry thermal and shot noise.
    variation, corners : Path, optional
        Folders of sensitivities and of tables of corners, by default those of the package.

    Raises
    ------
    LibraryError
        When the library lacks a block or its fit, or there are no sensitivities, or no table of a block whose temperature
        or supply is another.
    OutOfRange
        For a temperature or supply outside 0 to 85 C or 0.72 to 0.88 V.
    """
    tables = corner_tables(chip.corner, corners)
    blocks = (*BLOCKS, "lateral_synapse", "update_shaper")
    known, models = read_variation(variation), library.models(*blocks)
    nominal, _ = blocks_for("nominal", frame, library, noise)
    made = mismatched(nominal, models, known, sizes, frame, chip, tables)
    slopes = json.dumps(
        [known[block].to_dict() for block in sorted(known)]
        + [tables[block].to_dict() for block in sorted(tables)]
    )
    return made, f"{library.digest(*blocks)}-{zlib.crc32(slopes.encode()):08x}"


def with_fitted_neuron(
    models: Mapping[str, Mapping[str, float]], frame: Frame, noise: bool = False
) -> BlockSet:
    """Nominal blocks from fitted parameters, the neuron included; the cells' read-out is biased to its full scale."""
    unit_interval = frame.seconds / frame.spikes_per_unit
    full_scale = full_scale_current(models["axon_hillock"], unit_interval)
    models = {**models, "memory_cell": reading(models["memory_cell"], full_scale)}
    neuron = hardware_neuron(models["axon_hillock"], unit_interval, frame.tick_seconds)
    blocks = nominal_blocks(models, frame, neuron=neuron)
    if not noise:
        return blocks
    return replace(blocks, noise=as_float32(noise_of(models, frame, gate_dendrites(models, frame).widening)))
