"""Ideal and hardware sets of blocks: the fidelity switch is which set is passed.

:func:`nominal_blocks` translates what the fits deliver, SI numbers per block,
into the design units of the network:

================== ======================== ============================================ =====
block              parameter                meaning                                      unit
================== ======================== ============================================ =====
memory_cell        i_, f_, o_offset         dendritic voltage of half a gate's plateau   V
memory_cell        i_, f_, o_width          e-fold width of a gate's sigmoid             V
memory_cell        i_, f_, o_floor          closed-gate current / plateau                1
memory_cell        capacitance              of the cell                                  F
memory_cell        charge_up, _down         plateaus of i * g by the candidate's sign    A
memory_cell        g_offset, g_width        candidate of zero charge, width of its tanh  V
memory_cell        i_charge                 charging current at i = g = 1                A
memory_cell        i_leak                   leak tail current at unit gate               A
memory_cell        v_leak_width             width of the leak's tanh                     V
memory_cell        v_rest                   where the leak's pair is balanced, from Vref V
memory_cell        leak_source              plateau of what the leak sources / sinks     1
memory_cell        f_, leak_, read_inversion of a pair by its tail at a full gate        1
memory_cell        i_hold, g_hold           discharge of a cell whose gates are shut     A, S
memory_cell        i_wait, g_wait           fall and leak of a cell that is cut off      A, S
memory_cell        rejoin_share, _near,     what a cell gives away that is joined again  1, V
                   v_rejoin
memory_cell        q_tail, q_side, q_sink   what an e-fold of its current brings onto    C
                                            the gates of a mirror
memory_cell        read_gain                read-out plateau / read-out tail             1
memory_cell        v_read_offset            corner of the rectified read-out             V
memory_cell        v_read_width             width of the read-out's tanh                 V
excitatory_synapse tau_decay, tau_rise      of a feature neuron's synaptic current       s
excitatory_synapse delay                    from a spike to that current                 s
excitatory_synapse gain                     charge of a lone spike / design charge       1
excitatory_synapse facilitation             gain of a spike that follows at once         1
excitatory_synapse tau_release              decay of what a spike leaves for the next    s
excitatory_synapse v_weight_width           e-fold width of the weight's sigmoid         V
feature_neuron     membrane_charge,         of a first spike on a bare membrane, of what C
                   load_charge,             hangs on it, of each synapse there, of the
                   synapse_charge,          winner's latch
                   latch_charge
dendritic_adder,   (all)                    dendrites of the cells, see
gate_synapse                                :mod:`neuromorph.fitting.dendrite_design`
axon_hillock       t_dead                   dead time (used where no neuron is passed)   s
stdp_synapse       dw_up, dw_down           dw per volt of trace difference and event,   V/V
                                            at w = 0
stdp_synapse       v_stop_up, v_stop_down   effective w_max by direction                 V
stdp_synapse       v_width                  width of the tanh of the trace difference    V
stdp_synapse       v_shift                  error of the sign change                     V
stdp_synapse       saturation               of the bounded current where there is room   1
stdp_synapse       v_fade                   e-fold of depression above ground            V
stdp_synapse       tau_trace                decay of a small pre-synaptic trace          s
stdp_synapse       overlap                  what pulses miss of a step that rises        s
stdp_synapse       v_trace_step, _width     step of the trace a spike, and width of the  V
                                            tanh by which it decays
eligibility_       compression              1 / y_ref                                    1
synapse            trace_power, _bend       power of a trace in the update, and what its 1
                                            logarithm adds to it
                   reach                    how many times itself a pulse of 2 ns can    1
                                            raise a trace
                   psi_lag                  e-fold time of the psi lines, full current   s
                   psi_power                of the charge in the current of a psi line   1
                   leak_lag                 e-fold time of the forget line, full current s
                   residual, _half          what a pulse adds of itself to a large        1
                                            trace, and the trace that gets half of it
                   decay_full, decay_power  decay in 100 ns at a full forget current,    1
                                            and its power in that current
                   drift                    change of a weight at the end of its range   1
                                            per frame, on the range
delta_synapse      trace_power, compression share of an error that an update takes over      1
slope_unit         (all)                    see :mod:`neuromorph.models.slope_unit`
eligibility_synapse gain                    what a pulse of 2 ns at full psi adds            1
                   floor, floor_width, _bend what a trace at rest shows, by its rail         1, V
gate_synapse       width, _slope, _bend     width of the tanh of a weight by line height 1
error_unit         time_up, time_down       widest pulses                                s
feedback_synapse   read_charge, v_width     charge of a 10 ns pulse at full weight, and  C, V
                                            the width of its tanh
learning_unit      capacitance, v_width     of an integrator, and of its pair            F, V
                   v_offset                 what is left of the pair's offset            V
                   down                     negative over positive signals               1
weight_store       share, pull              see :class:`WeightStore`                     1
                   levels                   levels of one of a weight's two nodes        1
================== ======================== ============================================ =====

More parameters than these are allowed and ignored.  Missing blocks raise
:class:`~neuromorph.errors.InputError`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax.numpy as jnp

from neuromorph.errors import InputError
from neuromorph.fitting.dendrite_design import (
    LOWEST_BIAS,
    STIFF_RANGE,
    DendriteDesign,
    conductance,
    dendrite_design,
)
from neuromorph.fitting.eligibility import FRAME as TRACE_FRAME
from neuromorph.fitting.eligibility import LEAK_FULL, LEAST_LEAK, PSI_FULL, WEIGHT_RANGE
from neuromorph.fitting.feature_neuron import SYNAPSES, loaded
from neuromorph.fitting.memory_cell import RAIL
from neuromorph.fitting.readout import V_LINE, WEIGHT_VOLT, crowd_share, output_charge, read_width
from neuromorph.fitting.stdp import LOW_RAIL, MU, POST_LAG, PRE_LAG, SOFT
from neuromorph.fitting.trace_knobs import floor_at
from neuromorph.models.box import Box
from neuromorph.models.cell_mirrors import CellMirrors
from neuromorph.models.delta_synapse import DeltaSynapse, delta_synapse
from neuromorph.models.diehl import TRACE_UNIT, WEIGHT_UNIT, DiehlSynapse
from neuromorph.models.eligibility_synapse import TRACE_RANGE, EligibilitySynapse, rational_power
from neuromorph.models.frame import Frame
from neuromorph.models.gate import GATE_UNIT, TANH_UNIT, SigmoidGate, TanhGate
from neuromorph.models.learning_unit import LEARNING_SECONDS, PAUSE_SECONDS, LearningUnit
from neuromorph.models.memory_cell import MemoryCell
from neuromorph.models.neuron_ideal import IdealNeuron
from neuromorph.models.noise import Noise
from neuromorph.models.pytree import as_float32, pytree
from neuromorph.models.slope_unit import SlopeUnits, slope_units
from neuromorph.models.synapse import Crowd, Dendrite, NodeLoad, SpikeSynapse, decay_over
from neuromorph.models.update_rates import UpdateRates
from neuromorph.models.weight_readout import WeightReadout
from neuromorph.models.weight_store import WeightStore

FORGET_DEPTH = 5.0
"""k: the ideal cell keeps exp(-k) a frame with the forget gate fully closed."""
FEATURE_RATE = 0.02
"""Ideal Diehl learning rate eta, weight units per unit of trace and event."""

FEATURE_TAU = 25e-9
"""Decay of the ideal rule's pre-synaptic trace, s."""
FEATURE_ZERO = 0.3
"""Weight of a feature's synapse that reads as one half, weight units: the middle of what the soft bounds leave, set by the
synapse's knob ``vwref``."""
READ_PULSE = 10e-9
"""Width of the error pulse at which the feedback synapse's charge is stated, s."""
WEIGHT_BOUND = WEIGHT_RANGE / (2.0 * WEIGHT_VOLT)
"""Weight units at either end of the range of a differential weight (90 mV)."""
PULSE_RATIO = 2.0
"""Width of the pulses on notes' and features' lines over that on cells' lines, 2.85 and 1.43 ns, the range of the spike
shaper's knob: what a spike adds to a trace goes with the width of its pulse."""
GATE_GAIN = 2.7
"""How much faster a gate's weight moves than the ideal rule says, by higher pulses (2.5 times the rate of the error pulses)
and by wider ones; chosen on JSB valid, where levels of six bits are a coarse grid for the small weights of many lines."""
LINE_TRACE_RAIL = 0.20
"""Rail ``vs`` of the traces by which read-out weights learn, V: no twin cancels their floor, so it is as low as it goes."""
GAIN_PULSE, CELL_PULSE = 2e-9, 1.43e-9
"""Width of the pulse at which a trace's gain was fitted, and of a pulse on a cell's line, s."""


