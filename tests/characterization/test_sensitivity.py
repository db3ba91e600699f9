"""Shifting one transistor after the other: what adds up, what is kept, and that it foretells Monte Carlo."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuromorph.characterization import load_recipe
from neuromorph.characterization import shifts as shifting
from neuromorph.characterization.montecarlo import NOMINAL, drawn, monte_carlo
from neuromorph.characterization.samples import Sample, device_parameters, fitted_sweeps
from neuromorph.characterization.sensitivity import Sensitivity
from neuromorph.characterization.shifts import (
    AT_RANDOM,
    COEFFICIENTS,
    OTHER_WAY,
    RATIO_REACH,
    STEP,
    _adds,
    _by_size,
    _change,
    _one_by_one,
    _second_order,
    _together,
    _Trials,
    _tried,
    sensitivity,
)
from neuromorph.circuit import Axis
from neuromorph.devices.equations import evaluate_geometry
from neuromorph.devices.variation import REFERENCE_TUBES, DeviceStatistics
from neuromorph.errors import CircuitError, InputError
from neuromorph.library import FittedModel
from neuromorph.spice.instances import devices

GATE = load_recipe("gate")


@pytest.fixture(autouse=True, scope="module")
def few_trials():
    """Samples at random are for parameters that bend in more ways than one: here they do not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shifting, "TRIALS", 3)
        yield


def tail_current(data):
    """A fit that reads two numbers off: the logarithm of the tail current at a low bias, and the current itself."""
    tail = float(data["sigmoid"]["tail"][0])
    return FittedModel(
        "tail", {"log_tail": float(np.log(tail)), "tail": tail}, {"log_tail": "1", "tail": "A"}, {}, {}
    )


SMALL = replace(
    GATE, sweeps=(replace(GATE.sweep("sigmoid"), axes={"vb": Axis((0.18,), "V")}),), fit=tail_current
)
LINEAR = Sensitivity(
    "toy", {"current": 2.0, "offset": 0.0}, ("xa", "xb"), np.array([8.0, 2.0]), frozenset({"current"}),
    {"current": np.array([-1.0, 0.0]), "offset": np.array([0.5, -0.5])},
)  # fmt: skip


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_shifts_add_up_in_the_logarithm_of_a_scale(a, b):
    found = LINEAR.instances(np.array([a, b]))
    assert found["current"] == pytest.approx(2.0 * np.exp(-a))
    assert found["offset"] == pytest.approx(0.5 * a - b)  # two tubes: twice the shift of eight


def test_the_spread_of_instances_is_the_stated_one():
    draws = np.random.default_rng(0).standard_normal((20000, 2)) * 0.3
    found, spread = LINEAR.instances(draws), LINEAR.spread(0.3)
    # the standard deviation of n draws is known to 1 / sqrt(2 n), so four of them are 2 %
    assert np.log(found["current"]).std() == pytest.approx(spread["current"], rel=0.02)
    assert found["offset"].std() == pytest.approx(spread["offset"], rel=0.02)


def test_an_offset_moves_in_another_plan_by_as_much_as_in_its_own():
    own = replace(LINEAR, nominal=LINEAR.nominal | {"offset": 0.02}, scales=LINEAR.scales | {"offset"})
    draws = np.array([0.3, -0.1])
    share = draws * np.sqrt(8.0 / own.tubes) @ own.slopes["offset"]
    assert own.moved({"offset": 0.001}, draws)["offset"] == pytest.approx(0.001 + 0.02 * share)
    current = own.moved({"current": 4.0}, draws)["current"]
    assert current == pytest.approx(2.0 * own.instances(draws)["current"])


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_the_square_of_an_offset_moves_what_is_even_in_it(a, b):
    bent = replace(LINEAR, bending={"offset": {"current": 0.4, "offset": 0.0}})
    found, offset = bent.instances(np.array([a, b])), 0.5 * a - b
    assert found["current"] == pytest.approx(2.0 * np.exp(-a + 0.4 * offset**2))
    assert found["offset"] == pytest.approx(offset)
    mirrored = bent.instances(np.array([-a, -b]))["current"] / LINEAR.instances(np.array([-a, -b]))["current"]
    assert found["current"] / LINEAR.instances(np.array([a, b]))["current"] == pytest.approx(mirrored)


