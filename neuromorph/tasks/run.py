"""A run on disk: ``RUN/run.h5`` (the network's state) and ``RUN/run.json`` (what it is)."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from neuromorph.errors import RunError
from neuromorph.models.fidelity import BlockSet
from neuromorph.models.mismatch import Chip
from neuromorph.music.encoding import RegularSpikeEncoder
from neuromorph.network import checkpoint
from neuromorph.network.config import NetworkConfig
from neuromorph.network.simulate import build_network
from neuromorph.network.state import State
from neuromorph.network.step import Network

FORMAT = 1
PACKAGES = ("neuromorph", "jax", "numpy", "h5py")


@dataclass(frozen=True)
class Schedule:
    """How a network is trained.

    Parameters
    ----------
    epochs : passes over the pieces, each in an order of its own
    rate : learning rate of the first epoch
    rate_decay : factor per epoch
    chunk_frames : frames between two checkpoints
    shuffled : train on frames permuted in time (a control)
    """

    epochs: int = 16
    rate: float = 0.1
    rate_decay: float = 0.85
    chunk_frames: int = 2048
    shuffled: bool = False


def chip_facts(chip: Chip | None) -> dict[str, Any]:
    """A chip, or none, as the fields of :class:`RunFacts` tell it."""
    chip = chip or Chip(0.0)
    return {"mismatch": chip.mismatch, "chip": chip.number, "celsius": chip.celsius, "supply": chip.supply}


@dataclass(frozen=True)
class RunFacts:
    """Contents of ``run.json``; ``phases`` tells the fidelity of each phase of the run's life.

    ``position`` is where training stands, ``listening`` where listening does (frames and running losses);
    ``front_end`` tells how a spectrogram network hears, and is empty for one of notes, to which a quarter note of a
    MIDI file is ``frames_per_quarter`` frames.  ``noise`` tells whether the hardware's state nodes are noisy,
    ``mismatch`` and ``chip`` which draw of its transistors it is, ``celsius`` and ``supply`` (V) at what it runs, where the
    fidelity is ``"mismatch"``.
    """

    config: NetworkConfig
    seed: int
    schedule: Schedule
    fidelity: str
    log_odds: list[float]
    library_hash: str = ""
    phases: list[dict[str, Any]] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)
    position: dict[str, int] = field(default_factory=lambda: {"epoch": 0, "chunk": 0})
    listening: dict[str, float] = field(default_factory=dict)
    front_end: dict[str, Any] = field(default_factory=dict)
    frames_per_quarter: float = 1.0
    noise: bool = False
    mismatch: float = 0.0
    chip: int = 0
    celsius: float = Chip.celsius
    supply: float = Chip.supply

    @property
    def drawn(self) -> Chip | None:
        """The draw of all transistors, of a mismatched network."""
        if self.fidelity != "mismatch":
            return None
        return Chip(self.mismatch, self.chip, celsius=self.celsius, supply=self.supply)

    @property
    def hardware(self) -> str:
        """Fidelity in words."""
        drawn = self.fidelity
        if self.drawn:
            drawn = f"{100 * self.mismatch:g} % {self.fidelity}, chip {self.chip}"
            drawn += f", {self.celsius:g} C" * (self.celsius != Chip.celsius)
            drawn += f", {self.supply:g} V" * (self.supply != Chip.supply)
        return f"{drawn} with noise" if self.noise else drawn

    def to_json(self) -> dict[str, Any]:
        """Plain values, with the run's two clocks and the versions that made it."""
        frame = self.config.frame
        clocks = {"frame_seconds_hardware": frame.seconds, "frame_seconds_music": frame.music_seconds}
        return {"format": FORMAT, **asdict(self), **clocks, "versions": versions()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> RunFacts:
        """Inverse of :meth:`to_json`."""
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        known["config"] = NetworkConfig.from_dict(values["config"])
        known["schedule"] = Schedule(**values["schedule"])
        return cls(**known)


@dataclass(frozen=True)
class Run:
    """A run in memory."""

    path: Path
    facts: RunFacts
    network: Network
    state: State


def versions() -> dict[str, str]:
    """Versions of the packages that decide a result."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "source"
    return found


def log_odds(pieces: Sequence[np.ndarray]) -> np.ndarray:
    """Log-odds of each pitch over all frames, counts + 1e-3: [notes]."""
    frames = np.concatenate([np.asarray(piece, np.float64) for piece in pieces])
    counts = frames.sum(axis=0)
    return np.log((counts + 1e-3) / (len(frames) - counts + 1e-3)).astype(np.float32)


def new_run(path: Path, facts: RunFacts, blocks: BlockSet) -> Run:
    """A run before its first frame; nothing is written yet."""
    frame = facts.config.frame
    encoder = RegularSpikeEncoder(frame.input_spikes, frame.ticks, facts.config.notes)
    network, state = build_network(
        facts.config,
        blocks,
        seed=facts.seed,
        log_odds=np.asarray(facts.log_odds),
        thresholds=encoder.thresholds(),
    )
    return Run(path, facts, network, state)


def save_run(run: Run) -> None:
    """Write both files; the state and the position it belongs to change together."""
    run.path.mkdir(parents=True, exist_ok=True)
    body = json.dumps(run.facts.to_json())
    checkpoint.save(run.path / "run.h5", run.state, {"run": body})
    _write_text(run.path / "run.json", json.dumps(run.facts.to_json(), indent=1) + "\n")


def _write_text(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".part")
    partial.write_text(text)
    os.replace(partial, path)


def read_facts(path: Path) -> RunFacts:
    """What a run folder says about itself.

    Raises
    ------
    RunError
        When there is no run, or not one this version reads.
    """
    try:
        values = json.loads((path / "run.json").read_text())
    except FileNotFoundError as error:
        raise RunError(
            "there is no run.json here", where=path, remedy="train a run into this folder"
        ) from error
    except (OSError, ValueError) as error:
        raise RunError(f"run.json cannot be read ({error})", where=path) from error
    return _facts(path, values)


def _facts(path: Path, values: Any) -> RunFacts:
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise RunError(
            f"run.json is not of format {FORMAT}", where=path, remedy="train again with this version"
        )
    try:
        return RunFacts.from_json(values)
    except (KeyError, TypeError) as error:
        raise RunError(f"run.json is incomplete ({error})", where=path) from error


def _named(library_hash: str) -> str:
    """Enough of it to tell two apart: of a chip's, the sensitivities that it is drawn by, too."""
    library, _, draws = library_hash.partition("-")
    return f"{library[:12] or '(none)'}{f' with sensitivities {draws}' if draws else ''}"


def load_run(path: Path, blocks: BlockSet, *, library_hash: str | None = None) -> Run:
    """Load a run with the blocks of its fidelity.

    Parameters
    ----------
    blocks : built from the same library for the run's frame
    library_hash : if given, must be the run's own
    """
    facts = read_facts(path)
    if library_hash is not None and library_hash != facts.library_hash:
        raise RunError(
            f"trained with library {_named(facts.library_hash)}, this one is {_named(library_hash)}",
            where=path,
            remedy="use the run's library or train again",
        )
    run = new_run(path, facts, blocks)
    state, stored = checkpoint.load(path / "run.h5", run.state)
    return replace(run, state=state, facts=_facts(path, json.loads(stored["run"])))
