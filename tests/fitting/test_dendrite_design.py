"""How a network sets the dendrites of its cells, against the laws it is derived from and against ngspice."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from neuromorph.errors import OutOfRange
from neuromorph.fitting.adder import CENTRE_MODE, load
from neuromorph.fitting.dendrite_design import LOWEST_BIAS, STIFF_RANGE, conductance
from neuromorph.fitting.readout import (
    PULSE_CENTRE,
    V_LINE,
    WEIGHT_VOLT,
    column_lag,
    crowd_share,
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
        rise, moved = blocks.dendrite.step(rise, current, jnp.ones(4) * charge * pulse, h)
        current = blocks.dendrite.loaded(moved, current, jnp.zeros(4), pulse, jnp.float32(0.0), h)
        ours.append(float(current[0]))
    parts = (
        "devices/cnfet.lib",
        "blocks/spike_shaper.cir",
        "blocks/gate_synapse.cir",
        "blocks/dendrite_column.cir",
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
        "xr line wp wn up down gate_synapse\nxc up down d vref vdd vq dendrite_column\ncu up 0 20f\ncd down 0 20f",
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
    h, none = FRAME.tick_seconds, jnp.float32(0.0)
    after, unread = (
        blocks.dendrite.loaded(z - bias, z - bias, bias, external, cells, h) + bias
        for external, cells in ((jnp.float32(3.0), jnp.float32(2.0)), (none, none))
    )
    per_volt = 3 * output_charge(READOUT, DESIGN.external_height) + 2 * output_charge(
        READOUT, DESIGN.cell_height
    )
    capacitance = ADDER["capacitance"] * np.array([DESIGN.widening] * 3 + [1.0])
    assert np.asarray(after / unread) == pytest.approx(np.exp(-per_volt / capacitance), rel=1e-5)
    # with cascodes; without, it was a hundredth
    assert 0 < DESIGN.external_shunt < 2e-3
    ideal, _ = blocks_for("ideal", FRAME, LIBRARY)
    assert np.array_equal(ideal.dendrite.loaded(z, z, bias, jnp.float32(3.0), none, h), z)


@pytest.mark.parametrize(
    ("row", "vbias", "unit"),
    [(0, DESIGN.gate_bias, GATE_UNIT), (3, DESIGN.candidate_bias, TANH_UNIT)],
    ids=["gate", "candidate"],
)
@pytest.mark.parametrize("units", [-6.0, -2.0, 0.5, 4.0, 8.0])
def test_a_driven_dendrite_ends_where_the_adders_load_takes_the_current(row, vbias, unit, units):
    """The step splits a tick into arrival, decay and load: it stands within its ripple of where fine integration ends."""
    blocks, _ = blocks_for("nominal", FRAME, LIBRARY)
    h, none, bias = FRAME.tick_seconds, jnp.float32(0.0), jnp.zeros(4)
    rise, current = jnp.zeros(4), jnp.zeros(4)
    arriving = jnp.zeros(4).at[row].set(units * -math.expm1(-h / DESIGN.tau))
    for _ in range(60):
        rise, moved = blocks.dendrite.step(rise, current, arriving, h)
        current = blocks.dendrite.loaded(moved, current, bias, none, none, h)
    driven = units * unit * conductance(ADDER, vbias, unit)
    v = np.linspace(-2 * STIFF_RANGE, 2 * STIFF_RANGE, 8001)
    near = np.clip(v, -STIFF_RANGE, STIFF_RANGE)  # beyond, the load goes on as it is there
    held = load(ADDER, near, CENTRE_MODE, vbias) - load(ADDER, 0.0, CENTRE_MODE, vbias)
    held = held * np.maximum(np.abs(v) / STIFF_RANGE, 1.0)
    expected = float(np.interp(driven, held, v)) / unit
    mean = 0.5 * float(current[row] + moved[row])  # from pulse to pulse
    assert mean == pytest.approx(expected, rel=0.04, abs=0.02)
    if abs(units * unit) > 0.25:  # a linear node would stand out there
        assert abs(mean) < 0.8 * abs(units)


def test_pulses_of_a_tick_take_charge_from_each_other_and_a_lone_one_keeps_all_of_it():
    blocks, _ = blocks_for("nominal", FRAME, LIBRARY)
    crowded, zero, one = blocks.dendrite.crowded, jnp.float32(0.0), jnp.float32(1.0)
    assert crowded(one, zero)[0] == 1.0
    assert crowded(zero, one)[1] == 1.0
    external, cells = crowd_share(READOUT, np.array([DESIGN.external_height, DESIGN.cell_height]))
    left = crowded(jnp.float32(8.0), jnp.float32(5.0))
    assert left[0] == pytest.approx(1 / (1 + 7 * external + 5 * cells), rel=1e-6)
    assert left[1] == pytest.approx(1 / (1 + 8 * external + 4 * cells), rel=1e-6)
    assert 0.85 < left[0] < 0.95  # measured: eight external ones leave each other 92 %
    ideal, _ = blocks_for("ideal", FRAME, LIBRARY)
    assert ideal.dendrite.crowded(jnp.float32(8.0), zero) == (1.0, 1.0)


def test_a_note_reads_less_of_a_spike_the_more_cells_spike_with_it():
    blocks, _ = blocks_for("nominal", FRAME, LIBRARY)
    note, none = blocks.note_dendrite, jnp.zeros(3)
    before = jnp.array([0.2, 0.5, 1.0])
    kept = [
        np.asarray(note.loaded(before, before, none, jnp.float32(0.0), jnp.float32(n), 2e-9) / before)
        for n in (0, 1, 20)
    ]
    assert np.all(kept[0] == 1)
    share = output_charge(READOUT, V_LINE) / (conductance(ADDER, LOWEST_BIAS, TANH_UNIT) * FRAME.tau_read)
    assert kept[2] == pytest.approx(np.exp(-20 * share) * np.ones(3), rel=1e-5)
    assert 1e-5 < share < 2e-4  # some per mille a tick
    assert note.crowded(0.0, jnp.float32(1.0))[1] == 1.0
    assert note.crowded(0.0, jnp.float32(13.0))[1] == pytest.approx(
        1 / (1 + 12 * crowd_share(READOUT, V_LINE))
    )