def test_a_pair_that_no_parameter_shows_is_bent_by_its_difference():
    bent = replace(LINEAR, tubes=np.array([8.0, 8.0]), bending={"xa - xb": {"current": 0.4}})
    found = bent.instances(np.array([0.3, -0.2]))
    assert found["current"] == pytest.approx(2.0 * np.exp(-0.3 + 0.4 * 0.5**2))
    assert bent.spread(0.2)["current"] == pytest.approx(np.hypot(0.2, np.sqrt(2) * 0.4 * 2 * 0.2**2))


def test_the_spread_has_the_squares_in_it():
    bent = replace(LINEAR, bending={"offset": {"current": 2.0}})
    draws = np.random.default_rng(0).standard_normal((200_000, 2)) * 0.3
    found = np.log(bent.instances(draws)["current"]).std()
    assert found > 1.2 * LINEAR.spread(0.3)["current"]
    # a chi-square's kurtosis is 15: four standard deviations of the deviation are 4 sqrt(14 / (4 n)), below 2 %
    assert found == pytest.approx(bent.spread(0.3)["current"], rel=0.02)


@pytest.mark.parametrize("bend", [-2.0, 2.0])
def test_a_square_with_its_sign_bends_one_side_and_spreads_with_the_slope(bend):
    bent = replace(LINEAR, bending={"±offset": {"current": bend}})
    for side in (1, -1):
        found = bent.instances(side * np.array([0.2, -0.4]))["current"]
        assert np.log(found / 2.0) == pytest.approx(side * (-0.2 + bend * 0.5**2))
    draws = np.random.default_rng(0).standard_normal((200_000, 2)) * 0.3
    found = np.log(bent.instances(draws)["current"]).std()
    # the kurtosis of x |x| is 105 / 9: four standard deviations of the deviation are 4 sqrt(10.7 / (4 n)), below 2 %
    assert found == pytest.approx(bent.spread(0.3)["current"], rel=0.02)


def test_the_square_of_a_shift_of_its_own_moves_what_bends():
    bent = replace(LINEAR, curves={"current": np.array([0.3, 0.1])})
    assert bent.instances(np.array([0.2, -0.4]))["current"] == pytest.approx(
        2.0 * np.exp(-0.2 + 0.3 * 0.2**2 + 0.1 * 4 * 0.4**2)
    )
    draws = np.random.default_rng(0).standard_normal((200_000, 2)) * 0.3
    found = np.log(bent.instances(draws)["current"]).std()
    # the deviation of n numbers nearly normal is known to 1 / sqrt(2 n): four are 0.6 %, and the kurtosis of a square
    assert found == pytest.approx(bent.spread(0.3)["current"], rel=0.02)


def test_json_and_back():
    moved = replace(LINEAR, bending={"offset": {"current": 0.4}}, curves={"current": np.array([0.1, 0.0])})
    again = Sensitivity.from_dict(json.loads(json.dumps(moved.to_dict())))
    assert again.bending == moved.bending
    np.testing.assert_array_equal(again.slopes["offset"], LINEAR.slopes["offset"])
    np.testing.assert_array_equal(again.curves["current"], moved.curves["current"])
    assert again.scales == LINEAR.scales
    assert again.devices == LINEAR.devices


def test_a_pair_of_other_transistors_is_refused(tmp_path):
    with pytest.raises(CircuitError, match=r"no transistor xg\.xz for pairs=(.|\n)*xg\.xtail"):
        sensitivity(replace(SMALL, pairs=(("xg.xv", "xg.xz"),)), tmp_path)


def test_a_recipe_without_a_fit_says_so(tmp_path):
    with pytest.raises(CircuitError, match="no fit to repeat"):
        sensitivity(replace(GATE, fit=None), tmp_path)
    with pytest.raises(InputError, match="1 points an axis"):
        sensitivity(GATE, tmp_path, points=1)
    (tmp_path / "taken").write_text("x")
    with pytest.raises(InputError, match="not a folder"):
        sensitivity(SMALL, tmp_path / "taken")


def drawn_shifts(circuit, statistics, seed, number):
    """What Monte Carlo drew for a sample, [devices], as instances are given it."""
    structure, shifts = circuit.structure(), []
    for device in devices(structure, circuit.subcircuit):
        kind = device_parameters(structure, device, circuit.name)
        volt = float(drawn(statistics, seed, number, device, kind).shift[0])
        swing = float(evaluate_geometry(kind.values(), np)["nv"])
        shifts.append(volt / swing / np.sqrt(REFERENCE_TUBES / kind.tubes))
    return np.array(shifts)


