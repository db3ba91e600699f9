"""Command of the transistor: measured curves in, a device for netlists out."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np

from neuromorph.devices import equations
from neuromorph.devices.cnfet import PRESETS, CnfetParameters
from neuromorph.devices.preset import DevicePreset
from neuromorph.errors import InputError
from neuromorph.fitting.iv_curves import IVCurves, read_curves
from neuromorph.fitting.iv_fit import FITTED, fit_device
from neuromorph.units import parse_quantity

_UNITS = {"vfb": "V", "ssf": "1", "vsf": "1", "nsd": "1/nm", "goff": "S"}
_HELD = ("tox", "kox", "lcon", "lext")
_MEANING = {
    "vfb": "flat-band shift: raises the threshold",
    "ssf": "subthreshold swing over kT/q ln 10",
    "vsf": "velocity and mobility over the published ones",
    "nsd": "doping of the extensions: sets the series resistance",
    "goff": "off conductance of one tube",
}


def run_device(args: argparse.Namespace) -> int:
    """Fit a device to a CSV of curves and write preset, library and picture."""
    _check_name(args.name)
    base = _base(args)
    fixed = _fixed(args.fix)
    curves = read_curves(Path(args.curves), args.polarity, args.tubes, args.floor)
    preset = fit_device(curves, args.name, base, fixed)
    replaced = preset.library_in_place_of(tuple(args.replace)) if args.replace else ""
    _print(preset)
    folder = Path(args.out or f"out/{args.name}")
    try:
        files = _write(folder, curves, preset, replaced)
    except OSError as error:
        raise InputError(f"--out cannot be written: {error.strerror}", where=folder) from error
    for file in files:
        print(file)
    return 0


def _write(folder: Path, curves: IVCurves, preset: DevicePreset, replaced: str) -> list[Path]:
    """Preset, libraries and picture; the files written."""
    from neuromorph.reporting.device import plot_device_fit

    folder.mkdir(parents=True, exist_ok=True)
    libraries = {f"{preset.name}.lib": preset.library()}
    if replaced:
        libraries["cnfet.lib"] = replaced
    preset.save(folder / "preset.json")
    for name, text in libraries.items():
        (folder / name).write_text(text)
    plot_device_fit(curves, preset).savefig(folder / "fit.png", dpi=110)
    return [folder / name for name in ("preset.json", *libraries, "fit.png")]


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", name):
        raise InputError(
            f"--name {name!r} cannot be a part of a subcircuit's name",
            remedy="use lower-case letters, digits and _, a letter first, 31 at most",
        )
    if name in PRESETS:
        raise InputError(
            f"--name {name} is a shipped flavour",
            remedy=f"choose another name, and --replace {name} to put the device in its place",
        )


def _base(args: argparse.Namespace) -> CnfetParameters:
    ranges = {
        "diameter": (0.5, 4.0, "nm"),
        "lg": (5.0, 1e4, "nm"),
        "tubes": (1.0, 1e5, ""),
        "tk": (50.0, 500.0, "K"),
    }
    for name, (low, high, unit) in ranges.items():
        value = getattr(args, name)
        if not low <= value <= high:
            raise InputError(f"--{name} {value:g} is outside {low:g}..{high:g} {unit}".rstrip())
    return CnfetParameters(dia=args.diameter, lg=args.lg, tk=args.tk, tubes=args.tubes)


def _fixed(settings: list[str]) -> dict[str, float]:
    values = {}
    for setting in settings:
        name, _, text = setting.partition("=")
        if name not in (*FITTED, *_HELD) or not text:
            raise InputError(
                f"--fix {setting!r} is not NAME=VALUE of a parameter",
                remedy=f"parameters: {', '.join((*FITTED, *_HELD))}",
            )
        values[name] = parse_quantity(text, "")
    if set(FITTED) <= set(values):
        raise InputError("--fix holds every parameter", remedy=f"leave one of {', '.join(FITTED)} free")
    return values


def _print(preset: DevicePreset) -> None:
    """Parameters with deviations, and what follows from them."""
    values = preset.parameters.values()
    for name in FITTED:
        spread = f"+- {preset.deviation[name]:.2g}" if name in preset.deviation else "held"
        print(f"  {name:5s} {values[name]:12.5g} {spread:>12s} {_UNITS[name]:5s} {_MEANING[name]}")
    geometry = equations.evaluate_geometry(values, np)
    gate = 2 * float(geometry["cgate"]) / preset.parameters.tubes
    print(f"  series resistance {float(geometry['rs']):.4g} ohm a tube and side")
    print(f"  gate capacitance {1e18 * gate:.3g} aF a tube: from diameter, oxide and length, not measured")
    print(f"  rms residual {100 * preset.residual_rms:.2g} % over {preset.points} points")
    for row, (first, correlations) in enumerate(zip(preset.deviation, preset.correlation, strict=True)):
        for second, r in list(zip(preset.deviation, correlations, strict=True))[:row]:
            if abs(r) > 0.9:
                print(
                    f"  {second} and {first} are correlated, {r:.2f}: their combination is known better than each"
                )
    if preset.residual_correlation > 0.5:
        print(f"  residuals of neighbouring points are correlated, {preset.residual_correlation:.2f}: the model's "
              "form is not quite that of the device, and the deviations above are too small")  # fmt: skip
