"""A bench's comments and results are read as they stand."""

from __future__ import annotations

import pytest

from neuromorph.errors import CircuitError
from neuromorph.spice import bench

TEXT = """* divider: half of the supply
* run: ngspice -b divider.cir
* shows: two resistors
* shows: share a voltage
* expect: half 390m 410m
* quantity: half | V | middle
* phase: 0 10n | first
* panel: middle | mV | v(mid) i(vdd)
* panel: supply | uA -50 450 | i(vdd)
vdd vdd 0 0.8
r1 vdd mid 1k
r2 mid 0 1k
.tran 1n 10n
.meas tran half find v(mid) at=5n
.print tran v(mid)
.end
"""


@pytest.fixture
def divider(tmp_path):
    path = tmp_path / "divider.cir"
    path.write_text(TEXT)
    return path


def test_comments_are_read(divider):
    assert bench.title(divider) == "half of the supply"
    assert bench.expectations(divider) == {"half": pytest.approx((0.39, 0.41))}
    assert bench.quantities(divider) == {"half": ("V", "middle")}
    assert bench.phases(divider) == [(0.0, pytest.approx(1e-8), "first")]
    assert bench.panels(divider) == [
        ("middle", "mV", ("mid", "vdd#branch"), None),
        ("supply", "uA", ("vdd#branch",), (-50.0, 450.0)),
    ]
    assert bench.remarks(divider, "shows") == ["two resistors", "share a voltage"]


@pytest.mark.parametrize(
    "line", ["* panel: middle | v(mid)", "* panel: middle | V | mid", "* panel: middle | V | "]
)
def test_a_wrong_panel_names_the_form(divider, line):
    divider.write_text(f"{TEXT}{line}\n")
    with pytest.raises(CircuitError, match="panel"):
        bench.panels(divider)


def test_engine_gets_no_output_lines(divider):
    text = bench.engine_netlist(divider).lower()
    assert ".meas" not in text
    assert ".print" not in text
    assert text.count(".end\n") == 1
    assert ".tran 1n 10n" in text


def test_failed_measurements_are_missing():
    output = "half                =  4.000000e-01\nlate = failed\nwidth  =  1.9e-09 targ=  3e-9 trig= 1e-9\n"
    assert bench.results(output) == {"half": 0.4, "width": 1.9e-9}