@pytest.mark.ngspice
def test_only_the_tail_moves_the_tail_current(tmp_path):
    found = sensitivity(SMALL, tmp_path, progress=False)
    assert len(found.devices) == SMALL.transistors
    # a shift of one in the logarithm of the subthreshold current is one in that of a tail below threshold,
    # less what 0.18 V is already above it
    slopes = dict(zip(found.devices, found.slopes["tail"], strict=True))
    assert "tail" in found.scales
    assert -1.0 < slopes.pop("xg.xtail") < -0.9
    assert max(abs(v) for v in slopes.values()) < 0.01


@pytest.mark.ngspice
def test_first_order_foretells_a_fresh_sample(tmp_path):
    found = sensitivity(SMALL, tmp_path, progress=False)
    statistics = DeviceStatistics(mismatch=STEP)
    fresh = monte_carlo(SMALL, statistics, tmp_path, samples=6, progress=False)
    shifts = np.stack([drawn_shifts(SMALL, statistics, 0, s.number) for s in fresh.samples])
    # a second-order term of a tenth of the shift's square, three sigma out, is below 0.04
    np.testing.assert_allclose(
        found.instances(shifts)["log_tail"], [s.parameters["log_tail"] for s in fresh.samples], atol=0.04
    )


def even_in_an_offset(within=np.inf, calls=np.inf):
    """A fit whose second parameter is one and the square of its first, the tail current's logarithm beside that of the
    first sample; it fails where that is larger, and after so many calls."""
    seen = []

    def fit(data):
        seen.append(float(np.log(data["sigmoid"]["tail"][0])))
        offset = seen[-1] - seen[0]
        if abs(offset) > within or len(seen) > calls:
            raise RuntimeError("too far")
        return FittedModel(
            "even", {"offset": offset, "width": 1.0 + offset**2}, {"offset": "1", "width": "1"}, {}, {}
        )

    return replace(SMALL, fit=fit)


@pytest.mark.ngspice
def test_what_is_even_in_an_offset_is_found(tmp_path):
    found = sensitivity(even_in_an_offset(), tmp_path, jobs=1, progress=False)
    assert set(found.bending) == {"offset"}
    # one transistor makes this offset: its square is that transistor's own; ln(1 + x^2) at x = 0.2 is 0.98 of x^2
    assert foretold_square(found, 0.2) == pytest.approx(0.98, abs=0.1)
    assert abs(found.bending["offset"]["width"]) < 0.02
    # shifted either way, a square is not taken for a slope
    assert np.abs(found.slopes["width"]).max() < 0.02
    assert abs(foretold_square(found, 0.2, "offset")) < 0.1


def foretold_square(found, shift, name="width"):
    """What is even in a shift of the tail, over the square of the offset that it makes."""
    draws = np.zeros((2, len(found.devices)))
    draws[:, found.devices.index("xg.xtail")] = shift, -shift
    values, usual = found.instances(draws), found.instances(np.zeros(len(found.devices)))
    offset = np.diff(values["offset"])[0] / 2
    return (values[name].mean() - usual[name]) / offset**2


@pytest.mark.ngspice
def test_where_no_fit_follows_an_offset_half_as_far_is_taken(tmp_path):
    found = sensitivity(even_in_an_offset(within=0.3), tmp_path, jobs=1, progress=False)
    assert set(found.bending) == {"offset"}
    assert foretold_square(found, 0.2) == pytest.approx(0.98, abs=0.1)


@pytest.mark.ngspice
def test_an_offset_that_no_fit_follows_stays_of_first_order(tmp_path):
    circuit = even_in_an_offset(calls=1 + 2 * SMALL.transistors)
    found = sensitivity(circuit, tmp_path, jobs=1, progress=False)
    assert found.offsets() == ["offset"]
    assert found.bending == {}
    assert foretold_square(found, 0.2) == pytest.approx(0.98, abs=0.1)


class Polynomial:
    """Samples of a block whose parameters are known: slopes, own squares and squares of offsets."""

    def __init__(self, straight, own, bent, uneven=()):
        self.straight, self.own, self.bent = straight, own, bent
        self.inside = [SimpleNamespace(path=f"x{k}") for k in range(len(straight["gain"]))]
        self.tubes = np.array([8.0, 2.0, 8.0, 32.0])
        self.circuit, self.along = SimpleNamespace(name="block", pairs=(), uneven=uneven), {}

    def shifts(self, number):
        if number in self.along:
            return np.array(list(self.along[number].values()))
        found = np.zeros(len(self.inside))
        if number != NOMINAL:
            found[number % OTHER_WAY] = -STEP if number >= OTHER_WAY else STEP
        return found

    def measured(self, numbers):
        return {number: self.sample(number) for number in numbers}

    good = measured

    def sample(self, number):
        shares = self.shifts(number) * np.sqrt(8.0 / self.tubes)
        values = {"left_offset": 0.0, "right_offset": 0.0, "gain": 2.0, "share": 0.9}
        values = {name: value for name, value in values.items() if name in self.straight}
        for name in values:
            change = shares @ self.straight[name] + shares**2 @ self.own[name]
            change += sum(b.get(name, 0.0) * (shares @ self.straight[o]) ** 2 for o, b in self.bent.items())
            values[name] = values[name] + change if name.endswith("offset") else values[name] * np.exp(change)
        return Sample(number, values)


