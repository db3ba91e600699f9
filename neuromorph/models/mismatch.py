"""A chip: the instances of its blocks have transistors of their own.

What a transistor's shift does to its block's fitted parameters is measured once (``neuromorph sensitivity``) and comes with
the package; an instance adds up what its own transistors do, and what the squares of its offsets do.  The draws
of a chip depend on its number, the block and its place in the network alone.

Drawn are the blocks in :data:`DRAWN` whose sensitivity there is; the others, among them weight stores, gate lines, slope
units, the decay and gain of single traces and the columns of the dendrites, are as designed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from neuromorph.characterization.corner_table import OFFSETS, CornerTable, read_corners
from neuromorph.characterization.corners import USUAL, ZERO_CELSIUS, Corner
from neuromorph.characterization.sensitivity import Sensitivity
from neuromorph.devices.variation import DeviceStatistics
from neuromorph.errors import InputError, LibraryError
from neuromorph.fitting.cell_knobs import at_knobs, read_bias
from neuromorph.fitting.dendrite_design import DendriteDesign
from neuromorph.fitting.neuron_form import DEAD_TERMS, DEAD_TIMES, with_dead_times
from neuromorph.fitting.pulses import widest_error
from neuromorph.fitting.readout import READ_LAW, WEIGHT_VOLT, read_offset, unit_charge
from neuromorph.models.diehl import WEIGHT_UNIT
from neuromorph.models.fidelity import (
    FEATURE_ZERO,
    BlockSet,
    amplifier,
    diehl_synapse,
    gate_dendrites,
    learning_unit,
    memory_cell,
    sigmoid_gates,
)
from neuromorph.models.frame import Frame
from neuromorph.models.gate import GATE_UNIT, TANH_UNIT
from neuromorph.models.moved_blocks import moved_blocks
from neuromorph.models.neuron_hardware import full_scale_current, hardware_neuron
from neuromorph.models.pytree import as_float32
from neuromorph.models.synapse import decay_over
from neuromorph.models.update_rates import UpdateRates
from neuromorph.models.weight_readout import ANY, LARGEST, WeightReadout

_DELTA = ("rate", "read_charge", "v_width", "read_rest")
_TRACE = ("tau_trace", "v_trace_step", "v_trace_width", "v_trace_rest")
_TRACE_DEVICES, _UPDATE_DEVICES = "xt.", "xu."
"""Of a ``stdp_synapse``: the trace of a line, which all of its synapses share, and the update of one of them."""
DRAWN: Mapping[str, tuple[str, ...]] = {
    "axon_hillock": (
        "capacitance", "threshold", "overshoot", "leak_current", "leak_conductance", "knee", "current_scale",
        *DEAD_TIMES,
    ),
    "delta_synapse": _DELTA,
    "dendritic_adder": ("capacitance", "conductance", "v_rest"),
    "eligibility_synapse": ("rate", "twin"),
    "error_unit": ("time_up", "time_down", "v_offset"),  # both windows share what would make a rest
    "excitatory_synapse": ("v_weight_offset", "v_weight_width", "weight_charge"),
    "feedback_synapse": ("rate", "read_charge", "v_width"),  # two windows cancel its rest
    "gate_synapse": tuple(name for name in READ_LAW if name != "rest_share"),  # a thousandth of the offset
    "lateral_synapse": _DELTA,
    "learning_unit": ("capacitance", "v_width", "time_per_slope"),  # of its sign and zero nothing is left
    "memory_cell": (
        "i_charge", "charge_up", "charge_down", "g_offset", "g_width", "i_leak", "i_read", "i_hold",
        "leak_source", "v_leak_width", "v_rest", "v_headroom", "read_gain", "v_read_offset", "v_read_width",
        "i_offset", "i_width", "i_floor", "f_offset", "f_width", "f_floor", "o_offset", "o_width",
    ),
    "stdp_synapse": (
        "dw_up", "dw_down", "v_stop_up", "v_stop_down", "v_width", "v_shift", "saturation", "v_fade",
        *_TRACE,
    ),
    "update_shaper": ("width",),
}  # fmt: skip
"""Blocks whose instances are drawn, and the parameters that differ."""
LEAST = 0.1
"""Of its usual value: no instance's width, capacitor or current is smaller."""
LEAST_DEAD = 0.4
"""Of the design's, of a neuron's dead time."""
USUAL_CELSIUS = USUAL.kelvin - ZERO_CELSIUS
"""Where the library was characterized."""


