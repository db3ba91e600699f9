"""A device fitted to measurements: its parameters with what is known of their truth, kept as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from neuromorph.devices.cnfet import PRESETS, CnfetParameters
from neuromorph.devices.netlist import device_library
from neuromorph.errors import InputError
from neuromorph.figures import write_json

FORMAT = "neuromorph device 1"
_NUMBERS = tuple(f.name for f in fields(CnfetParameters) if f.name != "stands_for")


@dataclass(frozen=True)
class DevicePreset:
    """Parameters of a measured device.

    Attributes
    ----------
    name, polarity : str
        Name for netlists, and which polarity was measured; the other is its mirror.
    parameters : CnfetParameters
    deviation : dict of str to float
        Standard deviation of every fitted parameter, in the parameter's unit.
    correlation : list of list of float
        Between the fitted parameters, in the order of ``deviation``.
    residual_rms, residual_correlation : float
        Of the residuals over the fitted points, relative above the floor; and
        between neighbours along a curve (near 0 for noise, near 1 for a wrong form).
    points : int
    box : dict of str to (float, float)
        Ranges of ``vgs`` and ``vds`` measured, V.
    source, sha256 : str
        The measurements' file name and hash.
    """

    name: str
    polarity: str
    parameters: CnfetParameters
    deviation: dict[str, float]
    correlation: list[list[float]]
    residual_rms: float
    residual_correlation: float
    points: int
    box: dict[str, tuple[float, float]]
    source: str
    sha256: str

    def save(self, path: Path) -> None:
        """Write as JSON, atomically."""
        write_json(path, {"format": FORMAT, **asdict(self)})

    def library(self) -> str:
        """SPICE text with ``nfet_NAME`` and ``pfet_NAME``, to include beside the shipped devices."""
        return device_library({self.name: self.parameters}, self._origin())

    def library_in_place_of(self, flavours: tuple[str, ...]) -> str:
        """The whole shipped library with this device in place of some flavours, and under its own name."""
        unknown = [flavour for flavour in flavours if flavour not in PRESETS]
        if unknown:
            raise InputError(f"no device flavour {unknown[0]!r}", remedy=f"there are: {', '.join(PRESETS)}")
        replaced = {name: self.parameters if name in flavours else p for name, p in PRESETS.items()}
        return device_library({**replaced, self.name: self.parameters}, self._origin())

    def _origin(self) -> str:
        return f"{self.name}: fitted to {self.source}, sha256 {self.sha256}, {self.polarity} type measured"


def load_preset(path: Path) -> DevicePreset:
    """Read a preset written by :meth:`DevicePreset.save`.

    Raises
    ------
    InputError
        When the file is missing, damaged or of another format.
    """
    try:
        content: Any = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=path) from error
    except ValueError as error:
        raise InputError(f"is no JSON: {error}", where=path, remedy="fit the device again") from error
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise InputError(f"is not of the format {FORMAT!r}", where=path, remedy="fit the device again")
    try:
        parameters = content["parameters"]
        content["parameters"] = _parameters(parameters, path)
        content["box"] = {name: (float(low), float(high)) for name, (low, high) in content["box"].items()}
        np.asarray(content["correlation"], float).reshape([len(content["deviation"])] * 2)
        return DevicePreset(**content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"damaged preset: {error}", where=path, remedy="fit the device again") from error


def _parameters(values: dict[str, Any], path: Path) -> CnfetParameters:
    for name in _NUMBERS:
        value = values[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise InputError(f"parameter {name} = {value!r} is not a finite number", where=path)
    return CnfetParameters(**values)