@given(st.integers(0, 1000), st.sampled_from([1.0, 1e-5]))
def test_own_squares_and_those_of_offsets_are_told_apart(seed, size):
    """Two pairs' offsets, one of which may hardly move, and a gain that bends along both and along each transistor."""
    rng = np.random.default_rng(seed)
    straight = {
        "left_offset": np.array([0.5, -0.6, 0.05, 0.0]), "right_offset": size * np.array([0.0, 0.1, 0.4, -0.3]),
        "gain": 0.1 * rng.standard_normal(4),
    }  # fmt: skip
    own = {name: 0.1 * rng.standard_normal(4) * (name == "gain") for name in straight}
    bent = {"left_offset": {"gain": 0.7}, "right_offset": {"gain": -0.4 / size**2}}
    samples = Polynomial(straight, own, bent)
    found = _second_order(samples, *_one_by_one(samples))
    assert found.scales == {"gain"}
    for name, slopes in straight.items():
        np.testing.assert_allclose(found.slopes[name], slopes, atol=1e-9)
    np.testing.assert_allclose(found.curves["gain"], own["gain"], atol=1e-6)
    for offset, scale in zip(bent, (1.0, size**2), strict=True):
        assert found.bending[offset]["gain"] * scale == pytest.approx(bent[offset]["gain"] * scale, abs=1e-6)
    draws = 0.3 * rng.standard_normal(4)
    shares = draws * np.sqrt(8.0 / samples.tubes)
    expected = shares @ straight["gain"] + shares**2 @ own["gain"]
    expected += sum(bent[o]["gain"] * (shares @ straight[o]) ** 2 for o in bent)
    assert found.instances(draws)["gain"] == pytest.approx(2.0 * np.exp(expected))


def test_what_is_even_in_the_logarithm_of_a_ratio_is_found_where_the_recipe_names_it():
    ratio = np.array([0.5, -0.4, 0.3, -0.6])
    straight, bent = {"gain": np.zeros(4), "share": ratio}, {"share": {"gain": 0.7}}
    none = {name: np.zeros(4) for name in straight}
    draws = np.array([0.2, -0.1, 0.2, -0.3])
    log_ratio = draws * np.sqrt(8.0 / np.array([8.0, 2.0, 8.0, 32.0])) @ ratio
    named, unnamed = (
        _second_order(samples, *_one_by_one(samples)).instances(draws)
        for samples in (Polynomial(straight, none, bent, uneven) for uneven in (("share",), ()))
    )
    assert named["gain"] == pytest.approx(2.0 * np.exp(0.7 * log_ratio**2))
    assert named["share"] == pytest.approx(0.9 * np.exp(log_ratio))
    # the transistors' own squares alone: a good part is missing
    assert np.log(unnamed["gain"] / 2.0) < 0.6 * np.log(named["gain"] / 2.0)


def test_two_parameters_make_a_ratio():
    sides = {"up": np.array([0.5, -0.4]), "down": np.array([0.1, 0.0])}
    bent = replace(LINEAR, slopes=LINEAR.slopes | sides, bending={"up - down": {"offset": 1.0}})
    assert bent.instances(np.array([0.2, 0.0]))["offset"] == pytest.approx(0.5 * 0.2 + (0.2 * 0.4) ** 2)


