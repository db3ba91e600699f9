"""Wires of a schematic: horizontal trunks in the channels between rows, or names where no wire fits.

A net is a set of terminals: pieces of a column's vertical wire, and gates, each on a lane of its own beside
the column.  A trunk that would touch another net or a symbol is not drawn; the
terminals it would have joined carry the net's name instead.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

CLEARANCE = 0.12
MAXIMUM_GAP = 8.0
"""Neighbouring terminals of a wire may not be further apart than this; then a name reads better."""


@dataclass(frozen=True)
class Terminal:
    """Where a net can be joined: a vertical line at ``x`` from ``low`` to ``high``, extendable to the bounds.

    ``role`` is ``"wire"`` or ``"gate"``; ``side`` tells a gate's direction.
    """

    net: str
    x: float
    low: float
    high: float
    reach_low: float
    reach_high: float
    role: str = "wire"
    side: int = 0


@dataclass(frozen=True)
class Segment:
    """A straight wire; horizontal where ``y0 == y1``."""

    net: str
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def is_horizontal(self) -> bool:
        """Whether it lies flat."""
        return self.y0 == self.y1


@dataclass(frozen=True)
class Obstacle:
    """A rectangle no wire may enter."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass
class Wiring:
    """Wires so far.

    Attributes
    ----------
    groups : dict of str to list of (tuple of Terminal, float or None)
        By net: terminals joined by one trunk and its height, or a lone terminal and ``None``.
    """

    obstacles: list[Obstacle]
    segments: list[Segment] = field(default_factory=list)
    dots: list[tuple[float, float]] = field(default_factory=list)
    groups: dict[str, list[tuple[tuple[Terminal, ...], float | None]]] = field(default_factory=dict)

    def is_free(self, wire: Segment) -> bool:
        """Whether a wire touches neither a symbol nor another net (crossing is allowed)."""
        if any(_inside(wire, box) for box in self.obstacles):
            return False
        return not any(_touches(wire, other) for other in self.segments if other.net != wire.net)


def _inside(wire: Segment, box: Obstacle) -> bool:
    low_x, high_x = sorted((wire.x0, wire.x1))
    low_y, high_y = sorted((wire.y0, wire.y1))
    return high_x > box.x0 and low_x < box.x1 and high_y > box.y0 and low_y < box.y1


def _touches(a: Segment, b: Segment) -> bool:
    if a.is_horizontal != b.is_horizontal:
        flat, upright = (a, b) if a.is_horizontal else (b, a)
        left, right = sorted((flat.x0, flat.x1))
        low, high = sorted((upright.y0, upright.y1))
        apart = not (left - CLEARANCE <= upright.x0 <= right + CLEARANCE)
        apart = apart or not (low - CLEARANCE <= flat.y0 <= high + CLEARANCE)
        crossing = left + CLEARANCE < upright.x0 < right - CLEARANCE
        crossing = crossing and low + CLEARANCE < flat.y0 < high - CLEARANCE
        return not apart and not crossing
    if a.is_horizontal:
        near = abs(a.y0 - b.y0) < CLEARANCE
        (a0, a1), (b0, b1) = sorted((a.x0, a.x1)), sorted((b.x0, b.x1))
    else:
        near = abs(a.x0 - b.x0) < CLEARANCE
        (a0, a1), (b0, b1) = sorted((a.y0, a.y1)), sorted((b.y0, b.y1))
    return near and a1 > b0 - CLEARANCE and b1 > a0 - CLEARANCE


def route(terminals: Sequence[Terminal], tracks: Iterable[float], wiring: Wiring) -> None:
    """Join the terminals of every net where wires fit, short nets first."""
    nets: dict[str, list[Terminal]] = {}
    for terminal in terminals:
        nets.setdefault(terminal.net, []).append(terminal)
    heights = list(tracks)
    for net in sorted(nets, key=lambda name: _span(nets[name])):
        left = sorted(nets[net], key=lambda t: t.x)
        while left:
            best = _best_trunk(left, heights, wiring)
            if best is None:
                wiring.groups.setdefault(net, []).extend(((t,), None) for t in left)
                break
            joined, height = best
            _lay(joined, height, wiring)
            wiring.groups.setdefault(net, []).append((joined, height))
            left = [t for t in left if not any(t is other for other in joined)]


def _span(terminals: list[Terminal]) -> float:
    return max(t.x for t in terminals) - min(t.x for t in terminals)


def _best_trunk(
    left: list[Terminal], heights: list[float], wiring: Wiring
) -> tuple[tuple[Terminal, ...], float] | None:
    best, best_worth = None, 0.0
    for height in (*heights, *(t.low for t in left if t.role == "gate")):
        able = [t for t in left if t.reach_low <= height <= t.reach_high and _drop_free(t, height, wiring)]
        for first in range(len(able)):
            for last in range(first + 1, len(able)):
                joined = able[first : last + 1]
                if any(b.x - a.x > MAXIMUM_GAP for a, b in itertools.pairwise(joined)):
                    break
                trunk = Segment(joined[0].net, joined[0].x, height, joined[-1].x, height)
                if not wiring.is_free(trunk):
                    break
                drops = sum(max(t.low - height, height - t.high, 0.0) for t in joined)
                worth = 3.0 * (len(joined) - 1) - 0.05 * (trunk.x1 - trunk.x0) - 0.3 * drops
                if worth > best_worth + 1e-9:
                    best, best_worth = (tuple(joined), height), worth
    return best


def _drop(terminal: Terminal, height: float) -> Segment | None:
    """The wire from a terminal to a trunk's height."""
    if terminal.low <= height <= terminal.high:
        return None
    end = terminal.low if height < terminal.low else terminal.high
    return Segment(terminal.net, terminal.x, end, terminal.x, height)


def _drop_free(terminal: Terminal, height: float, wiring: Wiring) -> bool:
    drop = _drop(terminal, height)
    return drop is None or wiring.is_free(drop)


def _lay(joined: tuple[Terminal, ...], height: float, wiring: Wiring) -> None:
    drops = [drop for t in joined if (drop := _drop(t, height))]
    trunk = Segment(joined[0].net, joined[0].x, height, joined[-1].x, height)
    wiring.segments += [*drops, trunk] if trunk.x0 != trunk.x1 else drops
    for terminal in joined:
        ends = terminal.x in (trunk.x0, trunk.x1)
        passes = terminal.low < height < terminal.high
        if passes or (not ends):
            wiring.dots.append((terminal.x, height))
