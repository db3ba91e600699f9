import numpy as np
import pytest

from neuromorph.errors import ScoreError
from neuromorph.music.baselines import (
    _allowed,
    _loss_and_gradient,
    baseline_nll,
    fit_learned_copy,
    fit_logistic,
    fit_marginal,
    frame_pairs,
)
from neuromorph.music.pianoroll import KEYS, PianoRoll

from .conftest import random_rolls


def coupled_rolls(count: int, seed: int) -> list[PianoRoll]:
    """Key 20 repeats with 90 %; key 40 sounds exactly when key 20 does."""
    rng = np.random.default_rng(seed)
    rolls = []
    for _ in range(count):
        frames = np.zeros((100, KEYS))
        stays = rng.random(100) < 0.9
        frames[:, 20] = frames[:, 40] = np.cumsum(~stays) % 2
        rolls.append(PianoRoll(frames))
    return rolls


def entropy(p: float) -> float:
    return -p * np.log(p) - (1 - p) * np.log(1 - p)


def test_each_baseline_finds_its_own_structure():
    nll = baseline_nll(coupled_rolls(40, 0), coupled_rolls(40, 1))
    # 86 silent keys cost log(1 + 1/(2 * 4000)) each: 0.011 nats together; sampling noise of
    # 4000 Bernoulli(0.1) draws: sd of the mean loss 0.3 * log 9 / sqrt(3960) = 0.0105 a key
    noise = 0.011 + 4 * 2 * 0.0105
    assert nll["marginal"] == pytest.approx(2 * np.log(2), abs=noise)
    assert nll["learned_copy"] == pytest.approx(2 * entropy(0.1), abs=noise)
    assert nll["logistic"] == pytest.approx(2 * entropy(0.1), abs=noise)
    assert nll["logistic_joint"] == pytest.approx(entropy(0.1), abs=noise)


def test_marginal_is_the_frequency():
    rolls = coupled_rolls(5, 0)
    frames = np.concatenate([roll.frames for roll in rolls])
    probability = 1 / (1 + np.exp(-fit_marginal(rolls).bias))
    np.testing.assert_allclose(probability, (frames.sum(axis=0) + 0.5) / (len(frames) + 1), rtol=1e-5)


def test_learned_copy_reads_only_its_own_key():
    model = fit_learned_copy(random_rolls(0, 3))
    assert not (model.last - np.diag(np.diag(model.last))).any()
    assert not model.lower.any()


def test_the_joint_model_looks_only_down():
    model = fit_logistic(random_rolls(0, 3), joint=True, iterations=5)
    assert not np.tril(model.lower).any()
    assert np.triu(model.lower, 1).any()
    assert not fit_logistic(random_rolls(0, 3), iterations=5).lower.any()


@pytest.mark.parametrize("joint", [False, True])
def test_the_gradient_is_the_slope(joint):
    before, after = frame_pairs(random_rolls(1, 2))
    inputs = np.concatenate([before, after], axis=1) if joint else before
    rng = np.random.default_rng(0)
    flat = rng.normal(0, 0.3, (1 + inputs.shape[1]) * KEYS)
    direction = rng.normal(size=flat.size)

    def loss(step: float) -> tuple[float, np.ndarray]:
        return _loss_and_gradient(flat + step * direction, inputs, after, _allowed(KEYS, joint), 0.01)

    slope = (loss(1e-5)[0] - loss(-1e-5)[0]) / 2e-5  # in float64: error about 1e-10 / 1e-5
    assert slope == pytest.approx(loss(0.0)[1] @ direction, rel=1e-5)


def test_nll_covers_frames_2_to_T_flat_over_pieces():
    rolls = random_rolls(0, 2, 5) + random_rolls(1, 1, 20)
    model = fit_marginal(rolls)
    frames = np.concatenate([roll.frames[1:] for roll in rolls]).astype(float)
    p = 1 / (1 + np.exp(-model.bias.astype(float)))
    by_hand = -(frames * np.log(p) + (1 - frames) * np.log(1 - p)).sum() / (4 + 4 + 19)
    assert model.nll(rolls) == pytest.approx(by_hand, rel=1e-5)


def test_a_silent_training_set_predicts_silence():
    silent = [PianoRoll(np.zeros((50, KEYS)))]
    # each key costs log(1 + 1 / 101) at a bias from (0 + 1/2) / (50 + 1)
    assert fit_logistic(silent, joint=True).nll(silent) == pytest.approx(KEYS * np.log(1 + 1 / 101), rel=1e-5)


def test_one_frame_is_nothing_to_predict():
    with pytest.raises(ScoreError, match="after the first"):
        fit_logistic(random_rolls(0, 2, frames=1))
    with pytest.raises(ScoreError, match="ridge = -1"):
        fit_logistic(random_rolls(0, 2), ridge=-1)


@pytest.mark.data
def test_counted_baselines_match_the_study(jsb):
    # the study prints two decimals and counted with another prior
    assert fit_marginal(jsb.train).nll(jsb.test) == pytest.approx(11.09, abs=0.01)
    assert fit_learned_copy(jsb.train).nll(jsb.test) == pytest.approx(10.49, abs=0.01)


@pytest.mark.data
def test_logistic_matches_the_study(jsb):
    # 9.03 with its own optimiser and no stated ridge; ours is fixed on valid
    assert fit_logistic(jsb.train, iterations=60).nll(jsb.test) == pytest.approx(9.03, abs=0.02)
    assert fit_logistic(jsb.train, joint=True, iterations=60).nll(jsb.valid) < 6.2