def test_the_size_of_a_ratios_logarithm_takes_its_squares_place():
    """As much where it was measured; and over normal numbers a V has the parabola's mean nearly."""
    ratio = np.array([0.5, -0.4, 0.3, -0.6])
    straight = {"gain": np.zeros(4), "share": ratio}
    samples = Polynomial(
        straight, {name: np.zeros(4) for name in straight}, {"share": {"gain": 0.7}}, ("share",)
    )
    square = _second_order(samples, *_one_by_one(samples))
    size = _by_size(samples, square)
    assert set(size.bending) == {"|share|"}
    along = ratio * np.sqrt(8.0 / samples.tubes)
    for reach in (RATIO_REACH, -RATIO_REACH):
        at = reach * STEP * along / np.linalg.norm(along)
        assert size.instances(at)["gain"] == pytest.approx(square.instances(at)["gain"])
    draws = STEP * np.random.default_rng(0).standard_normal((100_000, 4))
    of_size, of_square = (np.log(model.instances(draws)["gain"] / 2.0) for model in (size, square))
    # sqrt(2 / pi) of 1.25 is 0.997 of 1; four standard errors of a square's mean are 4 sqrt(2 / n), 1.8 %
    assert of_size.mean() == pytest.approx(of_square.mean(), rel=0.025)
    assert of_size.std() == pytest.approx(size.spread(STEP)["gain"], rel=0.02)


def test_a_ratio_that_no_fit_gives_is_refused():
    samples = Polynomial({"gain": np.zeros(4)}, {"gain": np.zeros(4)}, {}, uneven=("shear",))
    with pytest.raises(CircuitError, match=r"no parameter shear for uneven=(.|\n)*gain"):
        _one_by_one(samples)


def test_a_floor_is_never_negative():
    floor = replace(LINEAR, nominal={"gate_floor": 0.1}, slopes={"gate_floor": np.array([1.0, 0.0])})
    assert floor.instances(np.array([[-0.05, 0.0], [-0.3, 0.0]]))["gate_floor"] == pytest.approx([0.05, 0.0])


@pytest.mark.parametrize("ends", [False, True])
def test_a_square_counts_where_it_foretells_samples_at_random(ends, monkeypatch):
    """One transistor's square says nothing where the effect ends: all together move the gain no further than one."""
    monkeypatch.setattr(shifting, "TRIALS", 24)
    straight = {
        "left_offset": np.array([0.5, -0.6, 0.0, 0.0]),
        "right_offset": np.zeros(4),
        "gain": np.zeros(4),
    }
    own = {name: np.full(4, 1.5) * (name == "gain") for name in straight}
    samples = Polynomial(straight, own, {})
    if ends:
        whole = samples.sample
        samples.sample = lambda number: replace(
            whole(number),
            parameters=whole(number).parameters | {"gain": min(whole(number).parameters["gain"], 2.05)},
        )
    first, squares = _one_by_one(samples)
    assert np.all(squares["gain"] > 0.1)
    models = [
        first,
        _second_order(samples, first, {n: np.zeros(4) for n in own}),
        _second_order(samples, first, squares),
    ]
    found = _tried(samples, models)
    draws = STEP * np.random.default_rng(1).standard_normal((200, 4))
    samples.along = {k: dict(enumerate(row)) for k, row in enumerate(draws)}
    true = np.array([sample.parameters["gain"] for sample in samples.measured(range(200)).values()])

    def error(model):
        return np.abs(np.log(model.instances(draws)["gain"] / true)).mean()

    assert error(found) < 1.2 * min(map(error, models))
    assert error(models[2]) > 3 * error(found) if ends else error(found) < 1e-9


def test_noise_of_single_fits_averages_out_over_samples_at_random(monkeypatch):
    """48 trials beside two samples a transistor know a slope five times as well as these two."""
    monkeypatch.setattr(shifting, "TRIALS", 48)
    straight = {"gain": np.array([0.5, -0.3, 0.2, 0.1]), "share": np.array([0.1, 0.2, -0.2, 0.3])}
    samples = Polynomial(straight, {name: np.zeros(4) for name in straight}, {})
    whole = samples.sample

    def noisy(number):
        found, rng = whole(number), np.random.default_rng(number + 1)
        noise = 0.05 * rng.standard_normal() if number != NOMINAL else 0.0
        return replace(
            found, parameters=found.parameters | {"gain": found.parameters["gain"] * np.exp(noise)}
        )

    samples.sample = noisy
    first, _ = _one_by_one(samples)
    found = _tried(samples, [first])
    weights = np.sqrt(8.0 / samples.tubes)
    before, after = (np.linalg.norm((m.slopes["gain"] - straight["gain"]) * weights) for m in (first, found))
    # of four slopes in the mean sqrt(4) 0.05 / (0.2 sqrt(2)) = 0.35 before, 0.07 after: five times
    assert after < 0.15 < before
    np.testing.assert_allclose(found.slopes["share"], straight["share"], atol=1e-9)