@dataclass(frozen=True)
class Chip:
    """Which draw of all transistors of the blocks whose sensitivity is known.

    Parameters
    ----------
    mismatch : log sd of the subthreshold current of a transistor of eight tubes
    number : of the chip; another one has other transistors
    scale : factors of the mismatch by block: 0 leaves a block as designed, 0.5 is four times as many tubes
    celsius, supply : temperature, C, and supply, V, of all of it; biases are those of the usual ones
    given : standard normal numbers of a block's transistors, [instances, devices], in the place of drawn ones; by block,
        and after a space the place where that has one (``axon_hillock features``)

    Raises
    ------
    InputError
        For a mismatch that is negative or beyond 2, or a factor of a block that is not drawn.
    """

    mismatch: float
    number: int = 0
    scale: Mapping[str, float] = field(default_factory=dict)
    celsius: float = USUAL_CELSIUS
    supply: float = USUAL.supply
    given: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def corner(self) -> Corner:
        """Temperature and supply."""
        return Corner(self.celsius + ZERO_CELSIUS, self.supply)

    def __post_init__(self) -> None:
        DeviceStatistics(mismatch=self.mismatch)
        wrong = sorted(name for name, factor in self.scale.items() if name not in DRAWN or not factor >= 0)
        if wrong:
            raise InputError(
                f"chip: no factor of {', '.join(wrong)}", remedy=f"give 0 or more for {', '.join(DRAWN)}"
            )


@dataclass(frozen=True)
class Sizes:
    """How many of everything: notes, features, cells."""

    notes: int
    features: int
    cells: int


def read_variation(folder: Path | None = None) -> dict[str, Sensitivity]:
    """Sensitivities of the blocks in :data:`DRAWN` that a folder has, by default the package's.

    Raises
    ------
    LibraryError
        Where there is none, or a file cannot be read.
    """
    folder = folder or Path(__file__).parent.parent / "data" / "variation"
    found = {}
    for block in DRAWN:
        file = folder / f"{block}.json"
        if not file.exists():
            continue
        try:
            found[block] = Sensitivity.from_dict(json.loads(file.read_text()))
            lacking = sorted(set(DRAWN[block]) - set(found[block].slopes))
            if lacking:
                raise ValueError(f"it lacks {', '.join(lacking)}")
        except (KeyError, TypeError, ValueError) as error:
            raise LibraryError(
                f"this is no sensitivity ({error})", where=file, remedy="measure it again"
            ) from error
    if not found:
        raise LibraryError(
            "no sensitivities here",
            where=folder,
            remedy=f"neuromorph sensitivity gate --points 4 --out {folder}",
        )
    return found


def corner_tables(corner: Corner, folder: Path | None = None) -> dict[str, CornerTable]:
    """Tables of all blocks in :data:`DRAWN`, by default the package's; none for the usual corner.

    Raises
    ------
    OutOfRange
        Outside 0 to 85 C or 0.72 to 0.88 V.
    LibraryError
        Where a block has none, or a file cannot be read.
    """
    if corner == USUAL:
        return {}
    corner.checked("chip")
    return {block: read_corners(block, folder) for block in DRAWN}


