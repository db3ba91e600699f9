"""A network's deck with transistors of its own."""

import re
from pathlib import Path

import numpy as np
import pytest

from neuromorph.characterization.decks import WHOLE, drawn_deck, drawn_shifts
from neuromorph.devices.variation import DeviceStatistics
from neuromorph.library import Library
from neuromorph.spice.netlist import load_netlist
from neuromorph.spice.workers import simulate
from neuromorph.tasks.feature_network import Stimulus, deck, transistors

NETLISTS = Path(__file__).parents[2] / "netlists"
LAYER = Stimulus(np.ones((1, 1)), np.array([[0.3]]), 1)
TEXT = deck(LAYER, Library.shipped().models(), NETLISTS)


def shifts(text):
    """Flat-band voltage of every transistor of the whole, V."""
    return inside(text, "vfb")


def inside(text, parameter):
    """A parameter of every transistor of the whole."""
    found, within = [], False
    for line in text.splitlines():
        if line.startswith(".subckt"):
            within = line.split()[1].startswith(WHOLE)
        if within and re.search(r" [np]fet_\w+ ", line):
            found.append(float(re.search(rf"{parameter}=(\S+)", line)[1]))
    return np.array(found)


def test_every_transistor_has_its_own():
    one, other = (shifts(drawn_deck(TEXT, DeviceStatistics(mismatch=0.2), 0, n)) for n in (0, 1))
    none = shifts(drawn_deck(TEXT, DeviceStatistics(), 0, 0))
    assert len(one) == len(none) == transistors(LAYER)
    moved = one - none
    assert len(np.unique(np.round(moved, 12))) == len(moved)
    assert np.all(np.abs(one - other) > 0)
    # 20 % of 26 mV at eight tubes, more at fewer, less at more
    assert 3e-3 < moved.std() < 15e-3


def test_shifts_are_those_of_the_deck():
    """Flat-band voltages move by the numbers times a swing of 25 to 34 mV, less where a transistor has many tubes."""
    statistics = DeviceStatistics(mismatch=0.2)
    numbers = np.array(list(drawn_shifts(TEXT, statistics, 0, 3).values()))
    assert len(numbers) == transistors(LAYER)
    # of 75 normal numbers: five standard errors
    assert np.std(numbers) == pytest.approx(0.2, abs=5 * 0.2 / np.sqrt(2 * len(numbers)))
    made = drawn_deck(TEXT, statistics, 0, 3)
    moved = shifts(made) - shifts(drawn_deck(TEXT, DeviceStatistics(), 0, 3))
    tubes = inside(made, "tubes")
    assert 0.025 < np.linalg.norm(moved * np.sqrt(tubes / 8)) / np.linalg.norm(numbers) < 0.034


def test_the_same_draw_comes_again_and_sources_and_probes_stay():
    statistics = DeviceStatistics(mismatch=0.2)
    made = drawn_deck(TEXT, statistics, 3, 5)
    assert made == drawn_deck(TEXT, statistics, 3, 5)
    assert made != drawn_deck(TEXT, statistics, 4, 5)
    for line in (".save v(axon0) v(x0) v(w0_0) i(vdd) i(vvmax)", "vdd vdd 0 0.8"):
        assert line in made.splitlines()
    assert f".ic v(in0)=0 v(axon0)=0 v(x{WHOLE}.xa0.slow)=0.15 v(x{WHOLE}.xw0.idle)=0.8" in made


@pytest.mark.ngspice
def test_a_drawn_deck_without_spread_is_the_deck():
    """One transistor stage, both ways."""
    parts = "\n".join(load_netlist(NETLISTS / "devices/cnfet.lib").splitlines())
    cards = "vdd vdd 0 0.8\nvin in 0 0.3\nxa out in 0 nfet_analog\nrl vdd out 1meg\n.save v(out)\n.op\n.end"
    small = f"* stage\n{parts}\n{cards}\n"
    plain, drawn, moved = (
        float(simulate(text, "stage", "test", 60.0)["out"][0])
        for text in (small, *(drawn_deck(small, DeviceStatistics(mismatch=m), 0, 0) for m in (0.0, 0.2)))
    )
    assert drawn == pytest.approx(plain, rel=1e-9)
    assert abs(moved - plain) > 1e-4
