"""Command of the designer: wanted behaviour in, knob settings out, confirmed by ngspice."""

from __future__ import annotations

import argparse
from pathlib import Path

from neuromorph.characterization import load_recipe
from neuromorph.errors import InputError
from neuromorph.fitting.design import BLOCKS, Confirmed, Design, confirmed, design
from neuromorph.library import Library
from neuromorph.units import parse_quantity


def run_design(args: argparse.Namespace) -> int:
    """Print the setting, what the model says and what ngspice measures."""
    if args.block is not None and args.block not in BLOCKS:
        raise InputError(f"block {args.block!r} cannot be designed", remedy=f"one of {', '.join(BLOCKS)}")
    if not args.targets:
        return _print_quantities(args.block)
    targets = dict(_target(args.block, text) for text in args.targets)
    parameters = Library(Path(args.library)).models(args.block)[args.block]
    if args.no_spice:
        _print(design(args.block, parameters, targets))
        return 0
    found = confirmed(
        args.block, parameters, targets, load_recipe(args.block), corrections=args.corrections, jobs=args.jobs
    )
    _print(found.design, found)
    return 0


def _target(block: str, text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    quantities = BLOCKS[block].quantities
    if not equals or name not in quantities:
        raise InputError(
            f"{text!r} is not a target of {block}", remedy=f"write NAME=VALUE with {', '.join(quantities)}"
        )
    return name, parse_quantity(value, quantities[name].unit)


def _print_quantities(block: str | None) -> int:
    for name, known in BLOCKS.items():
        if block in (None, name):
            print(f"{name} (knobs {', '.join(known.ranges)})")
            for quantity, what in known.quantities.items():
                print(f"  {quantity:18} {what.unit:5} {what.meaning}")
    return 0


def _print(found: Design, confirmation: Confirmed | None = None) -> None:
    known = BLOCKS[found.block]
    for name, value in found.knobs.items():
        low, high, usual = known.ranges[name]
        print(f"  {name:18} {value:.4f} V   ({low:g} to {high:g}, usually {usual:g})")
    for name, target in found.targets.items():
        shown = known.quantities[name].shown
        line = f"  {name:18} wanted {shown(target)}, model {shown(found.values[name])}"
        if confirmation:
            rounds = [confirmation.residuals(k)[name] for k in range(len(confirmation.measured))]
            said = ", after correction ".join(f"{100 * r:+.2f} %" for r in rounds)
            line += f", ngspice {shown(confirmation.measured[-1][name])} ({said})"
        print(line)
