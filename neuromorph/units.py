"""Parse and print quantities at the edges; inside, everything is an SI float.

SPICE's suffix trap is handled the SPICE way: ``m`` is milli, ``meg`` is mega,
and suffixes are case-insensitive, so ``1M`` is one milli-unit in a netlist.
Text with a unit (``"10 ns"``, ``"2.5 kOhm"``) follows SI instead, where ``M``
is mega.
"""

from __future__ import annotations

import math
import re

from neuromorph.errors import InputError

_SPICE = {
    "t": 1e12, "g": 1e9, "meg": 1e6, "k": 1e3, "mil": 25.4e-6, "m": 1e-3,
    "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18, "": 1.0,
}  # fmt: skip
_SI = {
    "T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "": 1.0, "m": 1e-3, "u": 1e-6,
    "µ": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18,
}  # fmt: skip
_NUMBER = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\s\d]*)\s*$")

_BASE = frozenset(
    ("V", "A", "s", "C", "J", "W", "F", "S", "Ohm", "H", "Hz", "K", "m", "kg", "mol", "rad", "dB", "1",
     "V^2", "A^2", "s^2", "sqrt(Hz)")
)  # fmt: skip


def check_unit(unit: str, where: str) -> str:
    """Refuse what is not an SI unit without prefix, or a quotient or product of such.

    Parameters
    ----------
    unit : str
        ``"V"``, ``"A/V"``, ``"V*s"``; ``""`` or ``"1"`` for a pure number.
    where : str
        Whose unit it is, for the message.

    Raises
    ------
    InputError
    """
    if not isinstance(unit, str) or (unit and not set(re.split(r"[/*]", unit)) <= _BASE):
        raise InputError(
            f"unknown unit {unit!r}", where=where,
            remedy="write SI units without prefix (s, not ns), alone or as A/V: "
            "V A s C J W F S Ohm H Hz K m rad, 1 for a pure number",
        )  # fmt: skip
    return unit


def parse_spice(text: str) -> float:
    """Value of a SPICE number such as ``"2.5f"``, ``"1meg"`` or ``"0.8"``.

    Raises
    ------
    InputError
        When the text is not a number with a known suffix.
    """
    match = _NUMBER.match(text)
    if match:
        letters = match[2].lower()
        # SPICE ignores letters after the suffix ("10fF" is 10f)
        for suffix in ("meg", "mil", letters[:1]):
            if letters.startswith(suffix) and suffix in _SPICE:
                return float(match[1]) * _SPICE[suffix]
    raise InputError(f"{text!r} is not a SPICE number", remedy="write for example 2.5f, 1meg or 0.8")


def parse_quantity(text: str | float, unit: str) -> float:
    """SI value of a quantity written with or without its unit.

    Parameters
    ----------
    text : str or float
        ``"10 ns"``, ``"0.8V"``, ``"2e-9"`` or a number already in SI.
    unit : str
        The unit expected, for example ``"s"``; ``""`` for a pure number.

    Raises
    ------
    InputError
        When the number, the prefix or the unit is not understood.
    """
    if isinstance(text, (int, float)):
        return float(text)
    match = _NUMBER.match(text)
    if match:
        value, suffix = float(match[1]), match[2]
        if suffix == "":
            return value
        prefix = suffix[: len(suffix) - len(unit)] if unit and suffix.endswith(unit) else None
        if prefix in _SI:
            return value * _SI[prefix]
    raise InputError(
        f"{text!r} is not a quantity in {unit or 'pure numbers'}",
        remedy=f"write for example '10 n{unit}' or '1e-8'" if unit else "write for example 0.5",
    )


def format_quantity(value: float, unit: str, digits: int = 3) -> str:
    """Print an SI value with an engineering prefix: ``2.5e-9, "s"`` -> ``"2.5 ns"``."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}".rstrip()
    exponent = min(max(3 * math.floor(math.log10(abs(value)) / 3), -18), 12)
    scaled = float(f"{value / 10.0**exponent:.{digits}g}")
    if abs(scaled) >= 1000 and exponent < 12:
        exponent, scaled = exponent + 3, scaled / 1000
    prefix = {12: "T", 9: "G", 6: "M", 3: "k", 0: "", -3: "m", -6: "u", -9: "n", -12: "p", -15: "f", -18: "a"}
    return f"{scaled:g} {prefix[exponent]}{unit}".rstrip()
