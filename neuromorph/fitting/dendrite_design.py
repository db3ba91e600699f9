"""Dendrites of a memory cell as a network sets them: conductance, time constant, height of the lines' pulses.

A number of spikes in a frame through one unit of weight moves a gate by its unit and the candidate by the amplifier's,
which is twice as large.  The candidate's dendrite takes the lowest bias, the gates' one at which the conductance is
larger by that ratio, and as much larger a capacitor, so that both have one time constant.  Conductances are those over a
unit's swing: the load is a little stiffer there than at rest, and much stiffer beyond three units of the candidate, six of
a gate.  Pulses load the nodes through their columns, too, a share of the node's voltage each, and take charge from each
other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from neuromorph.errors import OutOfRange
from neuromorph.fitting.adder import CENTRE_MODE, load
from neuromorph.fitting.readout import column_lag, crowd_share, line_height, output_charge

LOWEST_BIAS = 0.28
"""Of the dendritic adder's knob ``vbias``, V."""
STIFF_RANGE, STIFF_DEGREE = 0.25, 6
"""Voltage from rest up to which a dendrite's load is taken, V (characterized up to 0.2), and the polynomial's degree: the
current is within 0.8 %."""


@dataclass(frozen=True)
class DendriteDesign:
    """Settings of a cell's dendrites.

    Parameters
    ----------
    tau : time constant of the nodes, s
    lag : of the columns, at the external lines' height, s
    external_height, cell_height : pulses on the lines of notes and features, and of cells, V
    gate_bias, candidate_bias : ``vbias`` of the adders, V
    widening : capacitor of a gate's dendrite over that of the candidate's
    external_shunt, cell_shunt : share of the candidate's voltage that a pulse of either line takes; a gate's takes less,
        by ``widening``
    external_crowd, cell_crowd : by how much a pulse of either line divides the charge of another at the same time, less one
    gate_stiffness, candidate_stiffness : polynomials of :func:`stiffness`
    """

    tau: float
    lag: float
    external_height: float
    cell_height: float
    gate_bias: float
    candidate_bias: float
    widening: float
    external_shunt: float
    cell_shunt: float
    external_crowd: float
    cell_crowd: float
    gate_stiffness: np.ndarray
    candidate_stiffness: np.ndarray


def conductance(adder: Mapping[str, float], vbias: float, swing: float) -> float:
    """Of a dendrite in its linear mode between ``-swing`` and ``swing`` V from rest, S."""
    up, down = (load(adder, sign * swing, CENTRE_MODE, vbias) for sign in (1, -1))
    return float((up - down) / (2 * swing))


def stiffness(adder: Mapping[str, float], vbias: float, swing: float) -> np.ndarray:
    """Polynomial, constant first, in the node's voltage from rest over :data:`STIFF_RANGE`: the load's conductance from
    rest to there over :func:`conductance`, less one."""
    v = np.linspace(-STIFF_RANGE, STIFF_RANGE, 401)
    current = load(adder, v, CENTRE_MODE, vbias) - load(adder, 0.0, CENTRE_MODE, vbias)
    beyond = current / conductance(adder, vbias, swing) - v
    weight = 1.0 / (np.abs(v) + swing)  # so that the current counts, not its share of nothing
    terms = v[:, None] * (v[:, None] / STIFF_RANGE) ** np.arange(STIFF_DEGREE + 1)
    return np.linalg.lstsq(terms * weight[:, None], beyond * weight, rcond=None)[0]


def moved_design(
    design: DendriteDesign,
    adder: Mapping[str, float],
    readout: Mapping[str, float],
    *,
    candidate_unit: float,
    gate_unit: float,
) -> DendriteDesign:
    """What settings of a ``design`` give with the parameters of another temperature and supply.

    Parameters
    ----------
    adder, readout : of ``dendritic_adder`` and ``gate_synapse`` there
    candidate_unit, gate_unit : V
    """
    heights = np.array([design.external_height, design.cell_height])
    shunts, crowds = output_charge(readout, heights) / adder["capacitance"], crowd_share(readout, heights)
    return replace(
        design,
        tau=adder["capacitance"] / conductance(adder, design.candidate_bias, candidate_unit),
        lag=float(column_lag(readout, design.external_height)),
        external_shunt=float(shunts[0]),
        cell_shunt=float(shunts[1]),
        external_crowd=float(crowds[0]),
        cell_crowd=float(crowds[1]),
        gate_stiffness=stiffness(adder, design.gate_bias, gate_unit),
        candidate_stiffness=stiffness(adder, design.candidate_bias, candidate_unit),
    )


def dendrite_design(
    adder: Mapping[str, float],
    readout: Mapping[str, float],
    *,
    candidate_unit: float,
    gate_unit: float,
    frame_seconds: float,
    external_spikes: float,
    cell_spikes: float,
) -> DendriteDesign:
    """Settings for a frame.

    Parameters
    ----------
    adder, readout : fitted ``dendritic_adder`` and ``gate_synapse``
    candidate_unit, gate_unit : V
    frame_seconds : s
    external_spikes, cell_spikes : in a frame, that give a unit through one unit of weight

    Raises
    ------
    OutOfRange
        When no line height within the characterized range gives the charge of a pulse, or no bias the conductance.
    """
    low = conductance(adder, LOWEST_BIAS, candidate_unit)
    widening = candidate_unit / gate_unit
    biases = np.linspace(LOWEST_BIAS, 0.32, 81)
    ratios = [conductance(adder, float(bias), gate_unit) / low for bias in biases]
    charge = candidate_unit * low * frame_seconds
    heights = [line_height(readout, charge / spikes) for spikes in (external_spikes, cell_spikes)]
    gate_bias = float(np.interp(widening, ratios, biases, left=np.nan, right=np.nan))
    if not np.all(np.isfinite([*heights, gate_bias])):
        raise OutOfRange(
            f"a pulse of {1e15 * charge / external_spikes:.3g} or {1e15 * charge / cell_spikes:.3g} fC at unit weight",
            remedy="change the frame's length or its spikes; the lines' pulses are characterized from 0.31 to 0.43 V",
        )
    external_shunt, cell_shunt = output_charge(readout, np.array(heights)) / adder["capacitance"]
    external_crowd, cell_crowd = crowd_share(readout, np.array(heights))
    return DendriteDesign(
        tau=adder["capacitance"] / low,
        lag=float(column_lag(readout, heights[0])),
        external_height=heights[0],
        cell_height=heights[1],
        gate_bias=gate_bias,
        candidate_bias=LOWEST_BIAS,
        widening=widening,
        external_shunt=float(external_shunt),
        cell_shunt=float(cell_shunt),
        external_crowd=float(external_crowd),
        cell_crowd=float(cell_crowd),
        gate_stiffness=stiffness(adder, gate_bias, gate_unit),
        candidate_stiffness=stiffness(adder, LOWEST_BIAS, candidate_unit),
    )
