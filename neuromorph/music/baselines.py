"""What next-frame prediction achieves without a memory: the figures to beat.

All are one model with parts left out.  Pitch ``k`` of the next frame ``t``
sounds with probability

    p_k = sigma(b_k + sum_j W_jk x_j + sum_{j<k} V_jk t_j)

given the last frame ``x`` and, in the *joint* variants, the lower pitches of
the same frame.  Independent and joint figures never belong in one table.
Losses are nats per frame over frames 2 to T, averaged over all frames of all
pieces in one flat list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuromorph.errors import ScoreError
from neuromorph.music.pianoroll import KEYS, PianoRoll, stack_frames

PRIOR_COUNT = 0.5  # added to each count, so that no probability is 0 (Jeffreys)
RIDGE = 2e-5  # chosen on the valid part of the JSB chorales
ITERATIONS = 100

Floats = NDArray[np.float32]
Rolls = Sequence[PianoRoll]


@dataclass(frozen=True, eq=False)
class FramePredictor:
    """Bernoulli model of the next frame.

    Parameters
    ----------
    bias : array, [88]
        Log-odds of each pitch.
    last : array, [88, 88]
        Weight from pitch j of the last frame to pitch k.
    lower : array, [88, 88]
        Weight from pitch j of the same frame to pitch k > j; zero elsewhere.
    """

    bias: Floats
    last: Floats
    lower: Floats

    def nll(self, rolls: Rolls) -> float:
        """Negative log likelihood of frames 2 to T [nats per frame].

        Raises
        ------
        ScoreError
            When no piece has two frames.
        """
        before, after = frame_pairs(rolls)
        logits = self.bias + before @ self.last + after @ self.lower
        return float(_loss(logits, after).sum(axis=1, dtype=np.float64).mean())


def frame_pairs(rolls: Rolls) -> tuple[Floats, Floats]:
    """Each frame and the one after it, over all pieces, two arrays [N, 88].

    Raises
    ------
    ScoreError
        When no piece has two frames.
    """
    if not any(len(roll) > 1 for roll in rolls):
        raise ScoreError("no piece has a frame after the first", remedy="give longer pieces")
    before = np.concatenate([roll.frames[:-1] for roll in rolls])
    after = np.concatenate([roll.frames[1:] for roll in rolls])
    return before.astype(np.float32), after.astype(np.float32)


def fit_marginal(train: Rolls) -> FramePredictor:
    """How often each pitch sounds, whatever came before (counted over all frames)."""
    frames = stack_frames(train).astype(np.float32)
    none = np.zeros((KEYS, KEYS), np.float32)
    return FramePredictor(_log_odds(frames.sum(axis=0), len(frames)), none, none)


def fit_learned_copy(train: Rolls) -> FramePredictor:
    """How often each pitch goes on sounding, and how often it begins (counted)."""
    before, after = frame_pairs(train)
    begins = _log_odds(((1 - before) * after).sum(axis=0), (1 - before).sum(axis=0))
    goes_on = _log_odds((before * after).sum(axis=0), before.sum(axis=0))
    return FramePredictor(begins, np.diag(goes_on - begins), np.zeros((KEYS, KEYS), np.float32))


def fit_logistic(
    train: Rolls, joint: bool = False, ridge: float = RIDGE, iterations: int = ITERATIONS
) -> FramePredictor:
    """Logistic regression on the last frame (and, if joint, on the lower pitches).

    Convex: L-BFGS from the log-odds of the pitches.

    Parameters
    ----------
    train : sequence of PianoRoll
        Pieces to fit.
    joint : bool
        Whether each pitch sees the lower pitches of its own frame.
    ridge : float
        Weight of the sum of squared weights in the loss [nats per frame].
    iterations : int
        At most so many steps of L-BFGS.

    Raises
    ------
    ScoreError
        When no piece has two frames, or a number is out of range.
    """
    from scipy.optimize import minimize

    if ridge < 0 or iterations < 1:
        raise ScoreError(
            f"ridge = {ridge}, iterations = {iterations}", remedy="give 0 or more, and 1 or more"
        )
    marginal = fit_marginal(train)
    used = np.flatnonzero(stack_frames(train).any(axis=0))  # the others keep the bias of silence
    if not len(used):
        return marginal
    before, after = (frames[:, used] for frames in frame_pairs(train))
    inputs = np.concatenate([before, after], axis=1) if joint else before
    allowed = _allowed(len(used), joint)

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        return _loss_and_gradient(flat.astype(np.float32), inputs, after, allowed, ridge)

    start = np.zeros((1 + inputs.shape[1], len(used)))
    start[0] = marginal.bias[used]
    found = minimize(
        objective,
        start.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": iterations, "maxfun": 10**6},
    )
    return _with_all_keys(found.x.astype(np.float32).reshape(start.shape), used, marginal)


def baseline_nll(train: Rolls, evaluate: Rolls) -> dict[str, float]:
    """Every baseline fitted to one part and measured on another [nats per frame].

    Returns
    -------
    dict
        ``marginal``, ``learned_copy``, ``logistic`` (independent outputs) and
        ``logistic_joint`` (joint outputs).
    """
    return {
        "marginal": fit_marginal(train).nll(evaluate),
        "learned_copy": fit_learned_copy(train).nll(evaluate),
        "logistic": fit_logistic(train).nll(evaluate),
        "logistic_joint": fit_logistic(train, joint=True).nll(evaluate),
    }


def _log_odds(hits: Floats, trials: Floats | int) -> Floats:
    return np.log((hits + PRIOR_COUNT) / (trials - hits + PRIOR_COUNT)).astype(np.float32)


def _loss(logits: Floats, target: Floats) -> Floats:
    """Cross entropy of each pitch, stable for large logits [nats]."""
    return np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits))) - target * logits


def _allowed(keys: int, joint: bool) -> Floats:
    """Which weights exist, [inputs, keys]: all from the last frame, from below in the same frame."""
    last = np.ones((keys, keys), np.float32)
    return np.concatenate([last, np.triu(last, 1)]) if joint else last


def _loss_and_gradient(
    flat: Floats, inputs: Floats, target: Floats, allowed: Floats, ridge: float
) -> tuple[float, NDArray[np.float64]]:
    """Regularised mean loss and its gradient in the flat parameters."""
    parameters = flat.reshape(-1, target.shape[1])
    bias, weights = parameters[0], parameters[1:] * allowed
    logits = inputs @ weights + bias
    loss = float(_loss(logits, target).sum(dtype=np.float64)) / len(target)
    error = (_sigmoid(logits) - target) / len(target)
    gradient = np.concatenate([error.sum(axis=0)[None], (inputs.T @ error + 2 * ridge * weights) * allowed])
    return loss + ridge * float((weights**2).sum()), gradient.ravel().astype(float)


def _sigmoid(logits: Floats) -> Floats:
    small = np.exp(-np.abs(logits))
    return np.where(logits > 0, 1, small) / (1 + small)


def _with_all_keys(parameters: Floats, used: NDArray[np.intp], marginal: FramePredictor) -> FramePredictor:
    """Spread parameters of the keys in use, [1 + inputs, keys], over all 88."""
    bias, weights = marginal.bias.copy(), np.zeros((2, KEYS, KEYS), np.float32)
    bias[used] = parameters[0]
    for table, block in zip(weights, parameters[1:].reshape(-1, len(used), len(used)), strict=False):
        table[np.ix_(used, used)] = block
    return FramePredictor(bias, weights[0], weights[1])
