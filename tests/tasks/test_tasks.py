"""Train, evaluate, predict, generate on a toy tune; resume; hollow results are caught."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

from neuromorph.errors import InputError, LearningDiverged, RunError
from neuromorph.models.fidelity import ideal_blocks
from neuromorph.models.mismatch import Chip
from neuromorph.tasks.evaluate import accuracy, evaluate
from neuromorph.tasks.generate import generate, stretched_seconds
from neuromorph.tasks.predict import predict_frames, predict_next
from neuromorph.tasks.run import RunFacts, Schedule, chip_facts, load_run, log_odds, new_run, read_facts
from neuromorph.tasks.train import train
from neuromorph.tasks.transfer import transferred
from tests.network.toys import NOTES, toy_config, toy_nominal, tunes

CHUNK = 128


def fresh(path, blocks=None, fidelity="ideal", schedule=None, **changes):
    config = toy_config(**changes)
    odds = log_odds(tunes())
    schedule = schedule or Schedule(epochs=24, rate=0.1, rate_decay=0.95, chunk_frames=CHUNK)
    facts = RunFacts(config, 0, schedule, fidelity, odds.tolist())
    return new_run(path, facts, ideal_blocks(config.frame) if blocks is None else blocks)


def nll(run, pieces):
    return evaluate(run.network, run.state, pieces, chunk_frames=CHUNK).nll


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """An ideal joint network that has learned the tune, and its valid NLL by epoch."""
    run = fresh(tmp_path_factory.mktemp("runs") / "ideal", joint=True)
    return train(run, tunes(), valid=tunes(4))


def test_it_learns_better_than_counting(trained):
    marginal = nll(fresh(Path("unused"), joint=True), tunes(4))
    assert nll(trained, tunes(4)) < 0.6 * marginal
    history = [note["valid_nll"] for note in trained.facts.history]
    assert history[-1] < history[0]


def test_time_shuffled_input_is_predicted_worse(trained):
    draw = np.random.default_rng(0)
    shuffled = [piece[draw.permutation(len(piece))] for piece in tunes(4)]
    assert nll(trained, shuffled) > nll(trained, tunes(4)) + 0.5


def test_a_hardware_parameter_changes_the_loss(trained):
    def with_gate(width):
        widths = dict.fromkeys(("i_width", "f_width", "o_width"), width)
        network = replace(trained.network, blocks=toy_nominal(memory_cell=widths))
        return evaluate(network, trained.state, tunes(2), chunk_frames=CHUNK)

    assert abs(with_gate(32.8e-3).nll - with_gate(45e-3).nll) > 1e-3


def test_weights_go_to_other_hardware_at_its_levels_and_go_on_learning(trained, tmp_path):
    blocks = toy_nominal()
    schedule = Schedule(1, 0.03, 1.0, chunk_frames=CHUNK)
    moved = transferred(trained, tmp_path, blocks, fidelity="nominal", schedule=schedule, seed=0, data="tune")
    step = float(blocks.store.step)
    steps = np.asarray(moved.state.fast.gates) / step
    assert np.allclose(steps, np.round(steps), atol=1e-4)
    assert np.abs(steps).max() <= float(blocks.store.bound) / step + 1e-4
    near = np.abs(np.asarray(trained.state.slow.gates)) < float(blocks.store.bound)
    lost = np.asarray(moved.state.fast.gates - trained.state.slow.gates)[near]
    assert np.abs(lost).max() <= step / 2 * (1 + 1e-4)
    assert moved.facts.phases[-1] == {"phase": "transfer", "fidelity": "nominal", "data": "tune"}
    before = nll(moved, tunes(4))
    assert before < 0.6 * nll(fresh(tmp_path, blocks, joint=True), tunes(4))
    assert nll(train(moved, tunes()), tunes(4)) < before


def test_plastic_evaluation_learns_while_it_predicts(tmp_path):
    run = fresh(tmp_path, joint=True)
    frozen = evaluate(run.network, run.state, tunes(), chunk_frames=CHUNK)
    plastic = evaluate(run.network, run.state, tunes(), plastic=True, rate=0.1, chunk_frames=CHUNK)
    assert plastic.nll < frozen.nll
    assert plastic.events["synapses_pulsed"] > 0 == frozen.events["synapses_pulsed"]


def test_evaluation_counts_frames_and_events(trained):
    result = evaluate(trained.network, trained.state, tunes(3), chunk_frames=CHUNK)
    assert result.frames == 3 * 32 == len(result.nll_by_frame)
    assert result.nll == pytest.approx(result.nll_by_frame.mean())
    assert result.events["note_spikes"] == 2 * trained.network.config.frame.input_spikes
    assert 0 < result.accuracy <= 1


def test_accuracy_ignores_true_silence():
    a, b = np.array([[1, 0, 0, 1]], bool), np.array([[1, 1, 0, 0]], bool)
    assert accuracy(a, b) == pytest.approx(1 / 3)
    assert accuracy(np.zeros((1, 4), bool), np.zeros((1, 4), bool)) == 0.0


def test_generation_continues_the_scale(trained):
    played = generate(trained.network, trained.state, tunes(1)[0][:12], 24, seed=0, temperature=0.3)
    again = generate(trained.network, trained.state, tunes(1)[0][:12], 24, seed=0, temperature=0.3)
    assert played.shape == (24, NOTES)
    assert np.array_equal(played, again)
    assert set(np.unique(played)) <= {0.0, 1.0}
    wanted = tunes(1, frames=36)[0][12:]
    assert accuracy(played > 0, wanted > 0) > 0.4


def test_generation_states_its_stretched_frame(trained):
    frame = trained.network.config.frame.seconds
    assert stretched_seconds(trained.network) == pytest.approx(frame + NOTES * 2e-9)


@pytest.mark.parametrize("bad", [np.zeros((0, NOTES)), np.zeros((3, NOTES + 1)), np.zeros(NOTES)])
def test_an_unusable_prime_is_refused(trained, bad):
    with pytest.raises(InputError, match="prime"):
        generate(trained.network, trained.state, bad, 4, seed=0)


def test_prediction_names_the_next_notes(trained):
    piece = tunes(1)[0]
    p = predict_frames(trained.network, trained.state, piece[:-1], samples=32, chunk_frames=CHUNK)
    assert p.shape == (len(piece) - 1, NOTES)
    assert np.all((p >= 0) & (p <= 1))
    hits = np.take_along_axis(piece[1:], np.argsort(-p, axis=1)[:, :2], axis=1)[8:]
    assert hits.mean() > 0.5
    assert predict_next(
        trained.network, trained.state, piece[:-1], samples=32, chunk_frames=CHUNK
    ) == pytest.approx(p[-1])


def test_a_run_comes_back_from_disk(trained):
    blocks = ideal_blocks(trained.network.config.frame)
    back = load_run(trained.path, blocks)
    assert nll(back, tunes(2)) == pytest.approx(nll(trained, tunes(2)))
    body = json.loads((trained.path / "run.json").read_text())
    assert body["frame_seconds_hardware"] == 100e-9
    assert body["frame_seconds_music"] == 0.4
    assert body["fidelity"] == "ideal"
    with pytest.raises(RunError, match="library"):
        load_run(trained.path, blocks, library_hash="abc")
    with pytest.raises(RunError, match="this one is abcdefabcdef with sensitivities 0badcafe"):
        load_run(trained.path, blocks, library_hash="abcdefabcdef99-0badcafe")


def test_a_folder_without_a_run_is_an_error(tmp_path):
    with pytest.raises(RunError, match=r"run\.json"):
        read_facts(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(RunError, match="cannot be read"):
        read_facts(tmp_path)


def test_divergence_keeps_the_last_checkpoint(tmp_path):
    run = fresh(tmp_path, joint=True)
    broken = replace(run.state.fast, bias=run.state.fast.bias * np.nan)
    run = replace(run, state=replace(run.state, fast=broken))
    with pytest.raises(LearningDiverged, match="last good checkpoint"):
        train(run, tunes(2))
    assert not (tmp_path / "run.h5").exists()


INTERRUPTED = """
import sys, os, signal
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from tests.tasks.test_tasks import fresh, resumable
from tests.network.toys import tunes
from neuromorph.tasks.train import train
seen = []
def stop(at):
    seen.append(at)
    if len(seen) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
