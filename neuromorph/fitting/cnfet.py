"""What circuits rely on of a transistor: threshold, e-fold voltage, swing, on and off current, gate charge.

Closed forms over temperature, diameter and tube count, each with its physical
variable: swing proportional to temperature, the barrier-limited off-current
exponential in its inverse, threshold and currents smooth in inverse diameter
(the band gap is 0.852 eV nm over it), currents proportional to tubes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neuromorph.devices.cnfet import PRESETS, drain_current
from neuromorph.figures import Figure
from neuromorph.fitting.least_squares import least_squares
from neuromorph.library import BlockData, FittedModel, SweepData

FLAVOURS = tuple(PRESETS)
GATE = np.round(np.linspace(-0.4, 0.8, 121), 6)
"""Gate voltages of every transfer curve, V."""
V_LOW, V_ON = 0.4, 0.8
"""Drain voltages, V, at which thresholds and on-currents are read."""
REFERENCE_CURRENT = 1e-8
"""A, of the whole device of eight tubes: the current of a typical tail."""
T0, D0, TUBES0 = 300.15, 1.49e-9, 8.0
BOLTZMANN = 8.617333262e-5
"""eV/K."""


def threshold(vgs: np.ndarray, current: np.ndarray) -> float:
    """Gate voltage at the reference current, V; NaN where the curve does not reach it."""
    if not current.min() < REFERENCE_CURRENT < current.max():
        return np.nan
    positive = current > 0
    return float(np.interp(np.log(REFERENCE_CURRENT), np.log(current[positive]), vgs[positive]))


def efold_voltage(vgs: np.ndarray, current: np.ndarray) -> float:
    """Gate voltage per e-fold of current at the reference current, V."""
    log = np.log(np.maximum(current, 1e-30))
    return float(np.interp(np.log(REFERENCE_CURRENT), log, 1 / np.gradient(log, vgs)))


def swing_below_threshold(vgs: np.ndarray, current: np.ndarray) -> float:
    """Gate voltage per decade of current, V, from -0.35 V to -0.3 V.

    Far enough below threshold for the swing to be the limiting one to 0.15 %
    up to 358 K, and not so far that ``ln(1 + exp(u))`` loses its digits at 273 K.
    """
    low = (vgs > -0.355) & (vgs < -0.295)
    return float(1 / np.polyfit(vgs[low], np.log10(current[low]), 1)[0])


def _temperature(tk: np.ndarray) -> np.ndarray:
    return (tk - T0) / 100


def _inverse_temperature(tk: np.ndarray) -> np.ndarray:
    return T0 / tk - 1


def _inverse_diameter(dia: np.ndarray) -> np.ndarray:
    return D0 / dia - 1


class _Law:
    """A polynomial of some variable for a quantity or its logarithm.

    Parameters
    ----------
    name, sweep, axis, output : str
        Of the law, and of what it is fitted to.
    variable : callable
        Of the axis.
    order : int
    logarithmic : bool
        Whether the polynomial is that of the quantity's logarithm.
    """

    def __init__(
        self, name: str, sweep: str, axis: str, output: str, variable: Callable, order: int, logarithmic: bool
    ) -> None:
        self.name, self.sweep, self.axis, self.output = name, sweep, axis, output
        self.variable, self.order, self.logarithmic = variable, order, logarithmic
        self.parameters = tuple(f"{name}_{k}" for k in range(order + 1))

    def read(self, sweep: SweepData) -> np.ndarray:
        return bias_current(sweep) if self.output == "bias_current" else sweep[self.output]

    def fit(self, data: BlockData) -> tuple[dict[str, float], dict[str, float]]:
        """Coefficients and their deviations, in the quantity's unit or its logarithm."""
        sweep = data[self.sweep]
        x, y = self.variable(sweep[self.axis]), self.read(sweep)
        y = np.log(y) if self.logarithmic else y
        scale = 1.0 if self.logarithmic else float(np.abs(y).max())
        start = np.r_[y[len(y) // 2] / scale, np.zeros(self.order)]
        c, dc = least_squares(
            lambda c: np.polynomial.polynomial.polyval(x, c) - y / scale, start, self.parameters, data.name
        )
        names = self.parameters
        return dict(zip(names, c * scale, strict=True)), dict(zip(names, dc * scale, strict=True))

    def __call__(self, p: dict[str, float], at: np.ndarray) -> np.ndarray:
        c = [p[name] for name in self.parameters]
        y = np.polynomial.polynomial.polyval(self.variable(np.asarray(at, float)), c)
        return np.exp(y) if self.logarithmic else y

    def interpolated(self, data: BlockData, at: np.ndarray) -> np.ndarray:
        """Straight lines between the measured points, in the same scale."""
        sweep = data[self.sweep]
        y = self.read(sweep)
        lines = np.interp(at, sweep[self.axis], np.log(y) if self.logarithmic else y)
        return np.exp(lines) if self.logarithmic else lines


def bias_current(sweep: SweepData) -> np.ndarray:
    """Current at the gate voltage where the nominal device carries the reference current, A."""
    k = int(np.argmin(np.abs(GATE - _bias_gate())))
    return sweep["current"][..., k]


def _bias_gate() -> float:
    """The grid's gate voltage nearest to the nominal threshold, V."""
    nominal = drain_current(PRESETS["low_leakage"], "n", GATE, V_LOW, 0.0)
    return float(GATE[np.argmin(np.abs(np.log(np.maximum(nominal, 1e-30) / REFERENCE_CURRENT)))])


LAWS = (
    _Law("threshold_tk", "temperature", "tk", "threshold", _temperature, 2, False),
    _Law("efold_tk", "temperature", "tk", "efold_voltage", _temperature, 2, False),
    _Law("on_tk", "temperature", "tk", "on_current", _temperature, 2, True),
    _Law("thermal_off_tk", "temperature", "tk", "thermal_off_current", _inverse_temperature, 2, True),
    _Law("threshold_dia", "diameter", "dia", "threshold", _inverse_diameter, 2, False),
    _Law("bias_current_dia", "diameter", "dia", "bias_current", _inverse_diameter, 2, True),
    _Law("on_dia", "diameter", "dia", "on_current", _inverse_diameter, 4, True),
    _Law("bias_current_tubes", "tubes", "tubes", "bias_current", lambda n: np.log(n / TUBES0), 1, True),
)
"""Over temperature, diameter and tubes; coefficients of (T - 300.15 K)/100 K, 300.15 K/T - 1, 1.49 nm/d - 1, ln(n/8)."""


def fit_cnfet(data: BlockData) -> FittedModel:
    """Quantities of each flavour, and laws of the low-leakage one over temperature, diameter and tubes."""
    p: dict[str, float] = {}
    deviation: dict[str, float] = {}
    for flavour in FLAVOURS:
        p.update(_flavour(data, flavour))
    for law in LAWS:
        values, spread = law.fit(data)
        p.update(values)
        deviation.update(spread)
    temperature, ramp = data["temperature"], data["ramp"]
    (slope,), (d_slope,) = least_squares(
        lambda x: x[0] * temperature["tk"] / T0 - temperature["swing"] / 0.06, [1.0], ("swing",), data.name
    )
    p["swing_per_kelvin"], deviation["swing_per_kelvin"] = slope * 0.06 / T0, d_slope * 0.06 / T0
    p["swing_300k"] = 300 * p["swing_per_kelvin"]
    p.update(_sensitivities(p))
    c, dc = least_squares(
        lambda c: (_gate_capacitance(c * 1e-17, ramp) / ramp["charge_per_volt"] - 1).ravel(), [3.0, 1.0],
        ("gate_tube", "gate_tube_dia"), data.name,
    )  # fmt: skip
    for name, value, spread in zip(("gate_tube", "gate_tube_dia"), c, dc, strict=True):
        p[name], deviation[name] = value * 1e-17, spread * 1e-17
    errors = {f"{law.name}_max": float(_misfit(law, p, data).max()) for law in LAWS}
    errors["swing_max"] = float(
        np.abs(p["swing_per_kelvin"] * temperature["tk"] / temperature["swing"] - 1).max()
    )
    errors["gate_capacitance_varies_with_bias"] = _capacitance_spread(data)
    box = {
        "tk": (273.0, 358.0),
        "dia": (1.2e-9, 1.7e-9),
        "tubes": (1.0, 32.0),
        "vgs": (-0.4, 0.8),
        "vds": (-0.2, 0.8),
    }
    return FittedModel("transistor_quantities", p, {name: _unit(name) for name in p}, deviation, errors, box)


def _misfit(law: _Law, p: dict[str, float], data: BlockData) -> np.ndarray:
    sweep = data[law.sweep]
    measured = law.read(sweep)
    return (
        np.abs(law(p, sweep[law.axis]) / measured - 1)
        if law.logarithmic
        else np.abs(law(p, sweep[law.axis]) - measured)
    )


def _flavour(data: BlockData, flavour: str) -> dict[str, float]:
    """Quantities of a flavour of eight tubes at 300.15 K, n type; its p type mirrors it."""
    sweep = data[f"transfer_{flavour}"]
    low, on = (
        sweep["n_current"][list(sweep["vds"]).index(V_LOW)],
        sweep["n_current"][list(sweep["vds"]).index(V_ON)],
    )
    off = float(np.interp(0.0, GATE, on))
    return {
        f"threshold_{flavour}": threshold(GATE, low),
        f"efold_{flavour}": efold_voltage(GATE, low),
        f"swing_{flavour}": float(np.log(10) * _steepest(low)),
        f"on_current_tube_{flavour}": float(on[-1] / TUBES0),
        f"off_current_{flavour}": off,
        f"gate_capacitance_{flavour}": float(np.mean(data["capacitance"][f"n_{flavour}"])),
    }


def _steepest(current: np.ndarray) -> float:
    """Least voltage per e-fold of a transfer curve, V."""
    return float(np.min(1 / np.gradient(np.log(np.maximum(current, 1e-30)), GATE)[1:-1]))


def _sensitivities(p: dict[str, float]) -> dict[str, float]:
    """Slopes at the nominal device, in plain units."""
    return {
        "threshold_per_kelvin": p["threshold_tk_1"] / 100,
        "threshold_per_nm": -p["threshold_dia_1"] / D0 * 1e-9,
        "ln_current_per_nm": -p["bias_current_dia_1"] / D0 * 1e-9,
        "ln_on_current_per_nm": -p["on_dia_1"] / D0 * 1e-9,
        "off_activation": -p["thermal_off_tk_1"] * BOLTZMANN * T0,
    }


def _gate_capacitance(c: np.ndarray, sweep: SweepData) -> np.ndarray:
    """Capacitance over diameters (rows) and tubes (columns), F: linear in the inverse diameter."""
    return np.multiply.outer(c[0] + c[1] * _inverse_diameter(sweep["dia"]), sweep["tubes"])


def _capacitance_spread(data: BlockData) -> float:
    """Largest relative change of a gate capacitance over bias, by small signal and by ramp."""
    ramps = data["ramp"]["capacitance_per_tube"]
    curves = [*data["capacitance"].outputs.values(), *ramps.reshape(-1, ramps.shape[-1])]
    return float(max(np.ptp(curve) / np.mean(curve) for curve in curves))


_UNITS = {"threshold": "V", "efold": "V", "swing": "V/decade", "on": "A", "off": "A", "gate": "F"}
_OWN_UNITS = {
    "swing_per_kelvin": "V/decade/K", "threshold_per_kelvin": "V/K", "threshold_per_nm": "V/nm",
    "off_activation": "eV", "ln_current_per_nm": "1/nm", "ln_on_current_per_nm": "1/nm",
}  # fmt: skip


def _unit(name: str) -> str:
    if name in _OWN_UNITS:
        return _OWN_UNITS[name]
    law = next((law for law in LAWS if name in law.parameters), None)
    if law is not None and law.logarithmic:
        return "1"
    return _UNITS[name.split("_")[0]]


def score_cnfet(model: FittedModel, data: BlockData) -> list[Figure]:
    """Laws at held-out temperatures, diameters and tube counts; theory, array evaluation and baselines."""
    p = model.parameters
    check = data["temperature_check"]
    theory = PRESETS["low_leakage"].ssf * BOLTZMANN * check["tk"] * np.log(10)
    ramp = data["ramp_check"]
    gate = _gate_capacitance(np.array([p["gate_tube"], p["gate_tube_dia"]]), ramp)
    figures = [
        Figure("cnfet: swing over temperature, max error",
               _percent(p["swing_per_kelvin"] * check["tk"], check["swing"]), "%", 1.0, 0.2),
        Figure("cnfet: swing against ssf kT/q ln 10, max difference", _percent(check["swing"], theory), "%", 0.5, 0.1),
        Figure("cnfet: baseline, swing of 300 K, max error",
               _percent(np.full_like(check["tk"], T0 * p["swing_per_kelvin"]), check["swing"]), "%"),
        Figure("cnfet: gate capacitance over diameter and tubes, max error",
               _percent(gate, ramp["charge_per_volt"]), "%", 1.0, 0.2),
        Figure("cnfet: baseline, gate capacitance of 1.49 nm, max error",
               _percent(_gate_capacitance(np.array([p["gate_tube"], 0.0]), ramp), ramp["charge_per_volt"]), "%"),
        Figure("cnfet: current against array evaluation off the presets, max relative", _against_arrays(data), "1",
               1e-5, 1e-6),
    ]  # fmt: skip
    for law in LAWS:
        figures += _law_figures(law, p, data)
    return figures


_CLAIMS = {
    "threshold_tk": "threshold at 10 nA over temperature", "efold_tk": "e-fold voltage at 10 nA over temperature",
    "on_tk": "on-current over temperature", "thermal_off_tk": "off-current over the barrier over temperature",
    "threshold_dia": "threshold at 10 nA over diameter", "bias_current_dia": "current at fixed gate over diameter",
    "on_dia": "on-current over diameter", "bias_current_tubes": "current at fixed gate over tubes",
}  # fmt: skip


def _law_figures(law: _Law, p: dict[str, float], data: BlockData) -> list[Figure]:
    """A law's error at held-out points, beside straight lines between the points it was fitted to."""
    sweep = data[f"{law.sweep}_check"]
    at, measured = sweep[law.axis], law.read(sweep)
    lines = law.interpolated(data, at)
    if law.logarithmic:
        error, baseline, unit, limits = (
            _percent(law(p, at), measured),
            _percent(lines, measured),
            "%",
            (2.0, 0.5),
        )
    else:
        error, baseline = (1e3 * float(np.abs(v - measured).max()) for v in (law(p, at), lines))
        unit, limits = "mV", (1.0, 0.2)
    claim = _CLAIMS[law.name]
    return [
        Figure(f"cnfet: {claim}, max error", error, unit, *limits),
        Figure(f"cnfet: baseline, straight lines, {claim}, max error", baseline, unit),
    ]


def _percent(value: np.ndarray, truth: np.ndarray) -> float:
    return float(100 * np.abs(value / truth - 1).max())


def _against_arrays(data: BlockData) -> float:
    """Held-out currents of ngspice against the equations on arrays, relative above 100 pA."""
    worst = 0.0
    for axis in ("tk", "dia", "tubes"):
        sweep = data[{"tk": "temperature_check", "dia": "diameter_check", "tubes": "tubes_check"}[axis]]
        for value, current in zip(sweep[axis], sweep["current"], strict=True):
            # presets state the diameter in nm, as the papers do
            device = PRESETS["low_leakage"].with_(**{axis: float(value) * (1e9 if axis == "dia" else 1.0)})
            expected = drain_current(device, "n", GATE, V_LOW, 0.0)
            worst = max(worst, float((np.abs(current - expected) / (np.abs(expected) + 1e-10)).max()))
    return worst
