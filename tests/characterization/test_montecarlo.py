"""Instances of a block: reproducible draws, kept samples, and the spread that a textbook circuit must have."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from neuromorph.characterization import load_recipe, recipe_names, samples
from neuromorph.characterization.montecarlo import NOMINAL, MonteCarlo, instance, monte_carlo
from neuromorph.characterization.samples import KeptSamples, Sample, coarse, fitted_sweeps
from neuromorph.circuit import Axis
from neuromorph.devices.cnfet import PRESETS
from neuromorph.devices.equations import evaluate_geometry
from neuromorph.devices.variation import DeviceStatistics
from neuromorph.errors import CircuitError, InputError
from neuromorph.library import FittedModel
from neuromorph.reporting.spread import plot_spread
from neuromorph.spice.workers import WorkerPool
from neuromorph.transient.pool import BatchPool

GATE = load_recipe("gate")
SPREAD = DeviceStatistics(mismatch=0.2)


def tail_current(data):
    """A fit that reads one number off: the tail current, by its logarithm, at the lowest bias."""
    value = float(np.log(data["sigmoid"]["tail"][0]))
    return FittedModel("tail", {"log_tail": value}, {"log_tail": "1"}, {}, {})


SMALL = replace(
    GATE, sweeps=(replace(GATE.sweep("sigmoid"), axes={"vb": Axis((0.18,), "V")}),), fit=tail_current
)


def text_of(tmp_path, seed, number, statistics=SPREAD):
    return instance(GATE, statistics, seed, number, tmp_path)[0].netlists[0].read_text().split("\n", 1)[1]


def test_a_draw_depends_on_seed_and_number_alone(tmp_path):
    again = text_of(tmp_path, 3, 7)
    assert text_of(tmp_path, 3, 7) == again
    assert text_of(tmp_path, 3, 8) != again
    assert text_of(tmp_path, 4, 7) != again


def test_an_instance_keeps_its_benches(tmp_path):
    drawn, dead = instance(GATE, SPREAD, 0, 0, tmp_path)
    assert dead == 0
    assert drawn.ports() == GATE.ports()
    assert drawn.structure().transistors("gated_product") == GATE.transistors


def test_what_stands_beside_a_block_is_as_designed(tmp_path):
    """The column that a synapse's bench reads is another block: its spread is not the synapse's."""
    lateral = load_recipe("lateral_synapse")
    text = instance(lateral, SPREAD, 0, 0, tmp_path)[0].netlists[0].read_text()
    bodies = {body.split()[0]: body for body in text.split(".subckt ")[1:]}
    own = sum(body.count(" vfb=") for name, body in bodies.items() if name.startswith("lateral_synapse__"))
    column = [line for line in bodies["dendrite_column"].splitlines() if line.startswith("x")]
    assert own == lateral.transistors
    assert column
    assert not any("vfb=" in line for line in column)


def test_dead_transistors_are_those_of_the_block_each_once(tmp_path):
    """A gate's recipe has parts that are measured alone; they are not counted again."""
    _, dead = instance(GATE, DeviceStatistics(missing=0.9), 0, 0, tmp_path)
    assert 0 < dead < GATE.transistors
    assert instance(GATE, DeviceStatistics(metallic=0.99), 0, 0, tmp_path)[1] <= GATE.transistors


def test_the_tubes_of_a_parameter_are_drawn(tmp_path):
    cnfet = load_recipe("cnfet")
    text = instance(cnfet, SPREAD, 0, 0, tmp_path)[0].netlists[0].read_text()
    assert "vfb=" in text


def test_another_fit_is_another_set_of_samples(tmp_path):
    plans = [replace(SMALL, fit=fit) for fit in (tail_current, GATE.fit)]
    kept = [KeptSamples(tmp_path, c, f"{SPREAD} 0", c.sweeps) for c in plans]
    assert len({one.file for one in kept}) == len({one.netlists for one in kept}) == 2


def test_a_parameter_that_hardly_varies_is_drawn():
    drawn = tuple(Sample(k, {"c": 1e-15 * (1 + 1e-16 * k), "zero": 0.0}) for k in range(5))
    plot_spread(MonteCarlo("block", drawn[0], drawn))


@pytest.mark.parametrize("points", [2, 3, 4, 6])
@pytest.mark.parametrize("name", recipe_names())
def test_a_coarse_plan_keeps_the_usual_value_of_a_knob(name, points):
    """A fit takes its nominal values there: without it, another bias would pass for the usual one."""
    circuit = load_recipe(name)
    if circuit.fit is None:
        pytest.skip("it has no fit")
    plain = {sweep.name: sweep for sweep in circuit.sweeps}
    usual = {knob.name: knob.default for knob in circuit.knobs}
    for sweep in fitted_sweeps(circuit, points):
        for axis, kept in sweep.axes.items():
            values = plain[sweep.name].axes[axis].values
            assert {kept.values[0], kept.values[-1]} == {values[0], values[-1]}
            assert len(kept.values) <= max(points, 3)
            if usual.get(axis) in values:
                assert usual[axis] in kept.values


