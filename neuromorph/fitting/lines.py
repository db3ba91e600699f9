"""Lines: the buffered gate line, the spike shaper and that of the updates, fitted and scored."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuromorph.figures import Figure
from neuromorph.fitting.eligibility import LEAK_FULL
from neuromorph.fitting.least_squares import least_squares
from neuromorph.library import BlockData, FittedModel, SweepData

SETTLED = 0.25
"""A line has closed or opened when its current is within this share of its final value."""
FRAME = 100e-9


def settling(time: np.ndarray, value: np.ndarray, start: float, stop: float) -> float:
    """Time after ``start`` from which a positive value stays within 25 % of that at ``stop``, s."""
    inside = (time >= start) & (time < stop)
    final = np.interp(stop - 1e-10, time, value)
    off = np.flatnonzero(np.abs(value[inside] / final - 1) > SETTLED)
    return float(time[inside][off[-1]] - start) if len(off) else 0.0


_LEAK = (
    "log_leak", "exponent", "curvature",
    "drive_width", "shift_0", "shift_1", "shift_2", "shift_3",
)  # fmt: skip
_LEAK_START = (-20.7, 1.0, 0.01, 1.5, 0.0, -0.03, 0.0, 0.0)


def _log_leak(p: Any, drive: np.ndarray, current: np.ndarray) -> np.ndarray:
    """ln of one gate's leak: two diodes' laws, and the follower's shift, which grows with its bias."""
    x = np.log(current / 1e-7)
    shift = p[4] + x * (p[5] + x * (p[6] + x * p[7]))
    return p[0] + p[1] * x + p[2] * x**2 + shift * np.exp((drive - 0.26) / (p[3] * 30e-3))


def leak_current(p: dict[str, float], drive: Any, current: Any) -> np.ndarray:
    """Current of one two-tube leak, A, on a line that carries ``current`` (A) at a follower bias (V)."""
    x = [p[n] for n in _LEAK]
    x[3] /= 30e-3
    return np.exp(_log_leak(x, np.asarray(drive, float), np.asarray(current, float)))


def fit_gate_line(data: BlockData) -> FittedModel:
    """Leak against line current and bias; closing and opening times against load and static current."""
    sweep = data["transfer"]
    drive, current = np.meshgrid(sweep["drive"], sweep["i_line"], indexing="ij")
    measured = np.log(sweep["leak_current"])
    x, dx = least_squares(
        lambda x: (_log_leak(x, drive, current) - measured).ravel(), _LEAK_START, _LEAK, data.name
    )
    close, d_close, open_ = _fit_times(data)
    step = data["step"]
    at = _index(step, 0.26, 2e-13)
    scale = np.where(np.array(_LEAK) == "drive_width", 30e-3, 1.0)
    parameters = {
        **dict(zip(_LEAK, x * scale, strict=True)),
        "close_base": close[0] * 1e-9, "close_charge": close[1], "open_base": open_[0] * 1e-9, "open_charge": open_[1],
        "close_time": step["close_time"][at], "open_time": step["open_time"][at],
        "static_current": step["static_current"][at],
        "current_ratio": LEAK_FULL / float(np.exp(_log_leak(x, np.array(0.26), np.array(LEAK_FULL)))),
    }  # fmt: skip
    units = {
        n: "s" if "time" in n or "base" in n else "V" if n == "drive_width" else "1" for n in parameters
    } | {"static_current": "A", "close_charge": "V", "open_charge": "V"}
    deviation = dict(zip(_LEAK, dx * scale, strict=True)) | {
        "close_base": d_close[0] * 1e-9,
        "close_charge": d_close[1],
    }
    errors = {"leak_max_relative": float(np.abs(np.exp(_log_leak(x, drive, current) - measured) - 1).max())}
    box = {"i_line": (4e-9, 4e-6), "drive": (0.24, 0.30), "c_load": (5e-14, 4e-13)}
    return FittedModel(
        "gate_line", {k: float(v) for k, v in parameters.items()}, units, deviation, errors, box
    )


def _index(step: SweepData, drive: float, load: float) -> tuple[int, int]:
    return int(np.argmin(np.abs(step["drive"] - drive))), int(np.argmin(np.abs(step["c_load"] - load)))


