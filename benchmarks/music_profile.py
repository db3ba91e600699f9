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

RUNS = 7


def parts(variant: Variant, frames: int) -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Functions of a state and one frame's inputs, and what they scan over."""
    network, state = variant.network, variant.state
    config, blocks, h = network.config, network.blocks, network.config.frame.tick_seconds
    keys = jax.random.split(jax.random.key(1), frames)
    inputs = frame_inputs(config, variant.stream.part(0, frames), 1.0, 0.05, 0.3, keys[0], keys)
    _, heard = jax.jit(step.listen)(network, state, jax.tree.map(lambda leaf: leaf[3], inputs))
    arriving = jnp.full((config.frame.ticks, 4 * config.cells), 0.01, jnp.float32)
    spikes = jnp.concatenate(
        [heard.note_spikes, heard.feature_spikes, heard.cells.arrived.astype(jnp.float32)], axis=1
    )

    def layer(state: Any, now: Any) -> tuple[Any, Any]:
        notes = (now.levels[None, :] > network.thresholds).astype(jnp.float32)
        trace = blocks.diehl.traces(notes, state.lines.trace, h)
        released, recent = step._released(network, notes, state.lines.recent)
        found, fired = features.feature_frame(config, blocks, state.features, released, trace, now.plastic)
        lines = replace(state.lines, recent=recent, trace=trace[-1])
        return replace(state, features=found, lines=lines), jnp.sum(fired)

    def cells(state: Any, now: Any) -> tuple[Any, Any]:
        found, seen = memory.memory_frame(
            config, blocks, state.fast.gates, state.cells, arriving + 0.0 * now.levels[0]
        )
        return replace(state, cells=found), jax.tree.map(jnp.sum, seen)

    def traces(state: Any, now: Any) -> tuple[Any, Any]:
        found, pre, output = step._traced(
            network, state, spikes + 0.0 * now.levels[0], heard.cells, now.reset
        )
        return replace(state, eligibility=found, lines=replace(state.lines, pre=pre, output=output)), None

    def learning(state: Any, now: Any) -> tuple[Any, Any]:
        return step.learn(network, state, heard, now)

    def whole(state: Any, now: Any) -> tuple[Any, Any]:
        state, _, y = step.frame_step(network, state, now)
        return state, y

    found = {"features": layer, "cells": cells, "traces": traces, "learning": learning, "whole frame": whole}
    return {
        name: (jax.jit(lambda s, i, f=f: jax.lax.scan(f, s, i)), (state, inputs)) for name, f in found.items()
    }


def microseconds(variant: Variant, frames: int) -> dict[str, float]:
    """CPU time of each part, us a frame."""
    found = {}
    with plain_form() if variant.plain else nullcontext():
        for name, (run, arguments) in parts(variant, frames).items():
            jax.block_until_ready(run(*arguments))
            times = []
            for _ in range(RUNS):
                began = time.process_time()
                jax.block_until_ready(run(*arguments))
                times.append(time.process_time() - began)
            found[name] = 1e6 * min(times) / frames
    whole = found.pop("whole frame")
    return found | {"rest": whole - sum(found.values()), "whole frame": whole}


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
    figures = []
    for variant in variants(args.frames, args.learned, args.cells):
        if variant.name == "everything":
            continue
        for part, cost in microseconds(variant, args.frames).items():
            claim = f"profile of W4, {args.cells} cells, {variant.name}: {part}"
            figures.append(Figure(claim, round(cost, 1), "us a frame", seeds=(0,)))
    print(table(figures))
    record(RESULTS, figures, " ".join(["python benchmarks/music_profile.py", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
