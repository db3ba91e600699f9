"""What a network has learned, carried to other hardware: weights go over, states begin at rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from neuromorph.models.fidelity import BlockSet
from neuromorph.models.mismatch import Chip
from neuromorph.network.config import NetworkConfig
from neuromorph.network.state import State, calibrated
from neuromorph.tasks.run import Run, Schedule, chip_facts, new_run


def transferred(
    source: Run,
    path: Path,
    blocks: BlockSet,
    *,
    fidelity: str,
    schedule: Schedule,
    seed: int,
    library_hash: str = "",
    noise: bool = False,
    chip: Chip | None = None,
    data: str = "",
) -> Run:
    """A run at ``path`` that goes on from the weights of ``source`` on ``blocks``; nothing is written yet.

    Sizes, learning constants and the way it hears are the source's.  What goes over are its slow weights, those it is
    evaluated with: gates, read-outs, lateral and feedback weights at the levels of the new hardware's store, those outside
    its range at the range's end, fast and slow copies alike; biases and the features' weights as they are.

    Parameters
    ----------
    blocks : of the source's frame
    fidelity, noise, chip, library_hash : what the blocks are
    schedule, seed : of the adaptation, which starts at its first pass
    data : what it will adapt to, for the record
    """
    phases = [*source.facts.phases, {"phase": "transfer", "fidelity": fidelity, "data": data}]
    facts = replace(
        source.facts, seed=seed, schedule=schedule, fidelity=fidelity, library_hash=library_hash, noise=noise,
        **chip_facts(chip), phases=phases, history=[],
        position={"epoch": 0, "chunk": 0}, listening={},
    )  # fmt: skip
    run = new_run(path, facts, blocks)
    return replace(run, state=_written(facts.config, source.state, run.state, blocks))


def _written(config: NetworkConfig, learned: State, fresh: State, blocks: BlockSet) -> State:
    written = blocks.store.written
    wanted, feedback = calibrated(config, blocks, learned.slow, learned.feedback)
    weights = replace(
        wanted,
        gates=written(wanted.gates),
        readout=written(wanted.readout),
        lateral=written(wanted.lateral),
    )
    features = replace(fresh.features, weights=learned.features.weights, threshold=learned.features.threshold)
    return replace(fresh, fast=weights, slow=weights, feedback=written(feedback), features=features)
