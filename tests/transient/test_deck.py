"""Decks taken apart."""

from __future__ import annotations

import numpy as np
import pytest

from neuromorph.devices.cnfet import CnfetParameters
from neuromorph.devices.equations import evaluate_geometry
from neuromorph.devices.netlist import subcircuits
from neuromorph.errors import CircuitError
from neuromorph.transient.deck import corners, read_deck

FETS = "\n".join(subcircuits({"fast": CnfetParameters(lg=32.0, vfb=0.08)}))
INVERTER = """.subckt inverter in out vdd wide=8 load=1f
xn out in 0 nfet_fast tubes={wide}
xp out in vdd pfet_fast vfb=0.1
cl out inner {load}
cm inner 0 2f
.ends inverter
"""
CARDS = """vdd vdd 0 0.8
vin a 0 pwl(0 0 1n 0 1.1n 0.8
+ 5n 0.8)
xone a b vdd inverter
xtwo B c vdd inverter wide=16 load=3f
iq 0 c 1n
.nodeset v(b)=0.8
.ic v(xtwo.inner)=0.25
.options reltol=1e-4
.save v(c) i(vdd) v(xone.inner)
.tran 0.1n 10n 0 0.2n
.end
"""


def deck(cards=CARDS):
    return read_deck(f"* two inverters\n{FETS}{INVERTER}{cards}")


def test_instances_are_followed_with_their_parameters():
    found = deck()
    assert set(found.free) == {"b", "c", "xone.inner", "xtwo.inner"}
    assert dict(found.driven) == {"vdd": "vdd", "a": "vin"}
    names = [*found.free, *found.driven, "0"]
    assert [names[k] for k in found.gate] == ["a", "a", "b", "b"]
    assert [names[k] for k in found.drain] == ["b", "b", "c", "c"]
    np.testing.assert_array_equal(found.sign, [1, -1, 1, -1])
    np.testing.assert_array_equal(found.constants["tubes"], [8, 8, 16, 8])
    wide = evaluate_geometry(CnfetParameters(lg=32.0, vfb=0.1).values(), np)
    assert found.constants["vth0"][1] == pytest.approx(float(wide["vth0"]))
    between = {
        frozenset(names[k] for k in pair): c for pair, c in zip(found.plates, found.farads, strict=True)
    }
    assert between[frozenset(("c", "xtwo.inner"))] == pytest.approx(3e-15)
    assert between[frozenset(("b", "xone.inner"))] == pytest.approx(1e-15)
    # a gate's halves go to source and drain
    own = evaluate_geometry(CnfetParameters(lg=32.0, vfb=0.08, tubes=16).values(), np)["cgate"]
    at = [k for k, pair in enumerate(found.plates) if {names[k] for k in pair} == {"b", "0"}]
    assert found.farads[at] == pytest.approx([float(own)])
    assert (found.saved, found.start, found.guess) == (
        ("c", "vdd#branch", "xone.inner"), {"xtwo.inner": 0.25}, {"b": 0.8},
    )  # fmt: skip
    assert found.injected[0][2].at(np.array([0.0, 1.0])).tolist() == [1e-9, 1e-9]


def test_a_transistor_of_other_equations_is_refused():
    """Its parameters have the project's names, but it is another device."""
    other = FETS.replace("2*(0.258+eg/2)*eta", "2*(0.26+eg/2)*eta")
    assert other != FETS
    with pytest.raises(CircuitError, match=r"xn is a nfet_fast, no CNFET of the project's equations"):
        read_deck(f"* two inverters\n{other}{INVERTER}{CARDS}")


def test_polarity_is_that_of_the_equations():
    named = read_deck(
        f"* two inverters\n{FETS}{INVERTER}{CARDS}".replace("pfet_fast", "my_pfet").replace(
            "nfet_fast", "plain_nfet"
        )
    )
    np.testing.assert_array_equal(named.sign, deck().sign)


def test_corners_are_those_within_the_run():
    np.testing.assert_allclose(corners(deck(), 10e-9), [0, 1e-9, 1.1e-9, 5e-9, 10e-9])
    np.testing.assert_allclose(corners(deck(), 1.05e-9), [0, 1e-9, 1.05e-9])
    # a tick's rounding is no corner of its own
    near = CARDS.replace("iq 0 c 1n", "iq 0 c pwl(0 0 1.0000000001n 0 2n 1n)")
    np.testing.assert_allclose(corners(deck(near), 10e-9), [0, 1e-9, 1.1e-9, 2e-9, 5e-9, 10e-9])


def test_a_jump_after_the_run_does_not_matter():
    found = deck(CARDS.replace("+ 5n 0.8)", "+ 1 0.8 1 0)"))
    assert found.voltages[1].at(np.array([5e-9, 0.5, 2.0])).tolist() == [0.8, 0.8, 0.0]


def test_decks_of_one_form_differ_in_values_alone():
    assert deck().form == deck(CARDS.replace("0.8\nvin", "0.7\nvin").replace("wide=16", "wide=4")).form
    assert deck().form != deck(CARDS.replace("xtwo B c", "xtwo a c")).form
    assert deck().form != deck(CARDS.replace(".nodeset v(b)", ".nodeset v(c)")).form


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("iq 0 c 1n", "r1 0 c 1k", "r1 is no CNFET, capacitor or source"),
        ("vdd vdd 0 0.8", "vdd vdd a 0.8", "vdd is no source from a node of its own to ground"),
        ("vin a 0", "vin vdd 0", "vin is no source from a node of its own"),
        ("pwl(0 0 1n 0", "pwl(0 0 1n", "pairs of time and value"),
        ("0.1n 10n", "0.1n 10n\n.four 1k v(c)", ".four is not known"),
        (".tran 0.1n 10n 0 0.2n\n", "", "no analysis"),
        (".tran 0.1n 10n 0 0.2n", ".op", ".op is not known"),
        (".tran 0.1n 10n 0 0.2n", ".tran 0.1n 10n 1n 0.2n", "no transient from 0 on"),
        (".tran 0.1n 10n 0 0.2n", ".dc vin 0 1 0.1 vdd 0 1 0.1", "no sweep of one source"),
        ("1.1n 0.8", "0.9n 0.8", "times of its pwl do not rise"),
        ("1.1n 0.8", "1n 0.8", "vin jumps at 1e-09 s"),
        ("v(c) i(vdd)", "v(d) i(vdd)", "no node 'd'"),
        ("v(c) i(vdd)", "v(c) i(vee)", "no voltage source 'vee'"),
        ("iq 0 c 1n", "iq 0 c fast", "fast is no number"),
        ("wide=16", "wide=0", "tubes = 0.0 must be positive"),
    ],
)
def test_what_it_cannot_be_made_of_is_named_with_its_line(old, new, words):
    assert old in CARDS
    with pytest.raises(CircuitError, match="deck:") as found:
        deck(CARDS.replace(old, new))
    assert words in str(found.value)
