"""SPICE text of the CNFET, printed from the same equations that arrays use.

Form and guards are what keeps ngspice both fast and right: five B-sources with
inner nodes instead of one long expression (about fifteen times cheaper),
constants folded into ``.param``, never arithmetic in braces on a B line
(ngspice expands those without parentheses), temperature as a plain parameter.
"""

from __future__ import annotations

import re

from neuromorph.devices.cnfet import PRESETS, CnfetParameters
from neuromorph.devices.equations import BIAS, GEOMETRY

_INNER = re.compile(r"\b(x[0-3])\b")


def _subcircuit(name: str, polarity: str, parameters: CnfetParameters) -> list[str]:
    """One ``.subckt`` card; instance parameters override any symbol."""
    symbols = " ".join(f"{key}={value:.10g}" for key, value in parameters.values().items())
    lines = [f"* {parameters.stands_for}", f".subckt {name} d g s {symbols}"]
    lines += [f".param {key}={{{text}}}" for key, text in GEOMETRY]
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


def device_library() -> str:
    """Text of ``netlists/devices/cnfet.lib``: every preset, n and p."""
    lines = [
        "* Virtual-source carbon-nanotube FETs, generated from neuromorph/devices; do not edit.",
        "* Regenerate: neuromorph doctor --write-devices netlists/devices/cnfet.lib",
        "* Model: Lee, Pop, Franklin, Haensch, Wong, IEEE TED 62(9) 2015, parts I and II.",
        "* Lengths in nm, temperature tk in K; any symbol can be overridden on the instance line.",
        "",
    ]
    for name, parameters in PRESETS.items():
        for polarity in "np":
            lines += _subcircuit(f"{polarity}fet_{name}", polarity, parameters)
    return "\n".join(lines)
