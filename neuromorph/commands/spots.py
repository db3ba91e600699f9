"""Command of the spot check: cells, synapses and dendrites of a trained network in ngspice."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from neuromorph.circuit import Circuit
from neuromorph.commands.learning import data_of, grid_of, open_run
from neuromorph.errors import InputError
from neuromorph.figures import record, table
from neuromorph.library import Library


def run_spots(args: argparse.Namespace, circuits: Mapping[str, Circuit]) -> int:
    """Replay what some cells, synapses and dendrites of a run see; figures and a picture.

    Raises
    ------
    InputError
        When there is not one run, or it has no hardware to check.
    """
    from neuromorph.fitting.cell_knobs import read_bias
    from neuromorph.models.neuron_hardware import full_scale_current
    from neuromorph.music.datasets import load_dataset
    from neuromorph.reporting.spots import plot_spots
    from neuromorph.tasks.spots import figures, spot_check

    if len(args.recipes) != 1:
        raise InputError(f"--spots with {len(args.recipes)} runs", remedy="neuromorph verify RUN --spots 8")
    library = Library(args.library)
    run = open_run(args.recipes[0], library)
    facts = run.facts
    if facts.fidelity != "nominal" or facts.front_end or facts.noise or not facts.config.memory:
        raise InputError("only a silent network of notes with memory, on hardware, can be replayed", where=run.path,
                         remedy="train one with --fidelity nominal, without --noise and --control no_memory")  # fmt: skip
    pieces = [roll.frames for roll in load_dataset(data_of(run, args.data), None, grid_of(run)).valid]
    piece = next((p for p in pieces if len(p) > args.frames), None)
    if piece is None:
        raise InputError(f"no held-out piece is longer than {args.frames} frames", remedy="lower --frames")
    models, frame = library.models(*circuits), run.network.config.frame
    current = full_scale_current(models["axon_hillock"], frame.seconds / frame.spikes_per_unit)
    if not args.quiet:
        print(f"{args.spots} spots, {args.frames} frames each, in ngspice: some minutes", file=sys.stderr)
    spots = spot_check(
        run, piece, circuits, models, vbo=read_bias(models["memory_cell"], current), count=args.spots,
        frames=args.frames, rate=args.rate, seed=args.seed, jobs=args.jobs or os.cpu_count() or 1,
    )  # fmt: skip
    made = figures(spots, Path(args.recipes[0]).name)
    print(table(made))
    print(plot_spots(spots, Path(args.out)))
    if args.json:
        record(Path(args.json), made, " ".join(["neuromorph", *sys.argv[1:]]))
    return 0 if all(figure.holds for figure in made) else 1