def test_what_the_square_of_its_own_change_does_is_found_in_the_trials(monkeypatch):
    """A charge that is the exponential of what moves its logarithm, and a little of its square."""
    monkeypatch.setattr(shifting, "TRIALS", 48)
    straight = {"gain": np.array([0.5, -0.3, 0.2, 0.1]), "share": np.array([0.1, 0.2, -0.2, 0.3])}
    samples = Polynomial(straight, {name: np.zeros(4) for name in straight}, {"gain": {"gain": 0.8}})
    found = _tried(samples, [_one_by_one(samples)[0]])
    assert found.bending["gain"] == {"gain": pytest.approx(0.8, abs=1e-6)}
    again = Sensitivity.from_dict(found.to_dict())
    draws = np.array([0.3, -0.2, 0.1, 0.4])
    change = draws * np.sqrt(8.0 / samples.tubes) @ straight["gain"]
    assert again.instances(draws)["gain"] == pytest.approx(2.0 * np.exp(change + 0.8 * change**2), rel=1e-3)


def test_what_a_ratio_does_on_one_side_only_is_found_in_the_trials(monkeypatch):
    """A stop that stays where it is while the ratio falls, and falls with the square of its rise."""
    monkeypatch.setattr(shifting, "TRIALS", 48)
    straight = {"gain": np.array([0.5, -0.3, 0.2, 0.1]), "share": np.array([0.1, 0.2, -0.2, 0.3])}
    samples = Polynomial(straight, {name: np.zeros(4) for name in straight}, {}, ("share",))
    whole, weights = samples.sample, np.sqrt(8.0 / samples.tubes)

    def stopped(number):
        found, x = whole(number), samples.shifts(number) * weights @ straight["share"]
        return replace(
            found,
            parameters=found.parameters | {"gain": found.parameters["gain"] * np.exp(-3 * max(x, 0.0) ** 2)},
        )

    samples.sample = stopped
    first, own = _one_by_one(samples)
    models = [first, _second_order(samples, first, own)]
    found = _tried(samples, models)
    draws = np.array([[0.4, 0.2, -0.3, 0.4], [-0.4, -0.2, 0.3, -0.4]])
    x, change = draws * weights @ straight["share"], draws * weights @ straight["gain"]
    expected = 2.0 * np.exp(change - 3 * np.maximum(x, 0.0) ** 2)

    def error(model):
        return np.abs(np.log(model.instances(draws)["gain"] / expected)).max()

    # single transistors fall on one of their two sides: slopes of up to 0.024 a share are no ratio's, 0.02 at these shifts
    assert error(found) < 0.02
    assert min(map(error, models)) > 0.06
    np.testing.assert_allclose(found.slopes["share"], straight["share"], atol=1e-9)


@pytest.mark.parametrize(("by_slopes", "chosen"), [(0.75, "ratios"), (0.59, "slopes")])
def test_shapes_of_a_ratio_are_asked_alike_and_slopes_must_be_clearly_better(by_slopes, chosen, monkeypatch):
    """A V that misses a tenth more than one side's square (0.8) is no V; slopes count below three quarters of that."""
    straight = {"gain": np.array([0.5, -0.3, 0.2, 0.1]), "share": np.array([0.1, 0.2, -0.2, 0.3])}
    samples = Polynomial(straight, {name: np.zeros(4) for name in straight}, {}, ("share",))
    v, _ = _one_by_one(samples)
    missed = {"none": 0.88, "ratios": 0.8, "own square": 0.79, "slopes": by_slopes}
    trials = _Trials(samples, v)
    monkeypatch.setattr(trials, "missed", lambda model, name, correction: missed[correction])
    assert trials.best([v], ["gain"]) == (v, chosen)


def test_a_floor_is_tried_as_it_is_drawn(monkeypatch):
    """Below nought it is nought: there no model misses it."""
    monkeypatch.setattr(shifting, "TRIALS", 48)
    straight = {"gain": np.array([0.5, -0.3, 0.2, 0.1]), "left_offset": np.array([3.0, -2.0, 1.0, 1.0])}
    samples = Polynomial(straight, {name: np.zeros(4) for name in straight}, {})
    whole = samples.sample

    def clipped(number):
        found = whole(number).parameters
        return Sample(number, {"gain": found["gain"], "gate_floor": max(0.1 + found["left_offset"], 0.0)})

    samples.sample = clipped
    first = replace(
        _one_by_one(samples)[0], slopes={"gain": straight["gain"], "gate_floor": straight["left_offset"]}
    )
    found = _tried(samples, [first])
    np.testing.assert_allclose(found.slopes["gate_floor"], straight["left_offset"])
    assert not found.bending.get("gate_floor")


