"""Train a network on pieces, online, frame by frame; interrupted, it resumes to the same result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import jax
import numpy as np

from neuromorph.errors import LearningDiverged
from neuromorph.network.simulate import simulate
from neuromorph.network.stream import Stream, shuffled_frames, stream_of
from neuromorph.tasks.evaluate import evaluate
from neuromorph.tasks.run import Run, Schedule, save_run


@dataclass(frozen=True)
class Progress:
    """Where a training stands: frames heard of all frames, mean NLL of the last chunk (nats)."""

    epoch: int
    frames: int
    total_frames: int
    nll: float


def train(
    run: Run,
    pieces: Sequence[np.ndarray],
    *,
    valid: Sequence[np.ndarray] = (),
    progress: Callable[[Progress], None] = lambda _: None,
) -> Run:
    """Train ``run`` from where it stands to the end of its schedule.

    Parameters
    ----------
    pieces : piano rolls [frames, notes]
    valid : held-out pieces whose frozen NLL is noted after each epoch

    Raises
    ------
    LearningDiverged
        When a loss is not finite; the last good checkpoint is kept.
    """
    schedule = run.facts.schedule
    for epoch in range(run.facts.position["epoch"], schedule.epochs):
        run = _train_epoch(run, pieces, epoch, progress)
        run = noted(run, valid, epoch)
        save_run(run)
    return run


def epoch_stream(pieces: Sequence[np.ndarray], schedule: Schedule, seed: int, epoch: int) -> Stream:
    """The pieces in the order of this epoch, padded to whole chunks."""
    order = np.random.default_rng([seed, 7, epoch]).permutation(len(pieces))
    ordered = [pieces[n] for n in order]
    if schedule.shuffled:
        ordered = shuffled_frames(ordered, seed + 1000 * epoch)
    return stream_of(ordered).padded(schedule.chunk_frames)


def _train_epoch(
    run: Run, pieces: Sequence[np.ndarray], epoch: int, progress: Callable[[Progress], None]
) -> Run:
    schedule = run.facts.schedule
    stream = epoch_stream(pieces, schedule, run.facts.seed, epoch)
    chunks = len(stream) // schedule.chunk_frames
    for chunk in range(run.facts.position["chunk"], chunks):
        part = stream.part(chunk * schedule.chunk_frames, (chunk + 1) * schedule.chunk_frames)
        run, nll = _train_chunk(run, part, epoch, chunk)
        heard = epoch * len(stream) + (chunk + 1) * schedule.chunk_frames
        progress(Progress(epoch, heard, schedule.epochs * len(stream), nll))
        if chunk + 1 < chunks:
            save_run(run)
    return run


def _train_chunk(run: Run, part: Stream, epoch: int, chunk: int) -> tuple[Run, float]:
    facts = run.facts
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(facts.seed), epoch), chunk)
    rate = facts.schedule.rate * facts.schedule.rate_decay**epoch
    try:
        state, seen = simulate(
            run.network,
            run.state,
            part,
            plasticity=1.0,
            rate=rate,
            key=key,
            dropout=facts.config.learning.dropout,
        )
    except LearningDiverged as error:
        where = f"epoch {epoch + 1}, chunk {chunk + 1}"
        raise LearningDiverged(f"{where}: {error}. The last good checkpoint is kept in {run.path}") from error
    position = {"epoch": epoch, "chunk": chunk + 1}
    return replace(run, state=state, facts=replace(facts, position=position)), float(
        seen["nll"].sum() / part.valid.sum()
    )


def noted(run: Run, valid: Sequence[np.ndarray], epoch: int) -> Run:
    """``run`` with its held-out loss after ``epoch`` (-1: before the first) in its history; nothing is written."""
    note: dict[str, float] = {"epoch": epoch + 1}
    if valid:
        schedule = run.facts.schedule
        pieces = shuffled_frames(valid, run.facts.seed) if schedule.shuffled else valid
        note["valid_nll"] = evaluate(run.network, run.state, pieces, chunk_frames=schedule.chunk_frames).nll
    facts = replace(run.facts, history=[*run.facts.history, note], position={"epoch": epoch + 1, "chunk": 0})
    return replace(run, facts=facts)