@pytree
class BlockSet:
    """The blocks a network is made of; any of them may hold one value per instance; without ``noise`` they are silent,
    without ``box`` nobody watches where they are used, without ``slopes`` the cells' derivatives charge traces; ``latch``
    is the share of its drive that is left to a feature neuron until its first spike in a frame.  Weights
    of notes and features, of cells (and the bias line) and of the head are read by pulses of different heights; ``*_rates``
    are those of their updates."""

    feature_neuron: Any
    cell_neuron: Any
    feature_synapse: SpikeSynapse
    dendrite: Dendrite
    note_dendrite: Dendrite
    gate: SigmoidGate
    tanh: TanhGate
    cell: MemoryCell
    diehl: DiehlSynapse
    eligibility: EligibilitySynapse
    delta: DeltaSynapse
    external_readout: WeightReadout
    cell_readout: WeightReadout
    head_readout: WeightReadout
    lateral_readout: WeightReadout
    feedback_readout: WeightReadout
    learning: LearningUnit
    store: WeightStore
    gate_rates: UpdateRates = UpdateRates()
    readout_rates: UpdateRates = UpdateRates()
    lateral_rates: UpdateRates = UpdateRates()
    feedback_rates: UpdateRates = UpdateRates()
    noise: Noise | None = None
    box: Box | None = None
    slopes: SlopeUnits | None = None
    latch: Any = 1.0