def _fit_times(data: BlockData) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Time = base + charge * load / static current, for closing and opening."""
    step = data["step"]
    ratio = step["c_load"][None, :] / step["static_current"]

    def law(output: str) -> tuple[np.ndarray, np.ndarray]:
        measured = step[output] * 1e9
        return least_squares(
            lambda x: ((x[0] + x[1] * ratio * 1e9) / measured - 1).ravel(),
            [3.0, 0.05],
            ("base", "charge"),
            data.name,
        )

    close, d_close = law("close_time")
    return close, d_close, law("open_time")[0]


def score_gate_line(model: FittedModel, data: BlockData) -> list[Figure]:
    """Leak and closing time at held-out currents, biases and loads; the network's own line."""
    p, transfer, step = model.parameters, data["transfer_check"], data["step_check"]
    drive, current = np.meshgrid(transfer["drive"], transfer["i_line"], indexing="ij")
    leak = 100 * np.abs(leak_current(p, drive, current) / transfer["leak_current"] - 1)
    ratio = step["c_load"][None, :] / step["static_current"]
    close = 100 * np.abs((p["close_base"] + p["close_charge"] * ratio) / step["close_time"] - 1)
    network = float(step["close_time"][0, 0])
    return [
        Figure("gate line: leak against line current, max error", float(leak.max()), "%", 10.0, 3.0),
        Figure("gate line: closing time, max error of the law", float(close.max()), "%"),
        Figure("gate line: closes 100:1 at the network's fan-out (1,405 leaks, 0.2 pF), share of the frame",
               100 * network / FRAME, "%", 10.0, 3.0),
    ]  # fmt: skip


def pulse_width(p: dict[str, float], v_width: Any) -> np.ndarray:
    """Width of a shaper's pulse, s, against its width knob (V): a capacitor refilled by an exponential current, after the
    spike where it waits for its end."""
    x = (np.asarray(v_width, float) - p["v_usual"]) / p["v_slope"]
    return p.get("width_fixed", 0.0) + p["width_scale"] * np.exp(x + p["width_bend"] * x**2)


_WIDTH = ("width_scale", "v_slope", "width_bend", "width_fixed")
_WIDTH_SCALE = np.array([1e-9, 30e-3, 0.1, 1e-9])
_WIDTH_UNITS = {"v_usual": "V", "width_scale": "s", "v_slope": "V", "width_bend": "1", "width": "s"}
"""Of both shapers."""


def _fit_width(data: BlockData, count: int) -> tuple[dict[str, float], dict[str, float], float, int]:
    """The width's law of its first ``count`` parameters, their standard deviations, the largest relative error, and which
    point has the knob's usual value."""
    names, scale = _WIDTH[:count], _WIDTH_SCALE[:count]
    sweep, usual = data["width"], float(data.attributes["default_vwidth"])
    good = np.isfinite(sweep["width"])

    def law(x: np.ndarray) -> dict[str, float]:
        return {"v_usual": usual} | dict(zip(names, x * scale, strict=True))

    def residuals(x: np.ndarray) -> np.ndarray:
        return (pulse_width(law(x), sweep["vwidth"]) / sweep["width"] - 1)[good]

    x, dx = least_squares(residuals, [1.8, 1.2, 0.0, 0.1][:count], names, data.name)
    at = int(np.argmin(np.abs(sweep["vwidth"] - usual)))
    deviations = dict(zip(names, dx * scale, strict=True))
    return law(x) | {"width": sweep["width"][at]}, deviations, float(np.abs(residuals(x)).max()), at


def _width_figures(model: FittedModel, data: BlockData, name: str) -> list[Figure]:
    """Width at held-out settings of its knob."""
    check = data["width_check"]
    error = 100 * np.abs(pulse_width(model.parameters, check["vwidth"]) / check["width"] - 1)
    constant = 100 * np.abs(model.parameters["width"] / check["width"] - 1)
    return [
        Figure(f"{name}: pulse width against its knob, max error", float(error.max()), "%", 2.0, 0.5),
        Figure(f"{name}: baseline, default width, max error", float(constant.max()), "%"),
    ]


SHAPER_LOAD = 150e-15
"""Line that a shaper drives in its bench, F."""