train(resumable(Path(sys.argv[1])), tunes(), progress=stop)
"""


def resumable(path):
    """A short training of four chunks."""
    return fresh(path, joint=True, schedule=Schedule(epochs=2, rate=0.1, chunk_frames=CHUNK))


@pytest.mark.slow
def test_a_killed_training_resumes_to_the_same_result(tmp_path):
    whole = train(resumable(tmp_path / "whole"), tunes())
    root = str(Path(__file__).parents[2])
    killed = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path / "cut"), root],
        env=os.environ | {"PYTHONPATH": root},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    began = time.monotonic()
    cut = load_run(tmp_path / "cut", ideal_blocks(whole.network.config.frame))
    assert 0 < cut.facts.position["epoch"] * 10 + cut.facts.position["chunk"] < 20
    resumed = train(cut, tunes())
    assert time.monotonic() - began < 60
    same = jax.tree.map(np.array_equal, resumed.state, whole.state)
    assert all(jax.tree.leaves(same))


def test_a_run_tells_its_chip_and_at_what_it_runs():
    chip = Chip(0.1, 2, celsius=40.0, supply=0.76)
    facts = RunFacts(toy_config(), 0, Schedule(), "mismatch", [], **chip_facts(chip))
    assert facts.drawn == chip
    assert RunFacts.from_json(json.loads(json.dumps(facts.to_json()))).drawn == chip
    assert facts.hardware == "10 % mismatch, chip 2, 40 C, 0.76 V"
    plain = RunFacts(toy_config(), 0, Schedule(), "nominal", [])
    assert replace(facts, fidelity="nominal", **chip_facts(None)) == plain
