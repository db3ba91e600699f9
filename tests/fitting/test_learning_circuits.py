"""Fits of lines, read-out, traces, updates, pulse widths, slopes and stores: laws, signs, limits, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from neuromorph.errors import FitFailed
from neuromorph.fitting import delta, eligibility, lines, pulse_pairs, pulses, readout, slope, store
from neuromorph.library import Library

SHIPPED = Library.shipped()


def parameters(block):
    return SHIPPED.read(block).fit.parameters


def test_settling_of_an_exponential_is_its_logarithm():
    """1 -> 0.01 with tau = 1 ns is within a quarter of the end after ln(0.99 / 0.0025) ns."""
    time = np.linspace(0, 40e-9, 40001)
    value = 0.01 + 0.99 * np.exp(-time / 1e-9)
    assert lines.settling(time, value, 0.0, 40e-9) == pytest.approx(np.log(0.99 / 0.0025) * 1e-9, rel=1e-3)


def test_a_line_leaks_more_for_more_current_at_every_bias():
    current = np.geomspace(1e-9, 1e-6, 40)
    for drive in (0.24, 0.26, 0.30):
        assert np.all(np.diff(lines.leak_current(parameters("gate_line"), drive, current)) > 0)


def test_the_network_s_line_closes_within_a_tenth_of_the_frame():
    step = SHIPPED.read("gate_line")["step"]
    at = np.argmin(np.abs(step["drive"] - 0.26)), np.argmin(np.abs(step["c_load"] - 2e-13))
    assert step["close_time"][at] <= 0.1 * lines.FRAME


def test_read_out_is_odd_bounded_and_grows_with_the_line():
    p, weight = parameters("gate_synapse"), np.linspace(-0.12, 0.12, 13)
    charge = readout.pulse_charge(p, 0.35, weight)
    assert np.all(np.diff(charge) > 0)
    np.testing.assert_allclose(charge, -charge[::-1], atol=0.03 * charge.max())
    assert np.all(readout.pulse_charge(p, 0.40, weight[7:]) > charge[7:])


activity = st.lists(st.floats(1e-9, 99e-9), min_size=0, max_size=6)


@given(activity, st.floats(0.0, 2.0), st.floats(0.0, 1.0), st.floats(0.0, 0.1))
def test_the_recursion_is_the_sum_of_decayed_pulses(times, decay, psi, gain):
    """One frame without residual charge: y = gain psi sum exp(-decay (T - t))."""
    pulses_at = np.sort(np.array(times))
    y = eligibility.recursion(pulses_at, np.full(len(times), gain * psi), np.array([decay]))[0]
    expected = gain * psi * np.sum(np.exp(-decay * (1 - pulses_at / eligibility.FRAME)))
    assert y == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_traces_follow_the_ideal_recursion_and_residual_charge_would_not():
    data, p = SHIPPED.read("eligibility_synapse"), parameters("eligibility_synapse")
    ideal = eligibility._IDEAL | {"gain": p["ideal_gain"], "decay_full": p["ideal_decay"]}
    measured = eligibility._measured(data["frames"])

    def correlation(**changes):
        model = [eligibility.eligibility(ideal | changes, int(seed)) for seed in data["frames"]["seed"]]
        return min(np.corrcoef(m, q)[0, 1] for m, q in zip(measured, model, strict=True))

    assert correlation(residual=0.0) >= 0.98
    assert correlation(residual=0.17) < 0.98  # what full-size switches left


@given(psi=st.floats(0.02, 1.0), folds=st.floats(0.05, 0.5))
def test_a_psi_line_opens_in_the_logarithm_of_its_current(psi, folds):
    """``lag d(ln I)/dt = psi - I`` from a closed line is a logistic; ``folds`` e-folds pass in a ns."""
    at, lag = 1e-9 * np.arange(1.0, 90.0, 7.0), 1e-9 * psi / folds
    followed = eligibility.followed(np.array([0.0, 1e-6]), np.array([psi, psi]), at, lag)
    exact = psi / (1 + (psi / eligibility.PSI_REST - 1) * np.exp(-folds * at / 1e-9))
    assert followed == pytest.approx(exact, rel=1e-6)
    assert np.all(np.diff(followed) >= 0)


@given(st.floats(1e-4, 0.05), st.floats(0.007, 5.0), st.floats(0.5, 10.0))
def test_a_pulse_leaves_less_on_a_small_trace(charge, trace, reach):
    taken = eligibility.taken(charge, trace, reach)
    assert 0 < taken < charge
    assert taken < eligibility.taken(charge, 2 * trace, reach)
    assert taken <= reach * (trace + 0.5 * charge) * (1 + 1e-9)
    assert eligibility.taken(charge, trace, np.inf) == pytest.approx(charge, rel=1e-12)


@given(lag=st.floats(2e-11, 2e-10), share=st.floats(0.05, 1.0))
@settings(max_examples=20, deadline=None)
def test_a_forget_line_owes_what_its_differential_equation_says(lag, share):
    rest = eligibility.LEAST_LEAK / eligibility.LEAK_FULL

    def owed(start, target, seconds):
        """Integral of the current less its target, s, and the current at the end."""
        solved = solve_ivp(
            lambda _, y: [(target - np.exp(y[0])) / lag, np.exp(y[0]) - target], (0, seconds), [np.log(start), 0.0],
            method="LSODA", rtol=1e-8, atol=1e-16,
        )  # fmt: skip
        return solved.y[1, -1]

    opening, closing = eligibility.late(lag, share * eligibility.LEAK_FULL)
    assert opening * share == pytest.approx(-owed(rest, share, 200 * lag / share), rel=1e-4)
    kept = owed(share, rest, eligibility.SHUT)  # above what a line at rest leaks
    assert closing * share == pytest.approx(kept + rest * eligibility.SHUT, rel=1e-3)


@pytest.mark.parametrize(("up", "down"), [(0.3, 0.01), (1.0, 0.2), (2.0, 2.0)])
def test_update_is_odd_in_signal_and_in_eligibility(up, down):
    p = parameters("eligibility_synapse") | {"twin": 0.0}  # of traces that are seen alike
    moved = eligibility.update(p, up, down, 5e-9)
    assert eligibility.update(p, up, down, -5e-9) == -moved
    assert eligibility.update(p, down, up, 5e-9) == pytest.approx(-moved)
    assert eligibility.update(p, up, up, 5e-9) == 0
    assert (moved > 0) == (up > down)


@pytest.mark.parametrize(
    "block", ["delta_synapse", "eligibility_synapse", "feedback_synapse", "lateral_synapse"]
)
def test_one_tail_moves_a_weight_both_ways_alike(block):
    """In ngspice, widths of both signs; the order of a frame's windows, which comes and goes, is a hundredth at most."""
    sweep = SHIPPED.read(block)["update"]
    dw, width = sweep["dw"], sweep["width"]
    full = np.abs(dw).max()
    np.testing.assert_allclose(dw[..., width < 0][..., ::-1], -dw[..., width > 0], atol=2e-3 * full)
    assert np.abs(sweep["order"]).max() < 1e-2 * full