def ideal_blocks(frame: Frame) -> BlockSet:
    """Textbook blocks for ``frame``: exact sigmoid and tanh, linear leak, Diehl's rule, unbounded weights."""
    neuron = IdealNeuron(frame.spike_rate, frame.dead_seconds, frame.tick_seconds)
    blocks = BlockSet(
        feature_neuron=neuron,
        cell_neuron=neuron,
        feature_synapse=SpikeSynapse(tau_decay=frame.tau_synapse),
        dendrite=Dendrite(tau_decay=frame.tau_synapse),
        note_dendrite=Dendrite(tau_decay=frame.tau_read),
        gate=SigmoidGate(),
        tanh=TanhGate(),
        cell=MemoryCell(leak_rate=FORGET_DEPTH / frame.seconds, charge_rate=1.0 / frame.seconds),
        diehl=DiehlSynapse(
            rate_up=FEATURE_RATE,
            rate_down=FEATURE_RATE,
            tau_trace=FEATURE_TAU,
            trace_step=_ideal_trace_step(frame),
        ),
        eligibility=EligibilitySynapse(
            FORGET_DEPTH / frame.seconds, tau_pre=frame.tau_synapse, tau_output=frame.tau_synapse
        ),
        delta=DeltaSynapse(),
        external_readout=WeightReadout(),
        cell_readout=WeightReadout(),
        head_readout=WeightReadout(),
        lateral_readout=WeightReadout(),
        feedback_readout=WeightReadout(),
        learning=LearningUnit(),
        store=WeightStore(),
    )
    return as_float32(blocks)


