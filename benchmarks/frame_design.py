"""Frame design: nats after a few epochs against frame length, spikes per frame and dead time.

    python benchmarks/frame_design.py --list
    python benchmarks/frame_design.py --row base
    python benchmarks/frame_design.py --row frame_50ns --epochs 3

Each row is one short training of the independent ideal network on JSB, valid NLL,
paired seed; rows merge into results/frame_design.json.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from neuromorph.figures import Figure, record
from neuromorph.models.fidelity import ideal_blocks
from neuromorph.models.frame import Frame
from neuromorph.music.datasets import load_dataset
from neuromorph.network.config import NetworkConfig
from neuromorph.tasks.evaluate import evaluate
from neuromorph.tasks.run import RunFacts, Schedule, log_odds, new_run
from neuromorph.tasks.train import train

RESULTS = Path(__file__).parent / "results" / "frame_design.json"
BASE = Frame()
DESIGNS: dict[str, Frame] = {
    "base": BASE,
    "frame_50ns": replace(
        BASE, seconds=50e-9, ticks=25, tau_synapse=5e-9, tau_read=12e-9, spikes_per_unit=32
    ),
    "frame_200ns": replace(BASE, seconds=200e-9, ticks=100, tau_synapse=20e-9, tau_read=50e-9),
    "dead_2.5ns": replace(BASE, dead_seconds=2.5e-9),
    "dead_8ns": replace(BASE, dead_seconds=8e-9),
    "dead_15ns": replace(BASE, dead_seconds=15e-9),
    "gain_16": replace(BASE, spikes_per_unit=16),
    "gain_32": replace(BASE, spikes_per_unit=32),
    "gain_128": replace(BASE, spikes_per_unit=128),
    "input_4": replace(BASE, input_spikes=4),
    "input_8": replace(BASE, input_spikes=8),
    "tick_1ns": replace(BASE, ticks=100),
}


def measure(name: str, seed: int, epochs: int) -> None:
    """Train and evaluate one design, write its row."""
    frame, data = DESIGNS[name], load_dataset("jsb")
    pieces, valid = [r.frames for r in data.train], [r.frames for r in data.valid]
    config = NetworkConfig(frame=frame)
    facts = RunFacts(config, seed, Schedule(epochs=epochs), "ideal", log_odds(pieces).tolist())
    with tempfile.TemporaryDirectory() as folder:
        run = train(new_run(Path(folder) / "run", facts, ideal_blocks(frame)), pieces)
        result = evaluate(run.network, run.state, valid)
    design = {
        "frame_seconds": frame.seconds,
        "ticks": frame.ticks,
        "spikes_per_unit": frame.spikes_per_unit,
        "dead_seconds": frame.dead_seconds,
        "input_spikes": frame.input_spikes,
        "tau_synapse": frame.tau_synapse,
        "tau_read": frame.tau_read,
        "cell_spikes_per_frame": round(result.events["cell_spikes"] / config.cells, 3),
        "epochs": epochs,
    }
    claim = f"JSB valid NLL after {epochs} epochs, frame design {name}"
    command = "python benchmarks/frame_design.py " + " ".join(sys.argv[1:])
    value = round(result.nll, 4)
    figure = Figure(claim, value, "nats per frame", seeds=(seed,), details=design)
    record(RESULTS, [figure], command)
    print(f"{name}: {value} nats, {design}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--row", choices=DESIGNS, default="base")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=3)
    args = parser.parse_args()
    if args.list:
        print("\n".join(f"{name}: {frame}" for name, frame in DESIGNS.items()))
    else:
        measure(args.row, args.seed, args.epochs)


if __name__ == "__main__":
    main()
