"""The carbon-nanotube transistor itself: curves of every flavour, over temperature, diameter and tubes.

python circuits/cnfet.py --plot
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neuromorph.circuit import REFERENCE_OPTIONS, Axis, Circuit, Published, Sweep, linear
from neuromorph.fitting.cnfet import (  # fmt: skip
    FLAVOURS,
    GATE,
    V_LOW,
    V_ON,
    efold_voltage,
    fit_cnfet,
    score_cnfet,
    swing_below_threshold,
    threshold,
)

NETLISTS = Path(__file__).resolve().parent.parent / "netlists"
RAMP = 1e-3
"""Duration of the slow ramp of the gate, s: its displacement current is far below every other error."""


OPTIONS = "reltol=1e-7 abstol=1e-22 vntol=1e-15 gmin=1e-18"
"""For static curves: the charge of the channel is a node voltage, 1e-8 V at a picoampere."""


def _deck(cards, save, analysis, options=OPTIONS):
    return "\n".join([*cards, f".options {options}", f".save {save}", analysis, ".end"])


def _pair(flavour, gate, drain):
    """An n device and its p mirror, gate and drain of the one those of the other with opposite sign."""
    return [
        f"vg g 0 {gate:.9g}", "eg gp 0 g 0 -1", f"vd d 0 {drain:.9g}", "ed dp0 0 d 0 -1", "vdp dp0 dp 0",
        f"xn d g 0 nfet_{flavour}", f"xp dp gp 0 pfet_{flavour}",
    ]  # fmt: skip


def _transfer(flavour):
    def bench(_, point):
        low, high, step = GATE[0], GATE[-1], GATE[1] - GATE[0]
        return _deck(_pair(flavour, 0, point["vds"]), "i(vd) i(vdp)", f".dc vg {low:g} {high:g} {step:g}")

    return bench


def _output(flavour):
    def bench(_, point):
        return _deck(_pair(flavour, point["vgs"], 0), "i(vd) i(vdp)", ".dc vd -0.2 0.8 0.02")

    return bench


def _currents(waves, _):
    # ed carries the drain current of p back, so that vd sees that of n alone
    return {"n_current": -waves["vd#branch"], "p_current": -waves["vdp#branch"]}


def _capacitance(circuit, point):
    """A small signal of 1 MHz at every gate; currents over omega are capacitances."""
    cards = []
    for flavour in FLAVOURS:
        for polarity, sign in (("n", 1), ("p", -1)):
            name = f"{polarity}_{flavour}"
            cards += [
                f"vg_{name} g_{name} 0 dc {sign * point['vgs']:.9g} ac 1",
                f"x_{name} d_{polarity} g_{name} 0 {polarity}fet_{flavour}",
            ]
    cards += [f"vd_n d_n 0 {V_LOW}", f"vd_p d_p 0 {-V_LOW}"]
    return _deck(cards, " ".join(f"i(vg_{name})" for name in _GATES), ".ac lin 1 1meg 1meg")


def _capacitance_measure(waves, _):
    return {name: abs(waves[f"vg_{name}#branch"][0].imag) / (2 * np.pi * 1e6) for name in _GATES}


def _ramp(_, point):
    """Gate current of a slow ramp with drain and source grounded: the C-V curve of an instrument."""
    return _deck(
        [f"vg g 0 pwl(0 0 {RAMP:g} 0.8)", f"x1 0 g 0 cnfet dia={1e9 * point['dia']:.9g} tubes={point['tubes']:.9g}"],
        "i(vg) v(g)", f".tran {RAMP / 200:g} {RAMP:g} 0 {RAMP / 200:g}", REFERENCE_OPTIONS,
    )  # fmt: skip


def _ramp_measure(waves, point):
    charge = np.r_[
        0, np.cumsum(-np.diff(waves.time) * (waves["vg#branch"][1:] + waves["vg#branch"][:-1]) / 2)
    ]
    at = np.interp(np.r_[0.0, _BIAS["vgs"].values], waves["g"], charge)
    curve = np.diff(at) / np.diff(np.r_[0.0, _BIAS["vgs"].values])
    return {"capacitance_per_tube": curve / point["tubes"], "charge_per_volt": charge[-1] / 0.8}


def _sized(_, point):
    """The block at 0.4 V and 0.8 V of drain voltage, and once without its off conductance."""
    sizes = f"tk={point.get('tk', 300.15):.9g} dia={1e9 * point.get('dia', 1.49e-9):.9g} tubes={point.get('tubes', 8):.9g}"
    low, high, step = GATE[0], GATE[-1], GATE[1] - GATE[0]
    cards = [
        "vg g 0 0", f"vd d 0 {V_LOW}", f"vd8 d8 0 {V_ON}", f"vdt dt 0 {V_LOW}", f"xd d g 0 cnfet {sizes}",
        f"x8 d8 g 0 cnfet {sizes}", f"xt dt g 0 nfet_low_leakage {sizes} goff=0",
    ]  # fmt: skip
    return _deck(cards, "i(vd) i(vd8) i(vdt)", f".dc vg {low:g} {high:g} {step:g}")


def _sized_measure(waves, _):
    current, on, thermal = (-waves[f"{source}#branch"] for source in ("vd", "vd8", "vdt"))
    return {
        "current": current,
        "threshold": threshold(GATE, current),
        "efold_voltage": efold_voltage(GATE, current),
        "swing": swing_below_threshold(GATE, thermal),
        "on_current": on[-1],
        "off_current": np.interp(0.0, GATE, on),
        "thermal_off_current": np.exp(np.interp(0.0, GATE, np.log(thermal))),
    }


_GATES = tuple(f"{polarity}_{flavour}" for flavour in FLAVOURS for polarity in "np")
_PAIR = {"n_current": "A", "p_current": "A"}
_VGS = {"vgs": Axis(tuple(GATE), "V")}
_VDS = {"vds": linear(-0.2, 0.8, 51)}
_BIAS = {"vgs": linear(0.1, 0.8, 8)}
_SIZED = {"current": "A", "threshold": "V", "efold_voltage": "V", "swing": "V", "on_current": "A",
          "off_current": "A", "thermal_off_current": "A"}  # fmt: skip
_SIZES = {"dia": Axis((1.2e-9, 1.49e-9, 1.7e-9), "m"), "tubes": Axis((1, 32), "")}


def _sweep(name, axis, values, unit, caption="", held_out=False):
    axes = {axis: Axis(values, unit)}
    return Sweep(name, axes, _sized, _sized_measure, _SIZED, _VGS, held_out=held_out, caption=caption)


CIRCUIT = Circuit(
    name="cnfet",
    summary="carbon-nanotube transistor: curves of every flavour, over temperature, diameter and tube count",
    netlists=(NETLISTS / "devices" / "cnfet.lib", NETLISTS / "blocks" / "cnfet.cir"),
    subcircuit="cnfet",
    knobs=(),
    states=(),
    transistors=1,
    sweeps=(
        *(
            Sweep(f"transfer_{f}", {"vds": Axis((0.05, V_LOW, V_ON), "V")}, _transfer(f), _currents, _PAIR, _VGS,
                  caption=f"Transfer curves, {f}, n and p")
            for f in FLAVOURS
        ),
        *(
            Sweep(f"output_{f}", {"vgs": Axis((0.4, 0.5, 0.6, 0.7, 0.8), "V")}, _output(f), _currents, _PAIR, _VDS,
                  caption=f"Output curves, {f}, n and p")
            for f in FLAVOURS
        ),
        Sweep("capacitance", {"vgs": linear(0.0, 0.8, 5)}, _capacitance, _capacitance_measure,
              dict.fromkeys(_GATES, "F"), caption="Gate capacitance at 1 MHz: constant by the model"),
        Sweep("ramp", _SIZES, _ramp, _ramp_measure, {"capacitance_per_tube": "F", "charge_per_volt": "F"}, _BIAS,
              caption="Gate current of a slow ramp over its slope: constant by the model"),
        _sweep("temperature", "tk", (273, 285, 300.15, 315, 335, 358), "K", "Over temperature"),
        _sweep("diameter", "dia", (1.2e-9, 1.3e-9, 1.4e-9, 1.49e-9, 1.6e-9, 1.7e-9), "m", "Over tube diameter"),
        _sweep("tubes", "tubes", (1, 2, 4, 8, 16, 32), "", "Over the number of tubes"),
        _sweep("temperature_check", "tk", (277, 289, 304, 322, 351), "K", held_out=True),
        _sweep("diameter_check", "dia", (1.23e-9, 1.27e-9, 1.36e-9, 1.44e-9, 1.53e-9, 1.66e-9), "m", held_out=True),
        _sweep("tubes_check", "tubes", (3, 12, 24), "", held_out=True),
        Sweep("ramp_check", {"dia": Axis((1.3e-9, 1.6e-9), "m"), "tubes": Axis((3, 20), "")}, _ramp, _ramp_measure,
              {"capacitance_per_tube": "F", "charge_per_volt": "F"}, _BIAS, held_out=True),
    ),
    fit=fit_cnfet,
    score=score_cnfet,
    literature="Virtual-source model: C.-S. Lee, E. Pop, A. D. Franklin, W. Haensch, H.-S. P. Wong, IEEE Trans. Electron "
    "Devices 62(9), 2015, parts I and II, calibrated there on measured devices with gates down to 15 nm. Equations "
    "re-written from the papers. The flavours, the swing factor of 1.15 and the off conductance of 2 pS a tube are own "
    "design choices, not measurements",
    description="The transistor alone, driven by ideal sources. Its current is exponential in the gate voltage below "
    "threshold, with a swing proportional to temperature, and nearly linear above; an off conductance keeps it from "
    "vanishing. The p type is the exact mirror of the n type. The fit reads off what the blocks rely on: the voltage "
    "at 10 nA, the voltage per e-fold there, the swing far below, on and off current and gate capacitance of each "
    "flavour, and how threshold and currents go with temperature, diameter and tube count.\n\n"
    "Diameter matters most: the band gap goes with its inverse and the current below threshold with the exponential "
    "of half the gap, so that a tube 0.1 nm wider carries nearly twice the current at the same gate voltage.",
    limits="Gate capacitances are constants of the geometry, so the C-V curve is a flat line; on a real tube it falls "
    "below threshold. The off conductance does not depend on temperature or gate voltage: a real one is tunnelling and "
    "band-to-band current, which does. Temperature enters through kT/q only, not through mobility, band gap or "
    "contacts. Hysteresis, noise and ambipolar branches are not modelled. The contact fit holds near 1.2 nm to 1.3 nm "
    "and is clamped outside 0.65 nm to 1.78 nm. With the tolerances that the other blocks are simulated at, ngspice does "
    "not resolve the barrier's own current below about a picoampere; the off conductance hides it there.",
    published=(
        Published("subthreshold swing, thermal limit", "swing_300k", "59.5 mV/decade at 300 K",
                  "kT/q ln 10; no transistor whose carriers pass over a barrier is below it"),
        Published("subthreshold swing, 9 nm gate", "swing_lg10", "94 mV/decade",
                  "Franklin et al., Nano Letters 12(2), 758, 2012, one measured p device; ours has a 10 nm gate all "
                  "around and no tunnelling"),
        Published("on-current, one tube", "on_current_tube_fast", "about 25 uA at saturation",
                  "Yao, Kane and Dekker, Phys. Rev. Lett. 84, 2941, 2000, long metallic "
                  "tubes, limited by optical phonons. Ours, 32 nm at 0.8 V, lies above: no such limit is in the model"),
    ),
)  # fmt: skip

if __name__ == "__main__":
    from neuromorph.cli import recipe_main

    recipe_main(__file__)
