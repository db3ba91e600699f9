"""Where a frame of the learning music network (W4) spends its time, event-driven and in the plain form.

    python benchmarks/music_profile.py

Each part runs alone, frame after frame, on the inputs of a network that has learned for a while; the rest is what a
whole frame takes beyond the sum of its parts: the head, line filters, records, and memory that others have pushed out of
the cache.  CPU time on one core; the smallest of several runs, for every part is a pure function of its inputs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from plain_form import plain_form
from simulator_speed import RESULTS, Variant, variants  # pins the core before jax counts them

from neuromorph.figures import Figure, record, table
from neuromorph.network import features, memory, step
from neuromorph.network.simulate import frame_inputs

RUNS = 15
WHOLE = "whole frame"


def parts(variant: Variant, frames: int) -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Functions of a state and one frame's inputs, and what they scan over."""
    network, state = variant.network, variant.state
    config, blocks, h = network.config, network.blocks, network.config.frame.tick_seconds
    keys = jax.random.split(jax.random.key(1), frames)
    inputs = frame_inputs(config, variant.stream.part(0, frames), 1.0, 0.05, 0.3, keys[0], keys)
    _, heard = jax.jit(step.listen)(network, state, jax.tree.map(lambda leaf: leaf[3], inputs))
    spikes = jnp.concatenate(
        [heard.note_spikes, heard.feature_spikes, heard.cells.arrived.astype(jnp.float32)], axis=1
    )

    live = state.lines.heard | jnp.any(spikes > 0, axis=0)

    def layer(state: Any, now: Any) -> tuple[Any, Any]:
        notes = (now.levels[None, :] > network.thresholds).astype(jnp.float32)
        trace, end = blocks.diehl.traces(notes, state.lines.trace, h)
        released, recent = step._released(network, notes, state.lines.recent)
        found, fired = features.feature_frame(config, blocks, state.features, released, trace, now.plastic)
        lines = replace(state.lines, recent=recent, trace=end)
        return replace(state, features=found, lines=lines), jnp.sum(fired)

    def cells(state: Any, now: Any) -> tuple[Any, Any]:
        notes = (now.levels[None, :] > network.thresholds).astype(jnp.float32)
        outside = jnp.concatenate([notes, heard.feature_spikes], axis=1)
        drive = step._external_drive(network, state.fast.gates, outside)
        found, seen = memory.memory_frame(
            config, blocks, state.fast.gates, state.cells, drive, jnp.sum(outside, axis=1)
        )
        return replace(state, cells=found), jax.tree.map(jnp.sum, seen)

    def traces(state: Any, now: Any) -> tuple[Any, Any]:
        found, pre, output = step._traced(
            network, state, spikes + 0.0 * now.levels[0], heard.cells, now.reset, live
        )
        return replace(state, eligibility=found, lines=replace(state.lines, pre=pre, output=output)), None

    def learning(state: Any, now: Any) -> tuple[Any, Any]:
        return step.learn(network, state, heard, now)

    def whole(state: Any, now: Any) -> tuple[Any, Any]:
        state, _, y = step.frame_step(network, state, now)
        return state, y

    found = {"features": layer, "cells": cells, "traces": traces, "learning": learning, WHOLE: whole}
    return {
        name: (jax.jit(lambda s, i, f=f: jax.lax.scan(f, s, i)), (state, inputs)) for name, f in found.items()
    }


def microseconds(timed: list[Variant], frames: int) -> dict[str, dict[str, float]]:
    """CPU time of each part of each variant, us a frame; runs are interleaved."""
    jobs, best = [], {variant.name: {} for variant in timed}
    for variant in timed:
        with plain_form() if variant.plain else nullcontext():
            for part, (run, arguments) in parts(variant, frames).items():
                jax.block_until_ready(run(*arguments))
                jobs.append((best[variant.name], part, run, arguments))
    for _ in range(RUNS):
        for found, part, run, arguments in jobs:
            began = time.process_time()
            jax.block_until_ready(run(*arguments))
            found[part] = min(found.get(part, float("inf")), 1e6 * (time.process_time() - began) / frames)
    for found in best.values():
        found["rest"] = 2 * found[WHOLE] - sum(found.values())
    return best


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=512)
    parser.add_argument("--learned", type=int, default=6000, help="frames learned before timing")
    parser.add_argument("--cells", type=int, default=128)
    parser.add_argument(
        "--core", type=int, default=None, help="core to pin to (default: the last allowed one)"
    )
    args = parser.parse_args()
    timed = [v for v in variants(args.frames, args.learned, args.cells) if v.name != "everything"]
    figures = [
        Figure(f"profile of W4, {args.cells} cells, {name}: {part}", round(cost, 1), "us a frame", seeds=(0,))
        for name, found in microseconds(timed, args.frames).items()
        for part, cost in found.items()
    ]
    print(table(figures))
    record(RESULTS, figures, " ".join(["python benchmarks/music_profile.py", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