def test_a_coarse_sweep_keeps_the_ends():
    sweep = coarse(GATE.sweep("sigmoid"), 4, {})
    values = sweep.axes["vb"].values
    assert len(values) == 4
    assert {values[0], values[-1]} == {0.15, 0.35}
    assert coarse(GATE.sweep("sigmoid"), 100, {}).shape == GATE.sweep("sigmoid").shape


def test_other_transistors_are_refused_by_path(tmp_path):
    netlist = tmp_path / "mos.cir"
    netlist.write_text(
        ".subckt nfet_own d g s w=1\nr1 d s 1k\n.ends\n.subckt own d g s\nx1 d g s nfet_own\n.ends\n"
    )
    circuit = replace(
        GATE,
        name="own",
        netlists=(netlist,),
        subcircuit="own",
        transistors=1,
        knobs=(),
        states=(),
        sweeps=(),
        figures=(),
    )
    with pytest.raises(CircuitError, match="x1 is a nfet_own"):
        instance(circuit, SPREAD, 0, 0, tmp_path)


def test_a_recipe_without_fit_and_a_negative_seed_are_refused(tmp_path):
    with pytest.raises(CircuitError, match="no fit"):
        monte_carlo(replace(GATE, fit=None), SPREAD, tmp_path, samples=1)
    with pytest.raises(InputError, match="seed -1"):
        monte_carlo(GATE, SPREAD, tmp_path, samples=1, seed=-1)
    with pytest.raises(InputError, match="1 points an axis"):
        monte_carlo(GATE, SPREAD, tmp_path, samples=1, points=1)
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="not a folder"):
        monte_carlo(GATE, SPREAD, tmp_path / "taken", samples=1)


@pytest.mark.ngspice
def test_the_spread_of_a_tail_current_is_that_of_its_transistor(tmp_path, monkeypatch):
    """Below threshold an eight-tube device's log current spreads by the mismatch times its slope over the ideal one."""
    count = 40
    found = monte_carlo(SMALL, SPREAD, tmp_path, samples=count, progress=False)
    assert len(found.good) == count
    values = found.values("log_tail")
    swing = float(evaluate_geometry(PRESETS["low_leakage"].values(), np)["nv"])
    at, above = (
        monte_carlo(
            replace(SMALL, sweeps=(replace(SMALL.sweeps[0], axes={"vb": Axis((bias,), "V")}),)), SPREAD,
            tmp_path / f"{bias}", samples=1, progress=False,
        ).nominal.parameters["log_tail"]
        for bias in (0.178, 0.182)
    )  # fmt: skip
    expected = 0.2 * swing * (above - at) / 4e-3
    assert values.std(ddof=1) == pytest.approx(expected, rel=4 / np.sqrt(2 * count))
    assert values.mean() == pytest.approx(
        found.nominal.parameters["log_tail"], abs=4 * expected / np.sqrt(count)
    )

    # netlists lie beside their samples, so that another spread cannot write over them
    assert {path.parent for path in tmp_path.glob("**/gate_0_*.cir")} >= {
        next(tmp_path.glob("gate_*.jsonl")).with_suffix("")
    }
    assert not list(tmp_path.glob("*.cir"))

    # everything is kept: another call measures nothing, one with half a line at the end only that sample
    file = next(tmp_path.glob("gate_*.jsonl"))
    with monkeypatch.context() as patch:
        patch.setattr(samples, "_batch", lambda *_: pytest.fail("measured again"))
        again = monte_carlo(SMALL, SPREAD, tmp_path, samples=count, progress=False)
    np.testing.assert_array_equal(np.sort(again.values("log_tail")), np.sort(values))
    text = file.read_text()
    file.write_text(text[: -len(text.splitlines()[-1]) // 2])
    mended = monte_carlo(SMALL, SPREAD, tmp_path, samples=count, progress=False)
    np.testing.assert_allclose(mended.values("log_tail"), again.values("log_tail"), rtol=1e-9)
    assert {json.loads(line)["number"] for line in file.read_text().splitlines()} == {NOMINAL, *range(count)}


@pytest.mark.ngspice
def test_failing_samples_are_reported_and_too_many_are_an_error(tmp_path):
    nominal = []

    def fails(data):
        if nominal:
            raise RuntimeError("no such luck")
        nominal.append(True)
        return tail_current(data)

    with pytest.raises(
        CircuitError, match=r"3 of 3 samples failed, the first by: RuntimeError: no such luck"
    ):
        monte_carlo(replace(SMALL, fit=fails), SPREAD, tmp_path, samples=3, jobs=1, progress=False)


@pytest.mark.ngspice
def test_side_by_side_gives_what_ngspice_gives(tmp_path):
    """The same instances by both solvers, kept apart; an operating point leaves no room for steps to differ."""
    one_by_one, side_by_side = (
        monte_carlo(SMALL, SPREAD, tmp_path, samples=5, solver=solver, jobs=1, progress=False)
        for solver in (WorkerPool, BatchPool)
    )
    assert np.ptp(one_by_one.values("log_tail")) > 0.1
    np.testing.assert_allclose(
        side_by_side.values("log_tail"), one_by_one.values("log_tail"), rtol=0, atol=1e-5
    )
    assert len(list(tmp_path.glob("gate_*.jsonl"))) == 2
