import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuromorph.errors import InputError
from neuromorph.units import format_quantity, parse_quantity, parse_spice


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1meg", 1e6),
        ("1M", 1e-3),
        ("2.5f", 2.5e-15),
        ("10fF", 10e-15),
        ("0.8", 0.8),
        ("3k", 3e3),
        ("1mil", 25.4e-6),
    ],
)
def test_spice_suffixes(text, value):
    assert parse_spice(text) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [("10 ns", "s", 1e-8), ("1 MOhm", "Ohm", 1e6), ("0.3", "V", 0.3), (0.2, "V", 0.2)],
)
def test_quantities_follow_si(text, unit, value):
    assert parse_quantity(text, unit) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(("text", "unit"), [("10 parsec", "s"), ("volt", "V"), ("", "V"), ("5 nA", "V")])
def test_a_wrong_unit_is_named(text, unit):
    with pytest.raises(InputError, match=unit):
        parse_quantity(text, unit)


@given(st.floats(1e-17, 1e12), st.sampled_from(["s", "V", "A", "F"]))
def test_format_then_parse_is_the_same_to_the_digits_shown(value, unit):
    back = parse_quantity(format_quantity(value, unit, digits=5), unit)
    assert math.isclose(back, value, rel_tol=6e-5)
