"""Adapting while listening: it learns what is new, keeps what it knew, undoes what hurts, resumes."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from neuromorph.errors import InputError, LearningDiverged
from neuromorph.models.fidelity import ideal_blocks
from neuromorph.tasks.evaluate import evaluate
from neuromorph.tasks.listen import Guard, Listening, listen
from neuromorph.tasks.run import Schedule, load_run
from neuromorph.tasks.train import train
from tests.network.toys import NOTES, tunes
from tests.tasks.test_tasks import CHUNK, fresh

CALM = Listening(rate=0.1, quiet_rate=0.001, memory_frames=64, chunk_frames=16, save_frames=64)


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """A network that knows the scales."""
    schedule = Schedule(epochs=16, rate=0.1, rate_decay=0.9, chunk_frames=CHUNK)
    run = fresh(tmp_path_factory.mktemp("listen") / "run", joint=False, schedule=schedule)
    return train(run, tunes(), valid=tunes(4))


def foreign(count=16, frames=33):
    """The scale walked down in fourths: another style."""
    pieces = []
    for seed in range(count):
        steps = (np.random.default_rng([seed, 1]).integers(NOTES) - np.arange(frames)) % NOTES
        roll = np.zeros((frames, NOTES), np.float32)
        roll[np.arange(frames), steps] = 1.0
        roll[np.arange(frames), (steps + 5) % NOTES] = 1.0
        pieces.append(roll)
    return pieces


def frozen(run, pieces):
    return evaluate(run.network, run.state, pieces, chunk_frames=CHUNK).nll


def test_it_adapts_to_another_style_and_keeps_its_own(known):
    before_own, before_foreign = frozen(known, tunes(4)), frozen(known, foreign())
    after, heard = listen(known, foreign(), CALM, save=False)
    quarter = len(heard.nll) // 4
    assert heard.nll[-quarter:].mean() < before_foreign - 0.5 * (before_foreign - before_own)
    assert frozen(after, tunes(4)) < before_own + 0.1
    assert heard.rates.max() > 10 * CALM.quiet_rate


def test_unguarded_learning_forgets(known):
    after, heard = listen(known, foreign(), replace(CALM, guarded=False), save=False)
    assert np.isnan(heard.slow_nll).all()
    assert frozen(after, tunes(4)) > frozen(listen(known, foreign(), CALM, save=False)[0], tunes(4)) + 0.1


def test_known_music_is_heard_at_the_quiet_rate(known):
    own = frozen(known, tunes(8))
    _, heard = listen(known, tunes(8), CALM, usual_nll=own, save=False)
    assert np.median(heard.rates) < 3 * CALM.quiet_rate
    assert heard.nll.mean() < own + 0.02
    assert heard.recalls == 0


@pytest.mark.parametrize("spoil", [0.1, 0.5])
def test_weights_that_hurt_are_set_back(known, spoil):
    """By the running losses where they are merely worse, at once where they are hopeless."""
    spoilt = jax.tree.map(lambda w: w + spoil, known.state.fast)
    run = replace(known, state=replace(known.state, fast=spoilt))
    after, heard = listen(run, tunes(8), CALM, save=False)
    assert heard.recalls >= 1
    assert heard.nll[-64:].mean() < heard.slow_nll[-64:].mean() + CALM.margin
    assert np.abs(np.asarray(after.state.fast.bias - known.state.slow.bias)).max() < 0.8 * spoil


def test_divergence_falls_back_to_the_slow_weights(known):
    broken = jax.tree.map(lambda w: w * np.nan, known.state.fast)
    run = replace(known, state=replace(known.state, fast=broken))
    after, heard = listen(run, tunes(2), CALM, save=False)
    assert np.isfinite(heard.nll).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after.state.fast))


def test_a_network_that_is_broken_throughout_says_so(known):
    broken = jax.tree.map(lambda w: w * np.nan, known.state.fast)
    run = replace(known, state=replace(known.state, fast=broken, slow=broken))
    with pytest.raises(LearningDiverged, match="not finite"):
        listen(run, tunes(2), CALM, save=False)


def test_an_interrupted_listening_resumes_to_the_same_weights(known, tmp_path):
    class Stop(Exception):
        pass

    def stop(done, *_):
        if done >= 150:
            raise Stop

    start = replace(known, path=tmp_path / "cut")
    with pytest.raises(Stop):
        listen(start, foreign(8), CALM, progress=stop)
    cut = load_run(tmp_path / "cut", ideal_blocks(known.network.config.frame))
    assert cut.facts.listening["frames"] == 128
    resumed, rest = listen(cut, foreign(8), CALM)
    whole, all_ = listen(replace(known, path=tmp_path / "whole"), foreign(8), CALM)
    np.testing.assert_array_equal(rest.nll, all_.nll[128:])
    same = jax.tree.map(np.array_equal, resumed.state, whole.state)
    assert all(jax.tree.leaves(same))
    assert len(listen(resumed, foreign(8), CALM)[1].nll) == 0


@pytest.mark.parametrize(
    "changes",
    [{"rate": 0.0}, {"rate": float("nan")}, {"quiet_rate": 1.0}, {"consolidation": 2}, {"chunk_frames": 0}],
)
def test_impossible_settings_are_refused(changes):
    with pytest.raises(InputError, match="cannot listen"):
        Listening(**changes)


def test_chunks_end_with_transfers(known):
    with pytest.raises(InputError, match="transfer block"):
        listen(known, tunes(2), replace(CALM, chunk_frames=24), save=False)


def test_the_rate_follows_novelty():
    how = Listening(rate=0.1, quiet_rate=0.001)
    assert Guard(how, usual=5.0, fast=5.0, slow=5.0).rate == pytest.approx(0.001)
    assert Guard(how, usual=5.0, fast=7.0, slow=7.0).rate == pytest.approx(0.1)
    assert Guard(how, usual=np.inf, fast=4.5, slow=5.0).rate == pytest.approx(0.01)
    assert Guard(how, usual=5.0, fast=5.3, slow=5.0).hurts
