"""Learning in use: a network that adapts while it listens and does not pay for it.

Fast weights follow what is heard; slow weights keep what was learned before and consolidate at a small share of
their usual pace.  Every frame is heard twice, once with each set of weights read, and the two running losses decide:

* the learning rate goes from ``quiet_rate`` to ``rate`` with novelty, ``g = clip(max(slow - usual, slow - fast), 0, 1)``
  in nats, as ``quiet_rate^(1-g) rate^g``: where the slow weights fail, or where learning already pays, it is fast
  (a gain that the neuromodulator sets);
* where the adapted weights come to be worse than the slow ones by more than ``margin`` nats, they are set back to
  the slow ones, a refresh from the store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np

from neuromorph.errors import InputError, LearningDiverged
from neuromorph.network.simulate import simulate, with_slow_weights
from neuromorph.network.state import State
from neuromorph.network.step import Network
from neuromorph.network.stream import Stream, stream_of
from neuromorph.tasks.run import Run, save_run


@dataclass(frozen=True)
class Listening:
    """How a network adapts.

    Parameters
    ----------
    rate, quiet_rate : learning rate where the music is new and where it is known
    margin : nats a frame by which the adapted weights may fall behind the slow ones before they are set back
    memory_frames : frames over which both losses are averaged
    consolidation : share of the usual pace at which the slow weights follow
    chunk_frames : frames between two decisions, a multiple of the network's transfer block
    save_frames : frames between two checkpoints
    guarded : False learns at ``rate`` throughout and at the usual pace, without comparison
    """

    rate: float = 0.1
    quiet_rate: float = 0.003
    margin: float = 0.1
    memory_frames: float = 256.0
    consolidation: float = 0.01
    chunk_frames: int = 64
    save_frames: int = 2048
    guarded: bool = True

    def __post_init__(self) -> None:
        for name in ("rate", "quiet_rate", "margin", "memory_frames", "chunk_frames", "save_frames"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise InputError(
                    f"cannot listen with {name} = {value}", remedy="it must be a positive number"
                )
        if self.quiet_rate > self.rate or not 0 <= self.consolidation <= 1:
            raise InputError(
                f"cannot listen with quiet_rate {self.quiet_rate:g}, rate {self.rate:g}, "
                f"consolidation {self.consolidation:g}",
                remedy="quiet_rate is at most rate, consolidation is 0 to 1",
            )


@dataclass(frozen=True)
class Heard:
    """What happened while listening.

    Parameters
    ----------
    nll : [frames] nats, of the adapting network before it learns from the frame
    slow_nll : [frames] nats, of its slow weights (NaN where unguarded)
    rates : [frames] learning rate in force
    recalls : number of times the fast weights were set back
    """

    nll: np.ndarray
    slow_nll: np.ndarray
    rates: np.ndarray
    recalls: int


@dataclass
class Guard:
    """Running losses, in nats a frame, and what follows from them."""

    how: Listening
    usual: float
    fast: float
    slow: float
    recalls: int = 0

    def note(self, fast: np.ndarray, slow: np.ndarray) -> None:
        """Average the losses [frames] of a chunk in."""
        keep = float(np.exp(-len(fast) / self.how.memory_frames))
        self.fast += (1 - keep) * (float(fast.mean()) - self.fast)
        self.slow += (1 - keep) * (float(slow.mean()) - self.slow)

    @property
    def rate(self) -> float:
        """Learning rate of the next chunk."""
        novelty = float(np.clip(max(self.slow - self.usual, self.slow - self.fast), 0.0, 1.0))
        return self.how.quiet_rate ** (1 - novelty) * self.how.rate**novelty

    @property
    def hurts(self) -> bool:
        """Whether adapting has come to be worse than not adapting."""
        return self.fast > self.slow + self.how.margin

    def set_back(self) -> None:
        """From now on the fast weights are the slow ones."""
        self.fast = self.slow
        self.recalls += 1


def listen(
    run: Run,
    pieces: Sequence[np.ndarray],
    how: Listening = Listening(),
    *,
    usual_nll: float | None = None,
    seed: int = 0,
    save: bool = True,
    progress: Callable[[int, int, float], None] = lambda *_: None,
) -> tuple[Run, Heard]:
    """Adapt to ``pieces`` [frames, notes], one after the other, each frame once; resumes where ``run`` stopped.

    Parameters
    ----------
    usual_nll : nats a frame on music the network knows; by default the held-out loss of its last training pass,
        or, without one, that of the slow weights on the first chunk
    save : write the run every ``save_frames`` and at the end
    progress : called with frames heard, all frames, and the last chunk's mean loss

    Returns
    -------
    run, heard
        ``heard`` holds the frames of this call (a resumed one leaves out those before).

    Raises
    ------
    LearningDiverged
        When the loss is not finite even from the slow weights at a tenth of the rate.
    """
    block = run.facts.config.learning.block
    if how.chunk_frames % block:
        raise InputError(f"chunk_frames {how.chunk_frames} is not a multiple of the transfer block, {block}")
    stream, position = stream_of(pieces), run.facts.listening
    network = _consolidating(run.network, how)
    guard, shadow = _guard(run, how, usual_nll), with_slow_weights(run.state)
    records = []
    for start in range(int(position.get("frames", 0)), len(stream), how.chunk_frames):
        part = stream.part(start, start + how.chunk_frames).padded(how.chunk_frames)
        key = jax.random.fold_in(jax.random.key(seed), start)
        state, shadow, record = _chunk(network, run.state, shadow, part, how, guard, key)
        records.append(np.stack(record)[:, part.valid])
        done = min(start + how.chunk_frames, len(stream))
        run = replace(run, state=state, facts=replace(run.facts, listening=_position(guard, done)))
        if done == len(stream) or done % how.save_frames < how.chunk_frames:
            shadow = with_slow_weights(run.state)  # what a resumed run starts from, so that it ends the same
            if save:
                save_run(run)
        progress(done, len(stream), float(records[-1][0].mean()))
    nll, slow_nll, rates = np.concatenate(records, axis=1) if records else np.zeros((3, 0))
    return run, Heard(nll, slow_nll, rates, guard.recalls)


def _chunk(
    network: Network, state: State, shadow: State, part: Stream, how: Listening, guard: Guard, key: jax.Array
) -> tuple[State, State, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """One chunk heard by the adapting network and by its slow weights; losses of both and the rate."""
    frames = len(part)
    if not how.guarded:
        state, nll = _adapt(network, state, part, how.rate, guard, key)
        return state, shadow, (nll, np.full(frames, np.nan), np.full(frames, how.rate))
    shadow, seen = simulate(network, shadow, part, plasticity=0.0, rate=0.0, key=key)
    counted, slow = part.valid, seen["nll"]
    if np.isnan(guard.slow):
        guard.fast = guard.slow = float(slow[counted].mean())
        guard.usual = min(guard.usual, guard.slow)
    rate = guard.rate
    state, nll = _adapt(network, state, part, rate, guard, key)
    guard.note(nll[counted], slow[counted])
    if guard.hurts:
        state = with_slow_weights(state)
        guard.set_back()
    shadow = replace(shadow, fast=state.slow, slow=state.slow)
    return state, shadow, (nll, slow, np.full(frames, rate))


def _adapt(
    network: Network, state: State, part: Stream, rate: float, guard: Guard, key: jax.Array
) -> tuple[State, np.ndarray]:
    """One chunk of learning; where it diverges, the same chunk from the slow weights at a tenth of the rate."""
    try:
        after, seen = simulate(network, state, part, plasticity=1.0, rate=rate, key=key)
    except LearningDiverged:
        guard.set_back()
        after, seen = simulate(
            network, with_slow_weights(state), part, plasticity=1.0, rate=0.1 * rate, key=key
        )
    return after, seen["nll"]


def _consolidating(network: Network, how: Listening) -> Network:
    """The network with its slow weights following at the listener's pace."""
    if not how.guarded:
        return network
    store = network.blocks.store
    calm = replace(store, follow=jnp.float32(store.follow * how.consolidation))
    return replace(network, blocks=replace(network.blocks, store=calm))


def _guard(run: Run, how: Listening, usual_nll: float | None) -> Guard:
    history, position = run.facts.history, run.facts.listening
    known = history[-1].get("valid_nll", np.inf) if history else np.inf
    usual = known if usual_nll is None else usual_nll
    if position:
        return Guard(how, usual, position["fast"], position["slow"], int(position["recalls"]))
    return Guard(how, usual, np.nan, np.nan)


def _position(guard: Guard, frames: int) -> dict[str, float]:
    return {"frames": frames, "fast": guard.fast, "slow": guard.slow, "recalls": guard.recalls}
