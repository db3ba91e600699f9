"""Parameters at knob settings: the usual ones at the usual setting, the right direction, refusals, curves."""

from __future__ import annotations

import numpy as np
import pytest

from neuromorph.errors import OutOfRange
from neuromorph.fitting import cell_knobs, gate, neuron_knobs
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
