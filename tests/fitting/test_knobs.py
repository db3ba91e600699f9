"""Parameters at knob settings: the usual ones at the usual setting, the right direction, refusals, curves."""

from __future__ import annotations

import numpy as np
import pytest

from neuromorph.errors import OutOfRange
from neuromorph.fitting import cell_knobs, delta, gate, neuron_knobs, pulses, trace_knobs, update_knobs
from neuromorph.fitting.neuron_design import random_setting, training_setting
from neuromorph.fitting.neuron_form import tonic_interval
from neuromorph.fitting.rectifier import measured, rectified
from neuromorph.library import Library

SHIPPED = Library.shipped()
NEURON, CELL, GATE = (SHIPPED.read(name) for name in ("axon_hillock", "memory_cell", "gate"))


def interval(current, **knobs):
    p = neuron_knobs.form(neuron_knobs.at_knobs(NEURON.fit.parameters, **knobs))
    return float(tonic_interval(p, np.array(current), np))


@pytest.mark.parametrize(
    ("laws", "data"),
    [(neuron_knobs, NEURON), (cell_knobs, CELL), (gate, GATE)],
    ids=["neuron", "cell", "gate"],
)
def test_the_usual_setting_changes_nothing(laws, data):
    assert laws.at_knobs(data.fit.parameters) == pytest.approx(data.fit.parameters, rel=1e-9, abs=1e-30)


@pytest.mark.parametrize(
    ("laws", "data", "knobs"),
    [(neuron_knobs, NEURON, {"vref": 0.3}), (cell_knobs, CELL, {"vbo": 0.45}), (gate, GATE, {"vb": 0.1})],
)
def test_settings_outside_are_refused(laws, data, knobs):
    with pytest.raises(OutOfRange, match=f"knob {next(iter(knobs))}"):
        laws.at_knobs(data.fit.parameters, **knobs)


def test_a_spike_that_would_not_end_is_refused():
    with pytest.raises(OutOfRange, match=r"above 0\.675 V"):
        neuron_knobs.at_knobs(NEURON.fit.parameters, vref=0.26, vwidth=0.44)


def test_each_knob_of_the_neuron_does_what_it_says():
    """vref shortens the refractory period, vleak raises the rheobase, vwidth widens, vgain lowers the threshold."""
    at = lambda **knobs: neuron_knobs.at_knobs(NEURON.fit.parameters, **knobs)  # noqa: E731
    assert interval(8e-7, vref=0.24) < interval(8e-7) < interval(8e-7, vref=0.18)
    assert at(vleak=0.2)["leak_current"] > 3 * at()["leak_current"] > 9 * at(vleak=0.1)["leak_current"]
    assert at(vwidth=0.45)["spike_width"] > at()["spike_width"] > at(vwidth=0.37)["spike_width"]
    assert at(vgain=0.45)["threshold"] < at()["threshold"] < at(vgain=0.41)["threshold"]


def test_refractory_sweep_is_followed_without_having_been_fitted():
    """One knob moved alone is inside the random settings: the fit's own largest error holds."""
    sweep = NEURON["refractory"]
    bound = 100 * NEURON.fit.errors["knobs_tonic_max"]
    for a, vref in enumerate(sweep["vref"]):
        if vref + 0.43 > 0.675:
            continue
        for b, current in enumerate(sweep["i_in"]):
            error = 100 * abs(interval(current, vref=float(vref)) / sweep["interval"][a, b] - 1)
            assert error <= bound, (vref, current)


def test_training_and_held_out_settings_differ():
    trained = [tuple(training_setting(k).values()) for k in range(110)]
    assert not {tuple(random_setting(k).values()) for k in range(1001, 1017)} & set(trained)


@pytest.mark.parametrize("knob", ["vbi", "vbf", "vbo"])
def test_a_bias_of_the_cell_sets_its_current(knob):
    """Against the curves' own peak, within three times the stated root mean square."""
    tail = next(t for t in cell_knobs.TAILS if t.knob == knob)
    sweep, p = CELL[tail.sweep], CELL.fit.parameters
    peak = np.abs(sweep["current"]).max(axis=(1, 2))
    usual = int(np.argmin(np.abs(sweep[knob] - cell_knobs.KNOBS[knob][2])))
    name = tail.currents[0]
    model = np.array([cell_knobs.at_knobs(p, **{knob: float(v)})[name] for v in sweep[knob]])
    assert model[0] < 0.3 * model[-1]
    # the amplifier's width moves its plateau at 0.2 V by up to a percent more
    np.testing.assert_allclose(
        model / model[usual], peak / peak[usual], rtol=3 * CELL.fit.errors["knobs_rms"] + 0.02
    )


