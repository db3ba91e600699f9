"""The cleft's form: it is the netlist's, pulses add, inhibition shunts, its capacitance is recovered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromorph.characterization import load_recipe
from neuromorph.fitting.cleft import EXCITATORY, INHIBITORY, Cleft
from neuromorph.fitting.synapse import (
    RAIL_KNOBS,
    START,
    _fit_cleft,
    half_width,
    measured,
    predict,
    shape_errors,
    waveform,
)
from neuromorph.library import Library

SHIPPED = Library.shipped()
TIME = np.linspace(0, 60e-9, 241)
KNOBS = {"vnt": 0.28, "vre": 0.55, "vw": 0.45, "vwref": 0.4, "vdecay": 0.0, "post": 0.2}
NODES = {"0": "ground", "r": "release", "t": "receptor", "m": "mirror"}


def run(devices, **changes):
    cleft = Cleft(devices, 5e-15)
    rows = max(np.size(v) for v in changes.values()) if changes else 1
    return cleft.run([np.array([START])] * rows, {**KNOBS, **changes}, TIME)


@pytest.mark.parametrize(
    ("name", "devices"), [("excitatory_synapse", EXCITATORY), ("inhibitory_synapse", INHIBITORY)]
)
def test_the_devices_are_those_of_the_netlist(name, devices):
    """Flavour, polarity and terminals, but for the leak of the post-synaptic node, which is clamped here."""
    circuit = load_recipe(name)
    body = circuit.netlist_text().split(f".subckt {name}")[1].splitlines()
    cards = [line.split() for line in body if line.startswith("x")]
    found = {
        (flavour.split("_", 1)[1], flavour[0], *(NODES.get(n, n) for n in terminals))
        for _, *terminals, flavour in cards
        if terminals != ["post", "vdecay", "0"]
    }
    assert found == {(d.flavour, d.polarity, d.drain, d.gate, d.source) for d in devices}


@pytest.mark.parametrize("name", ["excitatory_synapse", "inhibitory_synapse"])
def test_knobs_made_from_the_rail_are_the_recipes(name):
    assert {knob.name for knob in load_recipe(name).knobs if knob.from_supply} == set(RAIL_KNOBS)


@pytest.mark.parametrize(("kelvin", "supply"), [(273.15, 0.72), (300.15, 0.8), (358.15, 0.88)])
@pytest.mark.parametrize("devices", [EXCITATORY, INHIBITORY])
def test_it_starts_at_rest(devices, kelvin, supply):
    """What is left moves no femtofarad by a microvolt in a window of 150 ns; in the cold, femtoamperes take milliseconds to
    settle a receptor."""
    cleft = Cleft(devices, 5e-15, kelvin, supply)
    moved = {"vnt": KNOBS["vnt"] + supply - 0.8, "vre": KNOBS["vre"] + supply - 0.8}
    given = {**KNOBS, **moved, "vdd": supply, "ground": 0.0}
    held = np.array([[given[name]] for name in cleft.held])
    state = cleft._rest(held)
    assert np.abs(cleft.currents(state, held)[: len(state)]).max() < 1e-15 * 1e-6 / 150e-9


def test_signs_and_knobs():
    """Excitation flows into the node, inhibition out; each knob moves the charge the way its text says."""
    assert run(EXCITATORY).sum() > 0 > run(INHIBITORY).sum()
    for knob, stronger in (
        ("vnt", [0.32, 0.28, 0.25]),
        ("vre", [0.53, 0.55, 0.57]),
        ("vw", [0.35, 0.4, 0.45]),
    ):
        assert np.all(np.diff(run(EXCITATORY, **{knob: np.array(stronger)}).sum(1)) > 0), knob
        assert np.all(np.diff(run(INHIBITORY, **{knob: np.array(stronger)}).sum(1)) < 0), knob


def test_inhibition_shunts():
    """No current from a node at 0 V (its mirror's feed-through aside), and less from lower nodes."""
    charge = -np.trapezoid(run(INHIBITORY, post=np.array([0.0, 0.02, 0.1, 0.4])), TIME)
    assert abs(charge[0]) < 0.01 * charge[-1]
    assert np.all(np.diff(charge) > 0)


def test_small_pulses_scale_with_the_weight_alone():
    """In subthreshold the pair divides the current: the sigmoid of (vw - vwref) / 30.. mV, within 5 %."""
    low, middle, high = run(EXCITATORY, vnt=0.33, vw=np.array([0.37, 0.4, 0.43])).sum(1)
    assert low + high == pytest.approx(2 * middle, rel=0.05)


def test_the_capacitance_is_recovered():
    """A cleft of 4.6 fF in place of 5 fF, from its own curves with noise of 0.1 %."""
    data = SHIPPED.read("excitatory_synapse")
    rng = np.random.default_rng(5)
    sweeps = {}
    for name, rows in (("release", [2]), ("reuptake", [2]), ("pairs", [2])):
        sweep = data[name]
        axis = next(iter(sweep.axes))
        short = replace(sweep, axes={axis: sweep[axis][rows]}, inner={"time": TIME}, outputs={})
        curves = predict(EXCITATORY, {"c_cleft": 4.6e-15}, data, short)
        noisy = curves + 1e-3 * curves.max() * rng.standard_normal(curves.shape)
        sweeps[name] = replace(short, outputs={"current": noisy})
    fitted, deviation, _ = _fit_cleft(replace(data, sweeps=sweeps), EXCITATORY)
    assert abs(fitted["c_cleft"] - 4.6e-15) < 5 * deviation["c_cleft"] < 0.1e-15


@pytest.mark.parametrize(
    ("name", "devices"), [("excitatory_synapse", EXCITATORY), ("inhibitory_synapse", INHIBITORY)]
)
def test_shipped_fit_holds_on_a_pair(name, devices):
    """Within the 2 % that the design asks; the double exponential misses it."""
    data = SHIPPED.read(name)
    pairs = data["pairs"]
    one = replace(
        pairs,
        axes={"pair_interval": pairs["pair_interval"][2:3]},
        outputs={"current": pairs["current"][2:3]},
        status=pairs.status[2:3],
    )
    p = data.fit.parameters
    errors = shape_errors(predict(devices, p, data, one), measured(one), one["time"])
    assert max(errors.values()) < 2.0
    spikes = np.array([START, START + one["pair_interval"][0]])
    pulse = waveform(spikes, one["time"], p)[None]
    assert shape_errors(pulse, measured(one), one["time"])["peak"] > 2.0


def test_half_width_of_a_known_pulse():
    time = np.linspace(0, 10, 1001)
    assert half_width(np.exp(-((time - 5) ** 2)), time) == pytest.approx(2 * np.sqrt(np.log(2)), rel=1e-3)