def _ideal_trace_step(frame: Frame) -> float:
    """A line at full rate holds its trace at 1 in the mean."""
    return frame.ticks / frame.input_spikes * -math.expm1(-frame.tick_seconds / FEATURE_TAU)


def nominal_blocks(
    models: Mapping[str, Mapping[str, float]], frame: Frame, *, neuron: Any | None = None
) -> BlockSet:
    """Blocks with fitted parameters.

    Parameters
    ----------
    models : block -> {parameter: SI value}, names as in the module's table
    frame : the frame they are used in
    neuron : spiking neuron with the interface of :class:`IdealNeuron`; without it
        a perfect integrator with the fitted dead time stands in
    """
    if neuron is None:
        neuron = IdealNeuron(frame.spike_rate, _get(models, "axon_hillock")["t_dead"], frame.tick_seconds)
    design, readout = gate_dendrites(models, frame), _get(models, "gate_synapse")
    head = gate_readout(readout, V_LINE)
    blocks = BlockSet(
        feature_neuron=neuron,
        cell_neuron=neuron,
        feature_synapse=feature_synapse(_get(models, "excitatory_synapse"), frame),
        dendrite=gate_dendrite(design, frame),
        note_dendrite=note_dendrite(models, frame),
        gate=sigmoid_gates(_get(models, "memory_cell")),
        tanh=amplifier(_get(models, "memory_cell")),
        cell=memory_cell(_get(models, "memory_cell")),
        diehl=diehl_synapse(_get(models, "stdp_synapse"), _get(models, "excitatory_synapse")),
        eligibility=_eligibility(_get(models, "eligibility_synapse"), frame),
        delta=_delta(_get(models, "delta_synapse"), _get(models, "eligibility_synapse"), frame),
        external_readout=gate_readout(readout, design.external_height),
        cell_readout=gate_readout(readout, design.cell_height),
        head_readout=head,
        lateral_readout=head,
        feedback_readout=head,
        learning=learning_unit(models),
        store=_store(_get(models, "weight_store"), _get(models, "eligibility_synapse")),
        latch=_latch(_get(models, "feature_neuron")),
    )
    rates = psi_rates(blocks)
    slopes = slope_units(
        _get(models, "slope_unit"), _get(models, "memory_cell"), rates, psi_currents(models, frame, rates)
    )
    return as_float32(replace(blocks, slopes=slopes))


def psi_rates(blocks: BlockSet) -> dict[str, float]:
    """psi of gate i, f, g half open at full factor: what the derivative of the (first) cell is there, 1/s."""
    cell, half = blocks.cell, jnp.zeros((3, 1))
    slopes = jnp.ravel(blocks.gate.slope(blocks.gate.value(half)))
    charge, leak = jnp.ravel(jnp.asarray(cell.charge_rate))[0], cell.leak_rate * cell.leak_width
    top = jnp.ravel(jnp.asarray(blocks.tanh.slope(jnp.float32(0.0))))[0]
    rates = charge * slopes[0], jnp.ravel(jnp.asarray(leak))[0] * slopes[1], charge * top
    return dict(zip("ifg", map(float, rates), strict=True))


def psi_full(trace: Mapping[str, float], frame: Frame) -> float:
    """psi of a full line in a tick, which adds the fitted charge to a trace by a pulse on a cell's line."""
    return trace["gain"] * CELL_PULSE / GAIN_PULSE * frame.spikes_per_unit / frame.ticks


def psi_currents(
    models: Mapping[str, Mapping[str, float]], frame: Frame, rates: Mapping[str, float]
) -> dict[str, float]:
    """Currents of the psi lines at ``rates`` (1/s), A."""
    trace = _get(models, "eligibility_synapse")
    full = psi_full(trace, frame)
    return {
        gate: float(PSI_FULL * (rate * frame.tick_seconds / full) ** (1 / trace["psi_power"]))
        for gate, rate in rates.items()
    }


