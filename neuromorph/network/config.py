"""What a network is: sizes, frame, learning constants; no arrays."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from neuromorph.errors import InputError
from neuromorph.models.frame import Frame


@dataclass(frozen=True)
class FeatureConfig:
    """Diehl layer.

    Parameters
    ----------
    neurons : spiking neurons of the layer
    winners : neurons that may fire in one frame (k of the winner-take-all)
    x_target : trace below which a line is depressed, trace units
    gain : drive per unit of dendritic current above threshold, 1
    threshold_step : rise of a neuron's threshold at each of its spikes
    threshold_leak : share of the threshold lost per frame
    line_spikes : spikes in a frame that count as a fully active feature line
    parts : into how many parts of a frame the weights follow the spikes, as the circuit's do at once; it divides the
        frame's ticks
    """

    neurons: int = 64
    winners: int = 4
    x_target: float = 0.4
    gain: float = 0.5
    threshold_step: float = 0.002
    threshold_leak: float = 1e-3
    line_spikes: float = 16.0
    parts: int = 5


@dataclass(frozen=True)
class LearningConfig:
    """Constants of the three-factor rule (rates are arguments of the step).

    Parameters
    ----------
    dropout : share of cells hidden from the head while training
    off_slope : pseudo-derivative where the read-out rectifier is off
    head_gain : logits per unit of read-out and lateral weight
    feedback_sd : spread of the initial feedback weights
    mirrored : feedback receives the read-out's own update (False: fixed random)
    block : frames between two transfers to the slow weights
    """

    dropout: float = 0.3
    off_slope: float = 0.3
    head_gain: float = 3.0
    feedback_sd: float = 0.02
    mirrored: bool = True
    block: int = 64


@dataclass(frozen=True)
class NetworkConfig:
    """Everything that fixes the compiled step.

    ``memory`` False is the no-memory control: no recurrent lines, cells reset at
    every frame.  ``joint`` adds the lateral synapses of the head.
    """

    notes: int = 88
    cells: int = 128
    joint: bool = False
    memory: bool = True
    frame: Frame = field(default_factory=Frame)
    features: FeatureConfig = field(default_factory=FeatureConfig)
    learning: LearningConfig = field(default_factory=LearningConfig)

    def __post_init__(self) -> None:
        sizes = {"notes": self.notes, "cells": self.cells, "features.neurons": self.features.neurons}
        wrong = [f"{name} = {size}" for name, size in sizes.items() if size < 1]
        if wrong or not 0 <= self.learning.dropout < 1 or self.learning.block < 1:
            raise InputError(
                f"the network cannot have {', '.join(wrong) or self.learning}",
                remedy="sizes and block are at least 1, dropout is 0 or more and less than 1",
            )
        if self.features.parts < 1 or self.frame.ticks % self.features.parts:
            raise InputError(
                f"features.parts = {self.features.parts} of a frame of {self.frame.ticks} ticks",
                remedy="give a number of parts that divides the ticks",
            )

    @property
    def lines(self) -> int:
        """Lines into the memory: notes, features, cells and the bias line."""
        return self.notes + self.features.neurons + self.cells + 1

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> NetworkConfig:
        """Inverse of :meth:`to_dict`."""
        parts = {"frame": Frame, "features": FeatureConfig, "learning": LearningConfig}
        return cls(**{k: parts[k](**v) if k in parts else v for k, v in values.items()})
