"""Checkpoints: whole or not at all, and refused with a reason."""

import jax
import jax.numpy as jnp
import pytest

from neuromorph.errors import RunError
from neuromorph.network import checkpoint
from tests.network.toys import toy


def test_a_state_comes_back_as_it_was(tmp_path):
    _, state = toy(joint=True)
    checkpoint.save(tmp_path / "a.h5", state, {"epoch": 3})
    back, facts = checkpoint.load(tmp_path / "a.h5", toy(seed=9, joint=True)[1])
    assert all(jax.tree.leaves(jax.tree.map(jnp.array_equal, state, back)))
    assert facts["epoch"] == 3
    assert list(tmp_path.iterdir()) == [tmp_path / "a.h5"]


def test_a_missing_checkpoint_is_an_error(tmp_path):
    with pytest.raises(RunError, match="no such checkpoint"):
        checkpoint.load(tmp_path / "none.h5", toy()[1])


def test_a_damaged_checkpoint_is_an_error(tmp_path):
    path = tmp_path / "a.h5"
    checkpoint.save(path, toy()[1], {})
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(RunError, match="cannot be read"):
        checkpoint.load(path, toy()[1])


def test_another_network_is_an_error(tmp_path):
    checkpoint.save(tmp_path / "a.h5", toy()[1], {})
    with pytest.raises(RunError, match="this network"):
        checkpoint.load(tmp_path / "a.h5", toy(cells=64)[1])


def test_a_failed_write_keeps_the_old_file(tmp_path):
    path, (_, state) = tmp_path / "a.h5", toy()
    checkpoint.save(path, state, {"epoch": 1})
    with pytest.raises(TypeError):
        checkpoint.save(path, state, {"epoch": object()})
    assert checkpoint.load(path, state)[1]["epoch"] == 1
