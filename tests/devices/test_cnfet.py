"""The device against a second implementation, written from the papers and sharing no code, and against ngspice."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuromorph.devices.cnfet import PRESETS, CnfetParameters, drain_current
from neuromorph.devices.netlist import device_library
from neuromorph.errors import InputError
from neuromorph.fitting.device import device_figure

LIBRARY = Path(__file__).parent.parent.parent / "netlists" / "devices" / "cnfet.lib"


def referee(p: CnfetParameters, vg: float, vd: float, vs: float) -> float:
    """n-type drain current, A, scalar, in metres, in the papers' order of definitions."""
    if vd < vs:
        return -referee(p, vg, vs, vd)
    k_t = 8.617333262e-5 * p.tk
    d, length, oxide = p.dia * 1e-9, p.lg * 1e-9, p.tox * 1e-9
    gap = 2 * 0.142 * 3.0 / p.dia
    c_ox = 2 * math.pi * 8.8541878128e-12 * p.kox / math.log((2 * oxide + d) / d)
    c_q = 0.64e-9 * math.sqrt(gap) + 0.1e-9
    c_inv = 1 / (1 / c_ox + 1 / c_q)
    mobility = 0.135 * length / (66.2e-9 + length) * p.dia**1.5
    v_xo = 4.1e5 * math.sqrt(p.dia / 1.2) / (1 + length / 220e-9)
    z = 2.4048 * d / (d + 2 * oxide)
    b = 0.41 * (z / 2 - z**3 / 16) * math.pi * z / 2
    scale = (d + 2 * oxide) / (2 * 2.4048) * (1 + b * (1 / p.kox - 1))
    eta = math.exp(-(length + 2 * oxide / 3) / (2 * scale))
    n = p.ssf / (1 - 2 * eta)
    quantum = 6453.2
    contact = 490 * math.exp(min(max((0.4 - gap / 2) / 0.032, -8), 5))
    transfer = (contact * quantum / 380e-9 + (contact * quantum / 2) ** 2) ** -0.5
    r_contact = (
        quantum / 2 * math.sqrt(1 + 4 / (380e-9 * contact * quantum)) / math.tanh(p.lcon * 1e-9 / transfer)
    )
    r_s = r_contact + 35 * p.lext / (p.nsd**2.1 * p.dia**2)
    v_gs, v_ds = vg - vs, vd - vs
    v_th = gap / 2 - 2 * (0.258 + gap / 2) * eta + p.vfb - eta * v_ds
    alpha = 3.5 * k_t
    weak = 1 / (1 + math.exp((v_gs - (v_th - alpha / 2)) / alpha))
    charge = c_inv * n * k_t * math.log1p(math.exp((v_gs - (v_th - alpha * weak)) / (n * k_t)))
    v_x = (weak + (1 - weak) / (1 + r_s * c_inv * (1 + 2 * eta) * v_xo)) * v_xo
    saturation = (2 * r_s * charge * v_x + v_x * length / mobility) * (1 - weak) + k_t * weak
    ratio = v_ds / max(saturation, 0.01)
    return p.tubes * (charge * v_x * ratio / (1 + ratio**1.8) ** (1 / 1.8) + p.goff * v_ds)


voltages = st.floats(0.0, 0.9)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(PRESETS)), voltages, voltages, voltages)
def test_equations_against_the_referee(preset, vg, vd, vs):
    p = PRESETS[preset]
    expected = referee(p, vg, vd, vs)
    # the guard of the saturation exponent moves the current by up to 1e-9 |vds| G
    assert drain_current(p, "n", vg, vd, vs) == pytest.approx(expected, rel=1e-6, abs=1e-15)


@given(st.sampled_from(sorted(PRESETS)), voltages, voltages, voltages)
def test_p_mirrors_n_and_drain_swaps_with_source(preset, vg, vd, vs):
    p = PRESETS[preset]
    n = drain_current(p, "n", vg, vd, vs)
    assert drain_current(p, "p", -vg, -vd, -vs) == -n
    assert drain_current(p, "n", vg, vs, vd) == pytest.approx(-n, rel=1e-12, abs=1e-30)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_current_grows_with_gate_and_drain_voltage(preset):
    v = np.linspace(0, 0.8, 81)
    current = drain_current(PRESETS[preset], "n", v[:, None], v[None, 1:], 0.0)
    assert np.all(np.diff(current, axis=0) > 0)
    assert np.all(np.diff(current, axis=1) > -1e-18)


def test_subthreshold_slope_follows_temperature():
    """e-fold voltage is ssf kT/q / (1 - Ff (1 - Ff)); so far below threshold Ff (1 - Ff) < 0.5 %."""
    for tk in (273.0, 300.0, 358.0):
        p = PRESETS["analog"].with_(tk=tk, goff=0.0)
        low, high = (float(drain_current(p, "n", v, 0.6, 0.0)) for v in (-0.4, -0.38))
        assert 0.02 / math.log(high / low) == pytest.approx(1.15 * 8.617333262e-5 * tk, rel=0.005)


def test_bad_parameters_are_refused():
    with pytest.raises(InputError, match="dia"):
        CnfetParameters(dia=-1.0)
    with pytest.raises(InputError, match="polarity"):
        drain_current(PRESETS["fast"], "x", 0, 0, 0)


def test_the_checked_in_netlist_is_the_generated_one():
    assert LIBRARY.read_text() == device_library()


@pytest.mark.ngspice
def test_ngspice_agrees_on_a_bias_grid():
    """Every preset and polarity, 1e-5 (|I| + 100 pA), both signs of vds."""
    assert device_figure().holds
