"""SPICE text of the CNFET, printed from the same equations that arrays use.

Form and guards are what keeps ngspice both fast and right: five B-sources with
inner nodes instead of one long expression (about fifteen times cheaper),
constants folded into ``.param``, never arithmetic in braces on a B line
(ngspice expands those without parentheses), temperature as a plain parameter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from neuromorph.devices.cnfet import PRESETS, CnfetParameters
from neuromorph.devices.equations import BIAS, GEOMETRY

_INNER = re.compile(r"\b(x[0-3])\b")


def subcircuit(name: str, polarity: str, parameters: CnfetParameters) -> list[str]:
    """One ``.subckt`` of a device; instance parameters override any symbol.

    A velocity factor of one is left out of the text: it would change nothing but cost.
    """
    plain = parameters.vsf == 1
    values = {k: v for k, v in parameters.values().items() if not (plain and k == "vsf")}
    symbols = " ".join(f"{key}={value:.10g}" for key, value in values.items())
    lines = [f"* {parameters.stands_for}", f".subckt {name} d g s {symbols}"]
    lines += [f".param {key}={{{text.removeprefix('vsf*') if plain else text}}}" for key, text in GEOMETRY]
    plus, minus = ("d", "s") if polarity == "n" else ("s", "d")
    vgs = "(v(g)-min(v(d),v(s)))" if polarity == "n" else "(max(v(d),v(s))-v(g))"
    for key, text in BIAS:
        text = re.sub(r"\bvgs\b", vgs, text)
        text = re.sub(r"\bvds\b", f"v({plus},{minus})", text)
        text = _INNER.sub(r"v(\1)", text)
        target = f"bid {plus} {minus} i" if key == "id" else f"b{key} {key} 0 v"
        lines.append(f"{target}={text}")
    lines += ["cgs g s {cgate}", "cgd g d {cgate}", f".ends {name}", ""]
    return lines


def subcircuits(devices: Mapping[str, CnfetParameters]) -> list[str]:
    """``nfet_NAME`` and ``pfet_NAME`` of every device."""
    return [
        line
        for name, parameters in devices.items()
        for polarity in "np"
        for line in subcircuit(f"{polarity}fet_{name}", polarity, parameters)
    ]


def device_library(
    devices: Mapping[str, CnfetParameters] = PRESETS,
    remedy: str = "Regenerate: neuromorph doctor --write-devices netlists/devices/cnfet.lib",
) -> str:
    """Text of a device library, n and p of every device; by default ``netlists/devices/cnfet.lib``."""
    head = [
        "* Virtual-source carbon-nanotube FETs, generated from neuromorph/devices; do not edit.",
        f"* {remedy}",
        "* Model: Lee, Pop, Franklin, Haensch, Wong, IEEE TED 62(9) 2015, parts I and II.",
        "* Lengths in nm, temperature tk in K; any symbol can be overridden on the instance line.",
        "",
    ]
    return "\n".join([*head, *subcircuits(devices)])