@pytest.mark.parametrize("block", ["delta_synapse", "feedback_synapse", "lateral_synapse"])
def test_a_positive_error_lowers_the_weight(block):
    """Downhill: p > t gives the wider positive pulse, and the read-out must fall."""
    update = SHIPPED.read(block)["update"]
    wide = update["width"] > 0
    assert np.all(update["dw"][-1][wide] < 0)
    assert np.all(update["dw"][-1][update["width"] < 0] > 0)
    assert abs(update["dw"][-1][update["width"] == 0]).max() < 1e-3 * np.abs(update["dw"]).max()
    assert delta.change(parameters(block), 1.0, 8e-9) < 0


def test_feedback_reads_the_product_of_error_and_weight():
    read = SHIPPED.read("feedback_synapse")["read"]
    signed = np.sign(np.multiply.outer(read["width"], read["weight"]))
    off = read["weight"] != 0
    assert np.all(np.sign(read["charge"])[:, off] == signed[:, off])


def test_error_widths_are_p_minus_t():
    p = parameters("error_unit")
    v = np.linspace(-0.15, 0.15, 7)
    off, on = pulses.error_width(p, v, 0.0), pulses.error_width(p, v, 1.0)
    assert np.all(off > -1e-11)
    assert np.all(on < 1e-11)
    # p - (p - 1) is one at any v, between the two sides' gains
    low, high = sorted((p["time_up"], p["time_down"]))
    assert np.all((0.999 * low < off - on) & (off - on < 1.001 * high))


def test_a_pulse_ends_with_its_conversion():
    """A slow unit's widest pulses are cut; what lies below is as without, and its gain is still found."""
    p = parameters("error_unit")
    slow = {**p, "time_up": 1.6 * p["time_up"], "time_down": 1.6 * p["time_down"]}
    v = np.linspace(-0.2, 0.2, 41)
    widths = pulses.error_width(slow, v, 0.0)
    # one pulse has the base width, the other at most a conversion's
    assert widths.max() == pytest.approx(pulse_pairs.LONGEST - p["base"])
    below = widths < 0.99 * widths.max()
    np.testing.assert_allclose(widths[below], 1.6 * pulses.error_width(p, v, 0.0)[below], atol=2e-11)
    data = SHIPPED.read("error_unit")
    sweep = data["error"]
    grid = np.meshgrid(sweep["v"], sweep["teacher"], indexing="ij")
    measured = {**sweep.outputs, "difference": pulses.error_width(slow, *grid)}
    instance = replace(data, sweeps={"error": replace(sweep, outputs=measured)})
    fitted = pulses.fit_error_unit(instance).parameters
    assert fitted["time_up"] == pytest.approx(slow["time_up"], rel=1e-3)
    assert fitted["time_down"] == pytest.approx(slow["time_down"], rel=1e-3)
    assert fitted["v_offset"] == pytest.approx(p["v_offset"], abs=1e-5)
    # an instance's plan has no knobs
    assert "discharge_width" not in fitted