@dataclass(frozen=True)
class _Draws:
    models: Mapping[str, Mapping[str, float]]
    variation: Mapping[str, Sensitivity]
    chip: Chip
    corners: Mapping[str, CornerTable]

    def of(self, block: str, shape: tuple[int, ...], place: str = "", only: str = "") -> dict[str, Any]:
        """All of a block's parameters, those in :data:`DRAWN` as arrays of ``shape``; of the transistors, those count whose
        path begins with ``only``."""
        return self._there(block, {**self.models[block], **self._drawn(block, shape, place, only)})

    def designed(self, block: str) -> dict[str, Any]:
        """A block's parameters without any draw, at the chip's temperature and supply."""
        return self._there(block, self.models[block])

    def _there(self, block: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        table = self.corners.get(block)
        return table.at(parameters, self.chip.corner) if table else dict(parameters)

    def _drawn(self, block: str, shape: tuple[int, ...], place: str, only: str) -> dict[str, Any]:
        known, usual = self.variation.get(block), self.models[block]
        wanted = {name: usual[name] for name in DRAWN[block]}
        if known is None:
            return {name: np.full(shape, value, np.float32) for name, value in wanted.items()}
        shifts = self._normal(f"{block} {place}", (*shape, len(known.devices)))
        shifts *= np.float32(self.chip.mismatch * self.chip.scale.get(block, 1.0))
        shifts *= np.array([name.startswith(only) for name in known.devices], np.float32)
        moved = known.moved(wanted, shifts)
        sizes = {name for name in known.scales if not name.endswith(OFFSETS)}
        return {n: _held(v, usual[n]) if n in sizes else v for n, v in moved.items()}

    def _normal(self, where: str, shape: tuple[int, ...]) -> np.ndarray:
        given = self.chip.given.get(where.strip())
        if given is not None:
            return np.asarray(given, np.float32).reshape(shape)
        draw = np.random.default_rng([self.chip.number, zlib.crc32(where.encode())])
        return draw.standard_normal(shape, np.float32)


def _held(values: np.ndarray, usual: float) -> np.ndarray:
    """Scales that do not fall below a share of their usual size."""
    return np.sign(usual) * np.maximum(np.abs(values), LEAST * abs(usual))


def _refractory(own: Mapping[str, Any], usual: Mapping[str, float]) -> dict[str, Any]:
    """A neuron's parameters, the terms of its dead time by its drawn values, none below a share of the design's."""
    names = [f"dead_time_{k}" for k in range(DEAD_TERMS)]
    ratios = [np.maximum(own[name] / usual[name], LEAST_DEAD) for name in DEAD_TIMES]
    terms = with_dead_times([usual[name] for name in names], ratios)
    return {**own, **dict(zip(names, terms, strict=True))}


def mismatched(
    blocks: BlockSet,
    models: Mapping[str, Mapping[str, float]],
    variation: Mapping[str, Sensitivity],
    sizes: Sizes,
    frame: Frame,
    chip: Chip,
    corners: Mapping[str, CornerTable] | None = None,
) -> BlockSet:
    """Nominal ``blocks`` with the instances of a chip.

    Parameters
    ----------
    models : fitted parameters that the blocks were made of, SI, those of ``lateral_synapse`` beside them
    variation : of those blocks in :data:`DRAWN` that are to differ
    corners : of the blocks that the chip's temperature and supply are to move (:func:`corner_tables`)
    """
    draws = _Draws(models, variation, chip, corners or {})
    cells, notes, features = sizes.cells, sizes.notes, sizes.features
    design = gate_dendrites(models, frame)
    lines, unit_interval = notes + features + cells + 1, frame.seconds / frame.spikes_per_unit
    full_scale = full_scale_current(models["axon_hillock"], unit_interval)
    tau, gain, offset = _dendrites(draws, design, frame, lines, cells)
    synapses = draws.of("gate_synapse", (lines, 4 * cells))
    outside = notes + features
    learning = _learning(draws, blocks, notes, cells)

    def neurons(n: int, place: str) -> Any:
        model = _refractory(draws.of("axon_hillock", (n,), place), draws.designed("axon_hillock"))
        return hardware_neuron(model, unit_interval, frame.tick_seconds, full_scale)

    cell = _cells(draws, models, cells, full_scale)
    if corners:
        there = {**models, **{block: draws.designed(block) for block in corners}}
        blocks = moved_blocks(blocks, models, there, frame)
    made = replace(
        blocks,
        cell_neuron=neurons(cells, "cells"),
        feature_neuron=neurons(features, "features"),
        gate=sigmoid_gates(cell),
        cell=memory_cell(cell),
        tanh=amplifier(cell),
        dendrite=replace(blocks.dendrite, tau_decay=tau, offset=offset),
        diehl=_features(draws, blocks, sizes),
        external_readout=_gate_readout(blocks.external_readout, blocks, models, synapses, design.external_height, gain,
                                       slice(0, outside)),
        cell_readout=_gate_readout(blocks.cell_readout, blocks, models, synapses, design.cell_height, gain,
                                   slice(outside, lines)),
        learning=learning,
        gate_rates=_gate_rates(draws, (lines, 4 * cells)),
    )  # fmt: skip
    parts: dict[str, Any] = {}
    for name, block, shape in (
        ("readout", "delta_synapse", (cells, notes)),
        ("feedback", "feedback_synapse", (cells, notes)),
        ("lateral", "lateral_synapse", (notes, notes)),
    ):
        p = draws.of(block, shape)
        before = getattr(blocks, "head_readout" if name == "readout" else f"{name}_readout")
        parts["head_readout" if name == "readout" else f"{name}_readout"] = _head_readout(
            before, blocks, models[block], p
        )
        parts[f"{name}_rates"] = _rates(p, models[block])
    return as_float32(replace(made, **parts))


def _cells(
    draws: _Draws, models: Mapping[str, Mapping[str, float]], cells: int, full_scale: float
) -> dict[str, Any]:
    """The cells' parameters at the design's read-out bias; its current comes out of every cell's own transistors."""
    own = draws.of("memory_cell", (cells,))
    own = at_knobs(own, vbo=read_bias(models["memory_cell"], full_scale))
    return own | {"read_gain": own["read_gain"] * own["i_read"] / full_scale}


def _dendrites(
    draws: _Draws, design: DendriteDesign, frame: Frame, lines: int, cells: int
) -> tuple[Any, Any, Any]:
    """Time constants (s) of the dendrites [4 * cells], their gains over the design's by line, and their offsets (units of
    the gates).

    The bias line is always on: what it adds is not charge that leaks away.
    """
    usual, own = draws.models["dendritic_adder"], draws.of("dendritic_adder", (4, cells))
    unit = np.array([[GATE_UNIT]] * 3 + [[TANH_UNIT]])
    stiffness = own["conductance"] / usual["conductance"]
    tau = design.tau * own["capacitance"] / usual["capacitance"] / stiffness
    rest = own["v_rest"] - usual["v_rest"]
    h = frame.tick_seconds
    charge = (1.0 - np.asarray(decay_over(h, tau))) / (1.0 - float(decay_over(h, design.tau)))
    gain = np.tile((charge / stiffness).ravel(), (lines, 1))
    gain[-1] = 1.0 / stiffness.ravel()
    return tau.ravel(), gain, (rest / unit).ravel()


def _gate_readout(
    readout: WeightReadout,
    blocks: BlockSet,
    models: Mapping[str, Mapping[str, float]],
    synapses: Mapping[str, Any],
    height: float,
    dendrites: np.ndarray,
    rows: slice,
) -> WeightReadout:
    usual = models["gate_synapse"]
    own = {name: value[rows] if np.ndim(value) else value for name, value in synapses.items()}
    gain = unit_charge(own, height) / unit_charge(usual, height) * dendrites[rows]
    offset = (read_offset(own, height) - read_offset(usual, height)) / WEIGHT_VOLT
    return _readout(readout, blocks, gain, offset)


def _head_readout(
    readout: WeightReadout, blocks: BlockSet, usual: Mapping[str, float], own: Mapping[str, Any]
) -> WeightReadout:
    gain = own["read_charge"] / own["v_width"] * usual["v_width"] / usual["read_charge"]
    offset = -(own["read_rest"] - usual["read_rest"]) * usual["v_width"] / WEIGHT_VOLT
    return _readout(readout, blocks, gain, np.broadcast_to(offset, gain.shape))


def _readout(readout: WeightReadout, blocks: BlockSet, gain: Any, offset: Any) -> WeightReadout:
    reach = (float(blocks.store.bound) + float(np.abs(offset).max())) / float(readout.width)
    # one of three programs whatever the chip
    largest = next((limit for limit in (readout.largest, LARGEST) if reach <= limit), ANY)
    return replace(readout, gain=gain, offset=offset, largest=largest)


def _rates(own: Mapping[str, Any], usual: Mapping[str, float]) -> UpdateRates:
    return UpdateRates(own["rate"] / usual["rate"])


def _gate_rates(draws: _Draws, shape: tuple[int, int]) -> UpdateRates:
    own, usual = draws.of("eligibility_synapse", shape), draws.models["eligibility_synapse"]
    return replace(_rates(own, usual), twin=np.exp(0.5 * (own["twin"] - usual["twin"])))


def _learning(draws: _Draws, blocks: BlockSet, notes: int, cells: int) -> Any:
    """Error units [notes] and learning units [cells]: a signal is a width, of which the design's own is the measure."""
    error, usual = draws.of("error_unit", (notes,)), draws.models["error_unit"]
    widest = 0.5 * (usual["time_up"] + usual["time_down"])
    unit = draws.of("learning_unit", (cells,))
    own = learning_unit({**draws.models, "learning_unit": unit})
    usual_unit = draws.models["learning_unit"]
    return replace(
        own,
        error_up=error["time_up"] / widest,
        error_down=error["time_down"] / widest,
        error_limit=widest_error(usual) / widest,
        logit_offset=(error["v_offset"] - usual["v_offset"]) / usual["v_width"],
        gain=unit["time_per_slope"]
        / usual_unit["time_per_slope"]
        * blocks.learning.saturation
        / own.saturation,
    )


def _features(draws: _Draws, blocks: BlockSet, sizes: Sizes) -> Any:
    """The features' synapses [features, notes]: updates, and what their weights let through; lines' traces [notes].

    All updates of a feature go with the width of its shaper's pulse.
    """
    shape, usual = (sizes.features, sizes.notes), draws.models["excitatory_synapse"]
    line = draws.of("stdp_synapse", shape[1:], "traces", _TRACE_DEVICES)
    update, read = (
        draws.of("stdp_synapse", shape, only=_UPDATE_DEVICES),
        draws.of("excitatory_synapse", shape),
    )
    # the step's traces begin at zero wherever their amplifiers hold them
    held = line["v_trace_rest"] - draws.models["stdp_synapse"]["v_trace_rest"]
    width = draws.of("update_shaper", (sizes.features, 1))["width"] / draws.models["update_shaper"]["width"]
    update |= {name: line[name] for name in _TRACE} | {"v_shift": update["v_shift"] - held}
    update |= {name: update[name] * width for name in ("dw_up", "dw_down")}
    zero = FEATURE_ZERO + (read["v_weight_offset"] - usual["v_weight_offset"]) / WEIGHT_UNIT
    return replace(
        diehl_synapse(update, read),
        read_zero=zero,
        read_gain=jnp.asarray(read["weight_charge"] / usual["weight_charge"]),
    )