def test_a_floor_that_is_a_scale_falls_as_far_as_its_logarithm(monkeypatch):
    """It is no nearer to nought than by a factor: what a model misses of that counts."""
    monkeypatch.setattr(shifting, "TRIALS", 48)
    straight = {"gain": np.array([0.5, -0.3, 0.2, 0.1])}
    samples = Polynomial(straight, {"gain": np.zeros(4)}, {})
    whole = samples.sample
    samples.sample = lambda number: Sample(number, {"gate_floor": 1e-4 * whole(number).parameters["gain"]})
    exact = _one_by_one(samples)[0]
    assert "gate_floor" in exact.scales
    blind = replace(exact, slopes={"gate_floor": np.maximum(exact.slopes["gate_floor"], 0.0)})
    trials = _Trials(samples, exact)
    assert trials.missed(exact, "gate_floor", "none") == pytest.approx(0.0, abs=1e-9)
    change = [_change("gate_floor", True, 2e-4, s.parameters["gate_floor"]) for s in trials._samples[:48]]
    expected = np.abs(np.array(change) - blind.changes(["gate_floor"], trials._shifts[:48])["gate_floor"])
    assert trials.missed(blind, "gate_floor", "none") == pytest.approx(expected.mean() / np.std(change))


def test_a_trial_whose_fit_ends_elsewhere_does_not_count(monkeypatch):
    """By its own stated error: one of them would outweigh all others together."""
    monkeypatch.setattr(shifting, "TRIALS", 8)
    straight = {"gain": np.array([0.5, -0.3, 0.2, 0.1])}
    samples = Polynomial(straight, {"gain": np.zeros(4)}, {})
    whole = samples.sample

    def fitted(number):
        if number == AT_RANDOM + 3:
            return Sample(number, {"gain": 100.0}, errors={"curve": 0.3})
        return replace(whole(number), errors={"curve": 0.01})

    samples.sample = fitted
    exact, _ = _one_by_one(samples)
    assert _Trials(samples, exact).count == 7
    assert _Trials(samples, exact).missed(exact, "gain", "none") == pytest.approx(0.0, abs=1e-9)


def test_terms_of_a_sum_follow_the_same_squares():
    names = ["threshold", "dead_time_0", "dead_time_1", "tau_1x", "dead_at_4_percent", "dead_at_full"]
    together = [
        ["threshold"],
        ["dead_time_0", "dead_time_1"],
        ["tau_1x"],
        ["dead_at_4_percent", "dead_at_full"],
    ]
    assert _together(names) == together


def test_a_laws_coefficient_adds_however_far_it_moves():
    """Half of itself a standard deviation: on a logarithmic scale it would spread by half as much again."""
    name, value = "width_slope", 0.03
    assert name.endswith(COEFFICIENTS)
    assert _adds(name)
    assert _adds("log_charge")
    assert not _adds("charge")
    assert not _adds("time_per_slope")
    samples = Polynomial({"gain": np.full(4, 0.2), "left_offset": np.zeros(4), "right_offset": np.zeros(4)},
                         {n: np.zeros(4) for n in ("gain", "left_offset", "right_offset")}, {})  # fmt: skip
    plain = samples.sample
    samples.sample = lambda number: replace(
        plain(number), parameters={name: value * (1 + 0.4 * samples.shifts(number).sum())}
    )
    found = _one_by_one(samples)[0]
    assert found.scales == frozenset()
    np.testing.assert_allclose(found.slopes[name], 0.4 * value * np.sqrt(samples.tubes / 8.0), rtol=1e-9)


@pytest.mark.parametrize("others", [1, 2])
def test_what_changes_its_sign_adds_up(others, monkeypatch):
    """Leakage that is the difference of two off-currents: it has no logarithm where the other one is larger, once by a fit
    that ends elsewhere."""
    monkeypatch.setattr(shifting, "TRIALS", 48)
    samples = Polynomial({"gain": np.array([0.2, -0.1, 0.1, 0.3])}, {"gain": np.zeros(4)}, {})

    def leaking(number):
        leak = 3e-11 * (1 + 0.5 * samples.shifts(number)[0])
        return Sample(number, {"leak": -leak if AT_RANDOM <= number < AT_RANDOM + others else leak})

    samples.sample = leaking
    assert _one_by_one(samples)[0].scales == ({"leak"} if others == 1 else set())


@pytest.mark.ngspice
def test_a_sample_that_fails_names_its_transistor(tmp_path):
    calls = []

    def fails(data):
        calls.append(1)
        if len(calls) > 1:
            raise RuntimeError("no such luck")
        return tail_current(data)

    with pytest.raises(CircuitError, match=r"with xg\.xtail shifted either way: RuntimeError: no such luck"):
        sensitivity(replace(SMALL, fit=fails), tmp_path, jobs=1, progress=False)