def test_the_tail_of_the_gate_follows_its_law():
    sweep = GATE["sigmoid"]
    model = [gate.at_knobs(GATE.fit.parameters, vb=float(v))["i_bias"] for v in sweep["vb"]]
    np.testing.assert_allclose(model, sweep["tail"], rtol=1.01 * GATE.fit.errors["tail_max_relative"])


@pytest.mark.parametrize(("name", "prefix"), [("rectifier", "rectifier"), ("rectifier_loaded", "loaded")])
def test_the_rectifier_gives_one_side_only(name, prefix):
    sweep = GATE[name]
    up, down = rectified(GATE.fit.parameters, sweep["g"], sweep["i_tail"], prefix)
    bound = 1.01 * GATE.fit.errors["rectifier_max_of_full_scale"]
    np.testing.assert_allclose(np.stack([up, down]), measured(sweep), atol=bound)
    assert np.all(up[:, sweep["g"] < -0.05] < 0.02)
    assert np.all(down[:, sweep["g"] > 0.05] < 0.02)


UPDATED = ("eligibility_synapse", "delta_synapse", "lateral_synapse", "feedback_synapse")
PULSED = ("error_unit", "learning_unit")


@pytest.mark.parametrize("block", UPDATED)
def test_the_usual_knobs_of_an_update_change_nothing(block):
    p = SHIPPED.read(block).fit.parameters
    assert update_knobs.at_knobs(p, block) == pytest.approx(p, rel=1e-12)


@pytest.mark.parametrize("block", UPDATED)
def test_a_reference_above_a_trace_weakens_it_and_higher_pulses_learn_faster(block):
    p = SHIPPED.read(block).fit.parameters
    size = lambda **knobs: update_knobs.at_knobs(p, block, **knobs)["full_update"]  # noqa: E731
    assert size(eref=0.42) < size() < size(eref=0.37)
    assert size(height=0.30) < size() < size(height=0.41)


@pytest.mark.parametrize("knobs", [{"eref": 0.5}, {"height": 0.2}, {"vdis": 0.3}])
def test_an_update_refuses_settings_outside(knobs):
    with pytest.raises(OutOfRange, match=f"knob '?{next(iter(knobs))}"):
        update_knobs.at_knobs(SHIPPED.read("delta_synapse").fit.parameters, "delta_synapse", **knobs)


@pytest.mark.parametrize("knob", ["eref", "height"])
def test_spice_updates_follow_the_laws_of_the_delta_synapse(knob):
    """Stored curves, within the fit's own largest error."""
    data = SHIPPED.read("delta_synapse")
    sweep = data["reference" if knob == "eref" else "height"]
    p, full = data.fit.parameters, np.abs(sweep["dw"]).max()
    bound = 1.01 * data.fit.errors[f"{'reference' if knob == 'eref' else 'height'}_max_of_full_scale"]
    for row, value in zip(sweep["dw"][..., 0], sweep[knob], strict=True):
        q = update_knobs.at_knobs(p, "delta_synapse", **{knob: float(value)})
        np.testing.assert_allclose(delta.change(q, sweep["y"], update_knobs.WIDTH), row, atol=bound * full)


@pytest.mark.parametrize("block", PULSED)
def test_a_higher_discharge_shortens_every_pulse_alike(block):
    """Against SPICE's widths; an e-fold is some 33 mV."""
    data = SHIPPED.read(block)
    sweep, p = data["discharge"], data.fit.parameters
    size = np.abs(sweep["difference"]).reshape(len(sweep["vdis"]), -1).mean(axis=1)
    _, most, knob = pulses.DISCHARGE[block]["vdis"]
    usual = size[list(sweep["vdis"]).index(knob)]
    np.testing.assert_allclose(pulses.discharge_factor(p, sweep["vdis"], block), size / usual, rtol=5e-3)
    shorter = pulses.at_knobs(p, block, vdis=most)
    assert shorter["base"] / p["base"] == pytest.approx(np.exp((knob - most) / 33e-3), rel=0.1)


def test_the_rail_of_the_traces_sets_their_floor_and_slows_the_decay():
    p = SHIPPED.read("eligibility_synapse").fit.parameters
    assert trace_knobs.at_knobs(p) == pytest.approx(p, rel=1e-12)
    higher = trace_knobs.at_knobs(p, vs=0.30)
    assert higher["floor"] / p["floor"] == pytest.approx(np.exp(50 / 30.4), rel=0.05)
    assert higher["decay_full"] < p["decay_full"]


def test_the_read_out_is_biased_to_a_current():
    model = Library.shipped().models("memory_cell")["memory_cell"]
    moved = cell_knobs.reading(model, 0.8e-6)
    assert moved["i_read"] == pytest.approx(0.8e-6, rel=1e-9)
    assert moved["o_width"] < model["o_width"]
    assert moved["i_charge"] == model["i_charge"]
    with pytest.raises(OutOfRange, match="vbo"):
        cell_knobs.reading(model, 1e-12)
