"""What a network is made of: instances of each block, and with them transistors, tubes, capacitance, static power."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

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
    nodes = 2 * (gates + 2 * readout + lateral)
    return {
        "axon_hillock": cells + notes,
        "adaptive_hillock": features,
        "winner_take_all": features / 8,
        "spike_shaper": cells + notes + features,
        "stdp_synapse": features * notes,
        "gate_synapse": gates,
        "dendritic_adder": 4 * cells + notes + features,
        "memory_cell": cells,
        "slope_unit": SIGNED_SLOPES * cells,
        "slope_unit_unsigned": cells,
        "eligibility_trace": config.lines + cells,
        "gate_line": LINES_PER_CELL * cells,
        "eligibility_synapse": gates,
        "learning_unit": 2 * cells,
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


STATIC: Mapping[str, tuple[str, str, float]] = {
    "axon_hillock": ("axon_hillock", "static_power", 1.0),
    "adaptive_hillock": ("axon_hillock", "static_power", 1.0),
    "dendritic_adder": ("dendritic_adder", "static_power", 1.0),
    "slope_unit": ("slope_unit", "static_power", 1.0),
    "slope_unit_unsigned": ("slope_unit", "static_power", 1.0),
    "gate_line": ("gate_line", "static_current", 0.8),
}
"""Block and fitted parameter that state a block's static draw, and the factor that makes it watts."""


def static_power(block: str, models: Mapping[str, Mapping[str, float]]) -> float:
    """Static power of one instance, W, as far as a fit states one."""
    source, name, factor = STATIC.get(block, (block, "", 0.0))
    return factor * models[source][name] if name else 0.0


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
    lines = [_line(b, n, sizes[b], models) for b, n in instances(config).items() if n and b in sizes]
    return sorted(lines, key=lambda line: -line.transistors)


def _line(
    block: str, count: float, size: tuple[float, float, float], models: Mapping[str, Mapping[str, float]]
) -> Line:
    transistors, tubes, capacitance = (count * one for one in size)
    return Line(block, count, transistors, tubes, capacitance, count * static_power(block, models))


def total(lines: Iterable[Line]) -> Line:
    """The sum of a budget."""
    lines = list(lines)
    fields = ("count", "transistors", "tubes", "capacitance", "static_power")
    return Line("total", **{name: sum(getattr(line, name) for line in lines) for name in fields})
