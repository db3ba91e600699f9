"""What the commands say about a plan that is too coarse."""

from __future__ import annotations

from neuromorph.commands.variation import FAR, far_from_library
from neuromorph.library import Library

FIT = Library.shipped().read("gate_line").fit


def test_the_librarys_own_fit_is_not_far_from_itself():
    assert far_from_library("gate_line", FIT.parameters) == []


def test_a_parameter_that_a_coarse_plan_lost_is_told_with_both_values():
    lost = FIT.parameters | {"current_ratio": 9e-18}
    assert far_from_library("gate_line", lost) == [
        f"current_ratio 9e-18 ({FIT.parameters['current_ratio']:.4g})"
    ]


def test_a_quarter_of_a_parameter_or_what_its_fit_left_open_is_not_far():
    near = {name: value * (1 + 0.9 * FAR) for name, value in FIT.parameters.items()}
    assert far_from_library("gate_line", near) == []


def test_a_circuit_of_ones_own_has_nothing_to_be_far_from():
    assert far_from_library("my_own", {"gain": 1.0}) == []