def fit_spike_shaper(data: BlockData) -> FittedModel:
    """Width against its knob; delay, line width and energy read off at the defaults."""
    sweep, load = data["width"], data["load"]
    width, deviations, error, at = _fit_width(data, 4)
    parameters = width | {
        "line_width": sweep["line_width"][at],
        "delay": sweep["delay"][at], "delay_per_farad": np.polyfit(load["c_line"], load["delay"], 1)[0],
        "energy_per_spike": sweep["energy"][at],
    }  # fmt: skip
    units = _WIDTH_UNITS | {
        "width_fixed": "s",
        "line_width": "s",
        "delay": "s",
        "delay_per_farad": "s/F",
        "energy_per_spike": "J",
    }
    return FittedModel(
        "monostable", {k: float(v) for k, v in parameters.items()}, units, deviations, {"width_max_relative": error},
        {"vwidth": (0.36, 0.44), "vgain": (0.25, 0.45)},
    )  # fmt: skip


def score_spike_shaper(model: FittedModel, data: BlockData) -> list[Figure]:
    """Width at held-out settings of its knob."""
    return _width_figures(model, data, "spike shaper")


UPDATE_LOAD = 20e-15
"""What hangs on the pulse in the update shaper's bench, F."""


def fit_update_shaper(data: BlockData) -> FittedModel:
    """Width against its knob; delay and energy, without what hangs on the pulse, read off at the defaults."""
    width, deviations, error, at = _fit_width(data, 3)
    load = data["load"]
    energy = np.polyfit(load["c_pulse"], load["energy"], 1)
    parameters = width | {
        "delay": data["width"]["delay"][at], "delay_per_farad": np.polyfit(load["c_pulse"], load["delay"], 1)[0],
        "energy_unloaded": energy[1], "energy_per_farad": energy[0],
    }  # fmt: skip
    units = _WIDTH_UNITS | {
        "delay": "s", "delay_per_farad": "s/F", "energy_unloaded": "J", "energy_per_farad": "J/F",
    }  # fmt: skip
    errors = {"width_max_relative": error}
    return FittedModel(
        "edge_monostable", {k: float(v) for k, v in parameters.items()}, units, deviations, errors,
        {"vwidth": (0.43, 0.46)},
    )  # fmt: skip


def score_update_shaper(model: FittedModel, data: BlockData) -> list[Figure]:
    """Width at held-out settings of its knob, and of pulses after shorter and longer spikes at other rates."""
    other = 100 * np.abs(data["spike_check"]["width"] / model.parameters["width"] - 1)
    return [
        *_width_figures(model, data, "update shaper"),
        Figure("update shaper: width after other spikes and at other rates, max deviation", float(other.max()), "%",
               3.0, 1.0),
    ]  # fmt: skip


TRACE_SHAPER_RANGE = (0.415, 0.45)
"""Of its width knob, V."""


def fit_trace_shaper(data: BlockData) -> FittedModel:
    """Width at the line's end against its knob; delay from the spike and energy read off at the defaults."""
    width, deviations, error, at = _fit_width(data, 3)
    load = data["load"]
    parameters = width | {
        "delay": data["width"]["delay"][at], "delay_per_farad": np.polyfit(load["c_trace"], load["delay"], 1)[0],
        "energy_per_spike": data["width"]["energy"][at],
    }  # fmt: skip
    units = _WIDTH_UNITS | {"delay": "s", "delay_per_farad": "s/F", "energy_per_spike": "J"}
    return FittedModel(
        "edge_monostable", {k: float(v) for k, v in parameters.items()}, units, deviations,
        {"width_max_relative": error}, {"vwidth": TRACE_SHAPER_RANGE},
    )  # fmt: skip


def score_trace_shaper(model: FittedModel, data: BlockData) -> list[Figure]:
    """Width at held-out settings of its knob, and after line pulses of other widths."""
    check = data["line_check"]
    other = 100 * np.abs(pulse_width(model.parameters, check["vwidth"]) / check["width"] - 1)
    return [
        *_width_figures(model, data, "trace shaper"),
        Figure("trace shaper: width after line pulses of other widths, max error", float(other.max()), "%", 2.0, 0.5),
    ]  # fmt: skip
