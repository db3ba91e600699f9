"""What comes next: probabilities of the notes of the following frame."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.network import head
from neuromorph.network.simulate import simulate, with_slow_weights
from neuromorph.network.state import State
from neuromorph.network.step import Network
from neuromorph.network.stream import Stream


def predict_frames(
    network: Network,
    state: State,
    piece: np.ndarray,
    *,
    samples: int = 64,
    seed: int = 0,
    chunk_frames: int = 2048,
) -> np.ndarray:
    """Probabilities [frames, notes] of the frame after each frame of ``piece`` [frames, notes].

    Nothing of the frame to come is seen.  The joint head's probabilities are
    marginals, averaged over ``samples`` draws; the independent head's are exact.
    The piece is padded to whole chunks, so that training's compiled step serves.
    """
    stream = _unknown_future(np.asarray(piece, np.float32)).padded(chunk_frames)
    _, seen = simulate(
        network,
        with_slow_weights(state),
        stream,
        plasticity=0.0,
        rate=0.0,
        key=jax.random.key(seed),
    )
    read = jnp.asarray(seen["read"][: len(piece)])
    if not network.config.joint:
        return np.asarray(_exact(network, state, read))
    keys = jax.random.split(jax.random.key(seed), (samples, len(read)))
    return np.asarray(_marginals(network, state, read, keys))


@jax.jit
def _exact(network: Network, state: State, read: jax.Array) -> jax.Array:
    """Probabilities [frames, notes] of independent outputs."""
    zero = jnp.zeros(network.config.notes, jnp.float32)

    def frame(read: jax.Array) -> jax.Array:
        return jax.nn.sigmoid(head.logits(network.config, network.blocks, state.slow, read, zero))

    return jax.vmap(frame)(read)


@jax.jit
def _marginals(network: Network, state: State, read: jax.Array, keys: jax.Array) -> jax.Array:
    def draw(read: jax.Array, key: jax.Array) -> jax.Array:
        return head.sample(network.config, network.blocks, state.slow, read, jnp.float32(1.0), key)[1]

    return jnp.mean(jax.vmap(jax.vmap(draw), in_axes=(None, 0))(read, keys), axis=0)


def predict_next(
    network: Network,
    state: State,
    piece: np.ndarray,
    *,
    samples: int = 64,
    seed: int = 0,
    chunk_frames: int = 2048,
) -> np.ndarray:
    """Probabilities [notes] of the frame after the last one of ``piece``."""
    return predict_frames(network, state, piece, samples=samples, seed=seed, chunk_frames=chunk_frames)[-1]


def _unknown_future(piece: np.ndarray) -> Stream:
    reset = np.arange(len(piece)) == 0
    return Stream(piece, np.zeros_like(piece), reset, np.ones(len(piece), bool))