def _get(models: Mapping[str, Mapping[str, float]], block: str) -> _Parameters:
    values = models.get(block)
    if values is None:
        raise InputError(
            f"no fitted model of block {block!r}",
            remedy=f"fit it first; the models at hand are {sorted(models)}",
        )
    return _Parameters(block, values)


class _Parameters(dict[str, Any]):
    """A block's parameters; a missing one is an error that names the block."""

    def __init__(self, block: str, values: Mapping[str, float]) -> None:
        super().__init__(values)
        self.block = block

    def __missing__(self, name: str) -> float:
        raise InputError(
            f"the model of block {self.block!r} has no parameter {name!r}",
            remedy=f"it has {sorted(self)}",
        )


def sigmoid_gates(p: Mapping[str, Any]) -> SigmoidGate:
    """The cell's own three gates, [3, 1] or [3, cells] values for i, f and o; their plateaus are in its currents."""
    offset, width, floor = (
        jnp.stack(jnp.broadcast_arrays(*(p[f"{gate}_{name}"] for gate in "ifo")))
        .astype(jnp.float32)
        .reshape(3, -1)
        for name in ("offset", "width", "floor")
    )
    inversion = jnp.asarray([[0.0], [p["f_inversion"]], [0.0]], jnp.float32)
    return SigmoidGate(1.0, offset / GATE_UNIT, width / GATE_UNIT, floor, inversion)


def _eligibility(p: _Parameters, frame: Frame) -> EligibilitySynapse:
    return EligibilitySynapse(
        leak_rate=p["decay_full"] / TRACE_FRAME,
        tau_output=frame.tau_synapse,
        external=min(PULSE_RATIO * frame.input_spikes / frame.spikes_per_unit, 1.0),
        residual=p["residual"],
        residual_half=p["residual_half"],
        reach=p["reach"] * CELL_PULSE / GAIN_PULSE,
        reach_ratio=PULSE_RATIO,
        psi_lag=p["psi_lag"],
        psi_full=psi_full(p, frame),
        lag=p["leak_lag"],
        shut=_shut(p["leak_lag"]),
        compression=p["compression"],
        leak_power=p["decay_power"],
        floor=TRACE_RANGE[0],
        largest=TRACE_RANGE[1],
        power=rational_power(p["trace_power"], p["trace_bend"]),
    )


def _shut(lag: Any) -> Any:
    """What a forget line still carries when it was closed between frames, of its full current."""
    rest = LEAST_LEAK / LEAK_FULL
    return -rest / jnp.expm1(-rest * LEARNING_SECONDS / lag)


def _delta(p: _Parameters, trace: _Parameters, frame: Frame) -> DeltaSynapse:
    """The line's trace decays as the read-out does; a cell's pulse adds to it what a full psi line allows."""
    step = trace["gain"] * CELL_PULSE / GAIN_PULSE
    unit = step * frame.spikes_per_unit * frame.tau_read / frame.seconds
    return delta_synapse(p["trace_power"], p["compression"], unit, floor_at(trace, LINE_TRACE_RAIL))


def learning_unit(models: Mapping[str, Mapping[str, Any]]) -> LearningUnit:
    """The integrator saturates at the charge of so many units of ``B (p - t)``."""
    error, unit, feedback = (_get(models, n) for n in ("error_unit", "learning_unit", "feedback_synapse"))
    widest = 0.5 * (error["time_up"] + error["time_down"])
    charge = feedback["read_charge"] * WEIGHT_VOLT / feedback["v_width"] * widest / READ_PULSE
    per_volt = unit["capacitance"] / charge
    return LearningUnit(
        error_up=error["time_up"] / widest,
        error_down=error["time_down"] / widest,
        saturation=unit["v_width"] * per_volt,
        offset=unit["v_offset"] * per_volt,
        down=unit["down"],
        gate_gain=GATE_GAIN,
        hold_seconds=LEARNING_SECONDS,
        pause_seconds=PAUSE_SECONDS,
        linear=False,
    )


