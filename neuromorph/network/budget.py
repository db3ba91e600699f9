"""What a network is made of: instances of each block, and with them transistors, tubes, capacitance, static power."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from neuromorph.fitting.memory_cell import FRAME
from neuromorph.network.config import NetworkConfig

SIGNED_SLOPES, LINES_PER_CELL = 2, 6
"""Per cell: slope units with two signs (input and forget gate); gate lines (two psi each, the candidate's, the forget)."""
REFRESHED_NODES = 32
"""Weight nodes that one refresh serves in turn within a block of frames."""


def instances(config: NetworkConfig) -> dict[str, float]:
    """Number of each block in the network; lines, dendrites and synapses counted as the step wires them."""
    cells, notes, features = config.cells, config.notes, config.features.neurons
    gates = config.lines * 4 * cells
    readout, lateral = cells * notes, config.joint * notes * (notes - 1) / 2
    units = 2 * cells  # both of a cell take the fed-back charge, so its column counts twice
    nodes = 2 * (gates + 2 * readout + lateral)
    return {
        "axon_hillock": cells + notes,
        "adaptive_hillock": features,
        "winner_take_all": features / 8,
        "spike_shaper": cells + notes + features,
        "trace_shaper": cells + notes + features,
        "update_shaper": features,
        "stdp_trace": notes,
        "stdp_update": features * notes,
        "excitatory_synapse": features * notes,
        "gate_synapse": gates,
        "dendrite_column": 4 * cells + notes,
        "feedback_column": units,
        "dendritic_adder": 4 * cells + notes + features,
        "memory_cell": cells,
        "slope_unit": SIGNED_SLOPES * cells,
        "slope_unit_unsigned": cells,
        "eligibility_trace": config.lines + cells,
        "gate_line": LINES_PER_CELL * cells,
        "eligibility_synapse": gates,
        "learning_unit": units,
        "error_unit": notes,
        "delta_synapse": readout,
        "feedback_synapse": readout,
        "lateral_synapse": lateral,
        "weight_cell": nodes,
        "weight_refresh": nodes / REFRESHED_NODES,
    }


@dataclass(frozen=True)
class Line:
    """One block of the budget.

    Attributes
    ----------
    count, transistors, tubes : float
    capacitance : float
        Sum of the netlist's explicit capacitors, F.
    static_power : float
        W; 0 where a block states none.
    """

    block: str
    count: float
    transistors: float
    tubes: float
    capacitance: float
    static_power: float


@dataclass(frozen=True)
class Draw:
    """Static draw of a block: a fitted parameter, and how often it flows.

    Parameters
    ----------
    source, parameter : block and fitted parameter, W (times ``watts``)
    watts : factor that makes the parameter watts
    per : block whose number counts, or ``"winner"``; the block itself by default
    """

    source: str
    parameter: str
    watts: float = 1.0
    per: str = ""


STATIC: Mapping[str, Draw] = {
    "axon_hillock": Draw("axon_hillock", "static_power"),
    "adaptive_hillock": Draw("axon_hillock", "static_power"),
    "winner_take_all": Draw("winner_take_all", "unit_power", per="winner"),
    "dendritic_adder": Draw("dendritic_adder", "static_power"),
    "dendrite_column": Draw("gate_synapse", "column_static_power"),
    "memory_cell": Draw("memory_cell", "energy_per_frame", 1.0 / FRAME),
    "slope_unit": Draw("slope_unit", "static_power"),
    "slope_unit_unsigned": Draw("slope_unit", "static_power"),
    "gate_line": Draw("gate_line", "static_current", 0.8),
    "stdp_trace": Draw("stdp_synapse", "trace_static_power"),
}
"""What flows without events: the unit currents of all winners, until the frame ends; a memory cell's at the random gates of
its bench."""


def static_power(block: str, config: NetworkConfig, models: Mapping[str, Mapping[str, float]]) -> float:
    """Static power of all instances of a block, W; 0 where its fit states none."""
    if block not in STATIC:
        return 0.0
    draw = STATIC[block]
    count = instances(config) | {"winner": config.features.winners}
    return count[draw.per or block] * draw.watts * models[draw.source][draw.parameter]


def budget(
    config: NetworkConfig,
    sizes: Mapping[str, tuple[float, float, float]],
    models: Mapping[str, Mapping[str, float]],
) -> list[Line]:
    """The whole network, largest number of transistors first.

    Parameters
    ----------
    sizes : mapping
        Transistors, tubes and capacitance (F) of one instance, by block.
    models : mapping
        Fitted parameters by block.
    """
    lines = []
    for block, count in instances(config).items():
        if count and block in sizes:
            transistors, tubes, capacitance = (count * one for one in sizes[block])
            flowing = static_power(block, config, models)
            lines.append(Line(block, count, transistors, tubes, capacitance, flowing))
    return sorted(lines, key=lambda line: -line.transistors)


def total(lines: Iterable[Line]) -> Line:
    """The sum of a budget."""
    lines = list(lines)
    fields = ("count", "transistors", "tubes", "capacitance", "static_power")
    return Line("total", **{name: sum(getattr(line, name) for line in lines) for name in fields})
