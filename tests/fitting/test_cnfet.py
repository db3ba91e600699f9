"""The transistor's fitted quantities against theory and against the equations on arrays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuromorph.characterization import load_recipe
from neuromorph.devices.cnfet import PRESETS, drain_current
from neuromorph.devices.equations import evaluate_geometry
from neuromorph.fitting import verify
from neuromorph.fitting.cnfet import (
    BOLTZMANN,
    FLAVOURS,
    GATE,
    V_LOW,
    V_ON,
    bias_current,
    efold_voltage,
    fit_cnfet,
    swing_below_threshold,
    threshold,
)
from neuromorph.library import Library

DATA = Library.shipped().read("cnfet")
FITTED = DATA.fit.parameters
LOW = PRESETS["low_leakage"]


def current(device, vgs=GATE, vds=V_LOW):
    return drain_current(device, "n", vgs, vds, 0.0)


def test_extraction_from_a_known_exponential():
    """30 mV per e-fold through 10 nA at 0.2 V, on the 10 mV grid."""
    exponential = 1e-8 * np.exp((GATE - 0.2) / 0.03)
    assert threshold(GATE, exponential) == pytest.approx(0.2, abs=1e-9)
    assert efold_voltage(GATE, exponential) == pytest.approx(0.03, rel=1e-6)
    assert swing_below_threshold(GATE, exponential) == pytest.approx(0.03 * np.log(10), rel=1e-6)


def test_a_device_that_never_reaches_the_current_has_no_threshold():
    assert np.isnan(threshold(GATE, np.full(GATE.shape, 1e-12)))


def test_swing_is_thermal_times_its_factor():
    """To 0.15 %, what the window of the extraction leaves; above the 59.5 mV of 300 K."""
    assert FITTED["swing_per_kelvin"] == pytest.approx(LOW.ssf * BOLTZMANN * np.log(10), rel=1.5e-3)
    for flavour in FLAVOURS:
        assert FITTED[f"swing_{flavour}"] > BOLTZMANN * 300.15 * np.log(10)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_each_flavour_is_its_preset(flavour):
    device = PRESETS[flavour]
    assert FITTED[f"threshold_{flavour}"] == pytest.approx(threshold(GATE, current(device)), abs=1e-5)
    assert FITTED[f"on_current_tube_{flavour}"] == pytest.approx(current(device, 0.8, V_ON) / 8, rel=1e-4)
    assert FITTED[f"off_current_{flavour}"] == pytest.approx(current(device, 0.0, V_ON), rel=1e-4)
    gate = evaluate_geometry(device.values(), np)["cgate"]
    assert FITTED[f"gate_capacitance_{flavour}"] == pytest.approx(2 * gate, rel=1e-4)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("kind", ["transfer", "output"])
def test_p_mirrors_n_in_ngspice(flavour, kind):
    sweep = DATA[f"{kind}_{flavour}"]
    np.testing.assert_allclose(sweep["p_current"], sweep["n_current"], rtol=1e-5, atol=1e-15)


def test_sensitivities_are_the_derivatives_of_the_equations():
    """Central differences; the parabolas through points 0.1 nm and 15 K apart are good to 1 %."""
    bias = GATE[np.argmin(np.abs(GATE - FITTED["threshold_low_leakage"]))]
    wide, narrow = (np.log(current(LOW.with_(dia=d), bias)) for d in (1.491, 1.489))
    assert FITTED["ln_current_per_nm"] == pytest.approx((wide - narrow) / 0.002, rel=0.01)
    hot, cold = (threshold(GATE, current(LOW.with_(tk=t))) for t in (305.15, 295.15))
    assert FITTED["threshold_per_kelvin"] == pytest.approx((hot - cold) / 10, rel=0.01)


def test_the_fit_recovers_another_device():
    """Curves of a device with another swing factor and flat band, made from the equations."""
    other = LOW.with_(ssf=1.3, vfb=0.2)
    sweep = DATA["temperature"]
    devices = [other.with_(tk=float(tk)) for tk in sweep["tk"]]
    curves = [current(d) for d in devices]
    barrier = [current(d.with_(goff=0.0)) for d in devices]
    outputs = {
        **sweep.outputs,
        "threshold": np.array([threshold(GATE, c) for c in curves]),
        "swing": np.array([swing_below_threshold(GATE, c) for c in barrier]),
    }
    fitted = fit_cnfet(replace(DATA, sweeps={**DATA.sweeps, "temperature": replace(sweep, outputs=outputs)}))
    assert fitted.parameters["swing_per_kelvin"] == pytest.approx(1.3 * BOLTZMANN * np.log(10), rel=2e-3)
    assert fitted.parameters["threshold_tk_0"] == pytest.approx(threshold(GATE, current(other)), abs=1e-4)


def test_currents_add_up_over_tubes():
    sweep = DATA["tubes"]
    np.testing.assert_allclose(bias_current(sweep) / sweep["tubes"], bias_current(sweep)[0], rtol=1e-6)
    assert FITTED["bias_current_tubes_1"] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.ngspice
def test_laws_hold_on_fresh_spice_and_a_wrong_one_does_not(tmp_path):
    circuit = load_recipe("cnfet")
    assert all(figure.holds for figure in verify([circuit], Library.shipped(), 1, progress=False))
    wrong = {**FITTED, "swing_per_kelvin": 1.02 * FITTED["swing_per_kelvin"]}
    library = Library(tmp_path)
    library.write(replace(DATA, fit=replace(DATA.fit, parameters=wrong)))
    failed = [f.claim for f in verify([circuit], library, 1, progress=False) if not f.holds]
    assert failed == ["cnfet: swing over temperature, max error"]