def amplifier(p: Mapping[str, Any]) -> TanhGate:
    """The candidate as it charges the cell, from parameters of block ``memory_cell``; numbers, or one value a cell."""
    up, down = p["charge_up"] / p["i_charge"], p["charge_down"] / p["i_charge"]
    return TanhGate(up, down, p["g_offset"] / TANH_UNIT, p["g_width"] / TANH_UNIT)


def memory_cell(p: Mapping[str, Any]) -> MemoryCell:
    """From parameters of block ``memory_cell``."""
    unit_charge = p["capacitance"] * TANH_UNIT
    return MemoryCell(
        leak_rate=p["i_leak"] / (p["capacitance"] * p["v_leak_width"]),
        charge_rate=p["i_charge"] / unit_charge,
        rest=p["v_rest"] / TANH_UNIT,
        leak_width=p["v_leak_width"] / TANH_UNIT,
        leak_inversion=p["leak_inversion"],
        leak_source=p["leak_source"],
        drift_rate=p["i_hold"] / unit_charge,
        hold_rate=p["g_hold"] / p["capacitance"],
        wait_drift=p["i_wait"] / unit_charge,
        wait_rate=p["g_wait"] / p["capacitance"],
        rejoin_fall=p["v_rejoin"] / TANH_UNIT,
        rejoin_share=p["rejoin_share"],
        rejoin_near=p["rejoin_near"],
        mirrors=CellMirrors(
            tail=p["q_tail"] / p["i_charge"],
            side=p["q_side"] / p["i_charge"],
            sink=p["q_sink"] / p["i_charge"],
            leak_speed=p["i_leak"] / p["i_charge"],
        ),
        rail=RAIL / TANH_UNIT,
        headroom=p["v_headroom"] / TANH_UNIT,
        railed=True,
        read_amplitude=p["read_gain"],
        read_offset=p["v_read_offset"] / TANH_UNIT,
        read_width=p["v_read_width"] / TANH_UNIT,
        read_inversion=p["read_inversion"],
    )


def gate_dendrites(models: Mapping[str, Mapping[str, float]], frame: Frame) -> DendriteDesign:
    """How the cells' dendrites and their lines are set for ``frame``."""
    return dendrite_design(
        _get(models, "dendritic_adder"),
        _get(models, "gate_synapse"),
        candidate_unit=TANH_UNIT,
        gate_unit=GATE_UNIT,
        frame_seconds=frame.seconds,
        external_spikes=frame.input_spikes,
        cell_spikes=frame.spikes_per_unit,
    )


def gate_readout(p: Mapping[str, float], v_line: float) -> WeightReadout:
    """Of the synapses on lines whose pulses are ``v_line`` high, from parameters of block ``gate_synapse``."""
    width = float(read_width(p, v_line)) / WEIGHT_VOLT
    return WeightReadout(width, linear=False, largest=math.ceil(10.0 * WEIGHT_BOUND / width) / 10.0)


def gate_dendrite(design: DendriteDesign, frame: Frame) -> Dendrite:
    h = frame.tick_seconds
    unit = (1.0 - decay_over(h, design.tau)) / (1.0 - decay_over(h, frame.tau_synapse))
    nodes = jnp.array([[1.0 / design.widening]] * 3 + [[1.0]])
    load = NodeLoad(
        design.external_shunt * nodes,
        design.cell_shunt * nodes,
        jnp.asarray([design.gate_stiffness] * 3 + [design.candidate_stiffness]),
        jnp.array([[STIFF_RANGE / GATE_UNIT]] * 3 + [[STIFF_RANGE / TANH_UNIT]]),
    )
    crowd = Crowd(design.external_crowd, design.cell_crowd)
    return Dendrite(design.tau, design.lag, gain=unit, load=load, crowd=crowd)


