"""One pass over the real chorales: the shipped hardware learns, and time order is what it learns."""

import os
from dataclasses import replace

import numpy as np
import pytest

from neuromorph.library import Library
from neuromorph.models.frame import Frame
from neuromorph.models.library_blocks import blocks_for
from neuromorph.music.datasets import load_dataset
from neuromorph.network.config import NetworkConfig
from neuromorph.tasks.evaluate import evaluate
from neuromorph.tasks.run import RunFacts, Schedule, log_odds, new_run
from neuromorph.tasks.train import train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.data,
    pytest.mark.skipif(not os.environ.get("NEUROMORPH_DATA"), reason="NEUROMORPH_DATA is not set"),
]


def test_one_pass_of_nominal_hardware_beats_counting_and_shuffled_time(tmp_path):
    data = load_dataset("jsb")
    pieces, valid = [r.frames for r in data.train], [r.frames for r in data.valid][:25]
    library = Library.shipped()
    blocks, digest = blocks_for("nominal", Frame(), library)
    facts = RunFacts(NetworkConfig(), 0, Schedule(epochs=1), "nominal", log_odds(pieces).tolist(), digest)
    run = new_run(tmp_path, facts, blocks)
    marginal = evaluate(run.network, _flat(run.state), valid).nll
    run = train(run, pieces)
    learned = evaluate(run.network, run.state, valid).nll
    draw = np.random.default_rng(0)
    shuffled = [piece[draw.permutation(len(piece))] for piece in valid]
    assert learned < marginal - 1.0
    assert evaluate(run.network, run.state, shuffled).nll > learned + 0.5


def _flat(state):
    """The state with a silent read-out: predicts each pitch by its frequency."""
    slow = replace(state.slow, readout=0 * state.slow.readout)
    return replace(state, slow=slow)