def test_learning_signal_is_a_product():
    p = parameters("learning_unit")
    assert pulses.learning_width(p, 2e-15, 2e-8) > pulses.learning_width(p, 2e-15, 1e-8) > 0
    assert pulses.learning_width(p, -2e-15, 1e-8) < 0
    assert abs(pulses.learning_width(p, p["v_offset"] * p["capacitance"], 3e-8)) < 1e-15


def test_conversion_phases_do_not_overlap():
    cards, (first, second) = pulse_pairs.conversion_controls(0.0)
    assert first[0] > pulse_pairs.ZERO + pulse_pairs.SAMPLE
    assert first[1] - first[0] == pytest.approx(pulse_pairs.CONVERT)
    assert second[1] - second[0] == pytest.approx(pulse_pairs.CONVERT)
    assert second[0] > first[1] + pulse_pairs.ZERO + pulse_pairs.SAMPLE
    assert second[1] < pulse_pairs.CONVERSION + 1e-12
    assert cards.count("pwl(") == 6


@given(st.floats(-16e-9, 16e-9), st.booleans())
def test_a_frame_s_pulses_differ_by_the_signal_whatever_comes_first(width, positive_first):
    pulses_at, positive, negative = pulse_pairs.frame_windows(1e-7, width, positive_first)

    def inside(window):
        (at,) = [p for p in pulses_at if window[0] < p[0] and p[1] < window[1]]
        return at[1] - at[0]

    assert inside(positive) - inside(negative) == pytest.approx(width, abs=1e-20)
    assert min(inside(positive), inside(negative)) == pytest.approx(pulse_pairs.BASE)
    assert (positive < negative) == positive_first


def test_slope_peaks_where_the_gate_is_half_open_and_vanishes_outside():
    p = parameters("slope_unit")
    psi = slope.signed_slope(p, [-0.2, 0.0, 0.2], [-0.1, 0.1])
    assert psi[1, 1] > 50 * abs(psi[0, 1])
    assert psi[1, 1] > 50 * abs(psi[2, 1])
    assert psi[1, 0] == pytest.approx(-psi[1, 1], rel=0.03)
    assert slope.unsigned_slope(p, 0.1, 0.0) > slope.unsigned_slope(p, 0.1, 0.1) > 0


def test_slope_fit_recovers_known_parameters():
    data = SHIPPED.read("slope_unit")
    sweep, rng = data["signed"], np.random.default_rng(5)
    true = {
        "scale": 2e-8,
        "v_offset": 1e-3,
        "v_width": 34e-3,
        "up": 1.0,
        "down": 0.95,
        "x_offset": -1e-3,
        "x_width": 70e-3,
    }
    current = slope.signed_slope(true, sweep["v_gate"], sweep["x"])
    noisy = current + 1e-3 * np.abs(current).max() * rng.standard_normal(current.shape)
    outputs = {**sweep.outputs, "difference": noisy}
    fit = slope.fit_slope(replace(data, sweeps={**data.sweeps, "signed": replace(sweep, outputs=outputs)}))
    for name in ("scale", "v_offset", "v_width", "down", "x_offset", "x_width"):
        assert abs(fit.parameters[name] - true[name]) <= 5 * fit.deviation[name]


def test_an_update_that_never_moves_is_refused():
    data = SHIPPED.read("delta_synapse")
    sweep = data["update"]
    dead = replace(sweep, outputs={**sweep.outputs, "dw": np.zeros_like(sweep["dw"]) + 1e-30})
    with pytest.raises(FitFailed):
        delta.fit_delta(replace(data, sweeps={**data.sweeps, "update": dead}))


def test_the_store_rounds_to_levels_and_follows_slowly():
    p, data = parameters("weight_store"), SHIPPED.read("weight_store")
    assert p["share"] == pytest.approx(0.032, rel=0.1)
    assert 0 < p["pull"] < 0.01
    # the leak of a block of frames must not reach half a step
    assert p["slow_leak"] * store.BLOCK < 0.5 * store.STEP
    # dither moves the decision: below it the level stays, above it is the next one
    level = data["rounding"]["slow_level"].ravel()
    assert np.round(level[0]) == 16
    assert np.round(level[-1]) == 17


def test_a_refresh_has_all_its_controls():
    cards = store.refresh_controls([5e-9, 1e-6], [0.0, 0.3])
    names = {line.split()[1] for line in cards.splitlines()}
    assert names == {"az", "copy", "take", "give", "cmp", "pass", "level", "ramp"}