def note_dendrite(
    models: Mapping[str, Mapping[str, float]],
    frame: Frame,
    there: Mapping[str, Mapping[str, float]] | None = None,
) -> Dendrite:
    """The conductance of a cell's candidate, taken as linear, and a capacitor with which it decays as the read-out does;
    both of ``models``, their circuits of those that are ``there``."""
    now = there or models
    readout = _get(now, "gate_synapse")
    usual, own = (conductance(_get(m, "dendritic_adder"), LOWEST_BIAS, TANH_UNIT) for m in (models, now))
    capacitance = usual * frame.tau_read
    share = float(output_charge(readout, V_LINE)) / capacitance
    crowd = Crowd(0.0, float(crowd_share(readout, V_LINE)))
    none, one = jnp.zeros((1, 1)), jnp.ones((1, 1))
    return Dendrite(frame.tau_read * (usual / own), load=NodeLoad(none, share * one, none, one), crowd=crowd)


def feature_synapse(
    p: Mapping[str, float], frame: Frame, there: Mapping[str, float] | None = None
) -> SpikeSynapse:
    """Its release knob is set to where a full line through a full weight gives unit current in the mean, by the parameters
    ``p`` of block ``excitatory_synapse``; its circuit is of those that are ``there``.

    The delay from a spike to its current, less than half a tick, counts with the rise.
    """
    designed, own = (
        SpikeSynapse(
            m["tau_decay"], m["tau_rise"] + m["delay"], m["gain"], m["facilitation"], m["tau_release"]
        )
        for m in (p, there or p)
    )
    between = frame.seconds / (frame.input_spikes * p["tau_release"])
    busy = float(designed.release(jnp.float32(1.0 / math.expm1(between))))
    h = frame.tick_seconds
    unit = (1.0 - decay_over(h, own.tau_decay)) / (1.0 - decay_over(h, frame.tau_synapse))
    return replace(own, gain=p["gain"] * unit / busy)


def _latch(p: Mapping[str, Any]) -> float:
    """The winner's latch takes as much more charge as a drive less by this share would take as much longer to give."""
    later = p["membrane_charge"] + loaded(p, SYNAPSES)
    return later / (later + p["latch_charge"])


def diehl_synapse(p: Mapping[str, Any], synapse: Mapping[str, Any]) -> DiehlSynapse:
    """From parameters of blocks ``stdp_synapse`` and ``excitatory_synapse``."""
    return DiehlSynapse(
        rate_up=p["dw_up"] * TRACE_UNIT / WEIGHT_UNIT,
        rate_down=p["dw_down"] * TRACE_UNIT / WEIGHT_UNIT,
        stop_up=p["v_stop_up"] / WEIGHT_UNIT,
        stop_down=p["v_stop_down"] / WEIGHT_UNIT,
        soft=SOFT / WEIGHT_UNIT,
        width=p["v_width"] / TRACE_UNIT,
        shift=p["v_shift"] / TRACE_UNIT,
        saturation=p["saturation"],
        fade=p["v_fade"] / WEIGHT_UNIT,
        ground=-LOW_RAIL / WEIGHT_UNIT,
        mu_up=MU["up"],
        mu_down=MU["down"],
        tau_trace=p["tau_trace"],
        trace_step=p["v_trace_step"] / TRACE_UNIT,
        trace_width=p["v_trace_width"] / TRACE_UNIT,
        lead=PRE_LAG - POST_LAG,
        overlap=p["overlap"],
        read_zero=FEATURE_ZERO,
        read_width=synapse["v_weight_width"] / WEIGHT_UNIT,
        hard_floor=False,
        linear_read=False,
        linear_trace=False,
    )


def _store(store: _Parameters, synapse: _Parameters) -> WeightStore:
    """Two nodes of n levels make 2 n; the drift at the range's end is a leak of the whole weight."""
    return WeightStore(
        follow=store["share"],
        bound=WEIGHT_BOUND,
        leak=2.0 * synapse["drift"],
        pull=store["pull"],
        bits=round(math.log2(2.0 * store["levels"])),
    )