@pytest.mark.ngspice
@pytest.mark.parametrize("way", ["fails", "ends in another minimum"])
def test_a_transistor_that_cannot_be_fitted_is_shifted_the_other_way(tmp_path, way):
    usual = sensitivity(SMALL, tmp_path / "usual", progress=False)

    def no_less(data):
        model = tail_current(data)
        if model.parameters["tail"] < 0.95 * usual.nominal["tail"]:
            if way == "fails":
                raise RuntimeError("too small")
            wrong = {name: -7.0 * value for name, value in model.parameters.items()}
            return replace(model, parameters=wrong, errors={"max_of_full_scale": 0.3})
        return replace(model, errors={"max_of_full_scale": 0.01})

    found = sensitivity(replace(SMALL, fit=no_less), tmp_path / "other", jobs=1, progress=False)
    # both ways agree but for a second-order term, a tenth of the shift
    np.testing.assert_allclose(found.slopes["log_tail"], usual.slopes["log_tail"], rtol=0.1, atol=1e-3)


@pytest.mark.ngspice
def test_a_transistor_whose_fit_ends_elsewhere_both_ways_is_named(tmp_path):
    """Such a slope would say nothing, and nobody would see it."""
    values = []

    def lost(data):
        model = tail_current(data)
        values.append(model.parameters["tail"])
        moved = abs(values[-1] / values[0] - 1) > 0.05
        return replace(model, errors={"max_of_full_scale": 0.3 if moved else 0.01})

    with pytest.raises(CircuitError, match=r"with xg\.xtail shifted either way: the fit ends where"):
        sensitivity(replace(SMALL, fit=lost), tmp_path, jobs=1, progress=False)


@pytest.mark.ngspice
def test_a_plan_that_does_not_suit_the_fit_fails_in_its_first_sample(tmp_path):
    def never(data):
        raise RuntimeError("too few points")

    with pytest.raises(CircuitError, match=r"nothing shifted: .*too few points(.|\n)*take more points"):
        sensitivity(replace(SMALL, fit=never), tmp_path, points=2, jobs=1, progress=False)
    assert sum(len(file.read_text().splitlines()) for file in tmp_path.glob("*.jsonl")) == 1


@pytest.mark.ngspice
def test_a_coarse_plan_leaves_out_what_only_knob_laws_need(tmp_path):
    laws = replace(SMALL.sweeps[0], name="law", axes={"vb": Axis((0.2, 0.3), "V")}, optional=True)
    circuit = replace(SMALL, sweeps=(*SMALL.sweeps, laws))
    assert [sweep.name for sweep in fitted_sweeps(circuit, 4)] == ["sigmoid"]
    assert [sweep.name for sweep in fitted_sweeps(circuit, None)] == ["sigmoid", "law"]
    seen = []

    def looks(data):
        seen.append(set(data.sweeps))
        return tail_current(data)

    sensitivity(replace(circuit, fit=looks), tmp_path, points=2, jobs=1, progress=False)
    assert seen
    assert all(names == {"sigmoid"} for names in seen)


@pytest.mark.ngspice
@pytest.mark.parametrize(("lost", "fitted"), [(2, True), (3, False)])
def test_a_fit_passes_over_two_points_but_not_over_more(tmp_path, lost, fitted):
    """Of twelve; a sample that lacks more names the first and says why."""
    measure, values = SMALL.sweeps[0].measure, tuple(np.round(np.linspace(0.18, 0.29, 12), 3))

    def fails_low(waves, point):
        if point["vb"] < values[lost]:
            raise ValueError("no plateau")
        return measure(waves, point)

    def last(data):
        tail = float(data["sigmoid"]["tail"][-1])
        return FittedModel("tail", {"tail": tail}, {"tail": "A"}, {}, {})

    sweep = replace(SMALL.sweeps[0], axes={"vb": Axis(values, "V")}, measure=fails_low)
    circuit = replace(SMALL, sweeps=(sweep,), fit=last)
    if fitted:
        assert sensitivity(circuit, tmp_path, jobs=1, progress=False).nominal["tail"] > 0
    else:
        with pytest.raises(
            CircuitError,
            match=r"nothing shifted: .*3 points have no result, sigmoid, vb = 180 mV: .*no plateau",
        ):
            sensitivity(circuit, tmp_path, jobs=1, progress=False)
