"""How a network sets the dendrites of its cells, against the laws it is derived from and against ngspice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from neuromorph.errors import OutOfRange
from neuromorph.fitting.dendrite_design import conductance
from neuromorph.fitting.readout import (
    PULSE_CENTRE,
    WEIGHT_VOLT,
    column_lag,
    line_height,
    output_charge,
    pulse_charge,
    read_offset,
    unit_charge,
)
from neuromorph.library import Library
from neuromorph.models.fidelity import gate_dendrites
from neuromorph.models.frame import Frame
from neuromorph.models.gate import GATE_UNIT, TANH_UNIT
from neuromorph.models.library_blocks import blocks_for
from neuromorph.spice.netlist import load_netlist
from neuromorph.spice.waveforms import pulses, sample

LIBRARY, FRAME = Library.shipped(), Frame()
ADDER, READOUT = (LIBRARY.models(b)[b] for b in ("dendritic_adder", "gate_synapse"))
DESIGN = gate_dendrites(LIBRARY.models(), FRAME)
NETLISTS = Path(__file__).resolve().parents[2] / "netlists"


def test_a_full_line_gives_its_unit_to_gate_and_candidate():
    for height, spikes in (
        (DESIGN.external_height, FRAME.input_spikes),
        (DESIGN.cell_height, FRAME.spikes_per_unit),
    ):
        small = 0.01
        charge = pulse_charge(READOUT, height, small * WEIGHT_VOLT) - pulse_charge(READOUT, height, 0.0)
        current = spikes * charge / small / FRAME.seconds
        for bias, unit in ((DESIGN.candidate_bias, TANH_UNIT), (DESIGN.gate_bias, GATE_UNIT)):
            assert current / conductance(ADDER, bias, unit) == pytest.approx(unit, rel=2e-3)


def test_both_dendrites_have_one_time_constant():
    slow = conductance(ADDER, DESIGN.candidate_bias, TANH_UNIT)
    fast = conductance(ADDER, DESIGN.gate_bias, GATE_UNIT)
    assert ADDER["capacitance"] / slow == pytest.approx(DESIGN.tau)
    assert DESIGN.widening * ADDER["capacitance"] / fast == pytest.approx(DESIGN.tau, rel=2e-3)


def test_a_frame_whose_pulses_no_height_gives_is_refused():
    with pytest.raises(OutOfRange, match="pulse of"):
        gate_dendrites(LIBRARY.models(), replace(FRAME, seconds=1e-6))


def test_heights_invert_the_charge_and_higher_pulses_lag_less():
    found = [line_height(READOUT, float(q)) for q in unit_charge(READOUT, np.array([0.33, 0.36, 0.40]))]
    assert found == pytest.approx([0.33, 0.36, 0.40], abs=1e-4)
    assert np.all(np.diff(column_lag(READOUT, np.linspace(0.31, 0.43, 20))) < 0)


@pytest.mark.ngspice
@pytest.mark.parametrize(
    ("weight", "every"), [(1.0, 3), (2.5, 6)], ids=["every third spike", "every sixth spike"]
)
def test_a_dendrite_of_transistors_does_what_the_step_does(weight, every):
    """The bound: charge 2 % of full scale, adder's load over a unit 1 %; what the column draws at rest is apart.

    Spikes are taken when their pulses are half over: the step leaves the shaper's delay out.
    """
    from neuromorph.spice.workers import simulate

    h, ticks = FRAME.tick_seconds, 50
    at = np.floor(np.arange(0, FRAME.input_spikes, every) * FRAME.seconds / FRAME.input_spikes / h).astype(
        int
    )
    blocks, _ = blocks_for("nominal", FRAME, LIBRARY)
    read = blocks.external_readout.value(jnp.float32(weight))
    charge = read * FRAME.line_charge(FRAME.input_spikes) * blocks.dendrite.gain
    rise, current, ours = jnp.zeros(4), jnp.zeros(4), []
    for tick in range(ticks):
        pulse = jnp.float32(tick in at)
        rise, current = blocks.dendrite.step(rise, current, jnp.ones(4) * charge * pulse, h)
        current = blocks.dendrite.shunted(current, jnp.zeros(4), pulse, jnp.float32(0.0))
        ours.append(float(current[0]))
    parts = (
        "devices/cnfet.lib",
        "blocks/spike_shaper.cir",
        "blocks/gate_synapse.cir",
        "blocks/cascode_column.cir",
        "blocks/dendritic_adder.cir",
    )
    # a weight counts from where the read-out reads nothing
    half = 0.5 * (weight * WEIGHT_VOLT + float(read_offset(READOUT, DESIGN.external_height)))
    deck = "\n".join([
        "* one line, one synapse, one dendrite", *(load_netlist(NETLISTS / part) for part in parts),
        "vdd vdd 0 0.8\nvsw sw 0 0.4\nvref vref 0 0.4\nvq vq 0 0.25\nvmode vmode 0 0.4",
        f"vgain gain 0 {DESIGN.external_height:.6g}\nvbias vbias 0 {DESIGN.gate_bias:.6g}",
        f"vs spike 0 {pulses(h * at + 1e-12)}\nxs spike pulse line vdd sw gain spike_shaper",
        f"cl line 0 150f\ncp pulse 0 5f\nvp wp 0 {0.6 + half}\nvn wn 0 {0.6 - half}",
        "xr line wp wn up down gate_synapse\nxc up down d vref vdd vq cascode_column\ncu up 0 20f\ncd down 0 20f",
        f"xd d vref vdd vmode vbias dendritic_adder cdend={30 * DESIGN.widening:.6g}f",
        ".options method=gear reltol=1e-4 abstol=1e-14 vntol=1e-7 chgtol=1e-19 gmin=1e-15 itl4=50",
        ".save v(d)\n.nodeset v(d)=0.4\n.tran 0.2n 105n 0 0.25n\n.end",
    ])  # fmt: skip
    waves = simulate(deck, "dendrite", "test")
    at_ends = h * (1 + np.arange(ticks)) + PULSE_CENTRE
    theirs = (sample(waves.time, waves["d"], at_ends) - 0.4) / GATE_UNIT
    rest = float((sample(waves.time, waves["d"], 0.1e-9) - 0.4) / GATE_UNIT)
    error = theirs - rest - np.array(ours)
    assert abs(rest) < 0.1
    assert np.sqrt(np.mean(error**2)) < 0.05 * np.max(ours)
    assert np.corrcoef(theirs, ours)[0, 1] > 0.98


def test_a_pulse_takes_the_share_of_the_node_that_its_charge_through_the_column_is():
    blocks, _ = blocks_for("nominal", FRAME, LIBRARY)
    z, bias = jnp.array([1.0, -2.0, 0.5, 1.5]), jnp.array([1.0, 0.5, 0.0, 0.0])
    external, cells = jnp.float32(3.0), jnp.float32(2.0)
    after = blocks.dendrite.shunted(z - bias, bias, external, cells) + bias
    per_volt = 3 * output_charge(READOUT, DESIGN.external_height) + 2 * output_charge(
        READOUT, DESIGN.cell_height
    )
    capacitance = ADDER["capacitance"] * np.array([DESIGN.widening] * 3 + [1.0])
    assert np.asarray(after / z) == pytest.approx(np.exp(-per_volt / capacitance), rel=1e-5)
    # with cascodes; without, it was a hundredth
    assert 0 < DESIGN.external_shunt < 2e-3
    ideal, _ = blocks_for("ideal", FRAME, LIBRARY)
    assert np.array_equal(ideal.dendrite.shunted(z, bias, external, cells), z)
