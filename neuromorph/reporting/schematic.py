"""A schematic drawn from a netlist: MOS symbols in stacks, boxes for nested blocks, nets as wires or names.

Nothing is drawn by hand: :mod:`schematic_layout` places, :mod:`schematic_routing` wires, this module draws.
Colours: ports blue, knobs orange, states green, inner nets grey.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection
from pathlib import Path
from typing import Any

from neuromorph.reporting.schematic_layout import HIGH, LOW, SUPPLY, Box, Item, Layout, lay_out
from neuromorph.reporting.schematic_routing import Obstacle, Segment, Terminal, Wiring, route
from neuromorph.spice.structure import Structure, Subcircuit

INCHES = 0.36
"""Size of one drawing unit."""
ROW, PIN, RAIL_GAP = 3.0, 0.75, 1.7
"""Height of a row; a device's pins lie PIN above and below its centre; rail to the first centre."""
LANE = 0.8
"""Distance of a gate's lane from its column."""
TRACKS = (-0.45, -0.15, 0.15, 0.45)
STUB = 0.3
LETTER = 0.17
"""Width of a letter of a net's name."""
BOX_WIDTH, PIN_PITCH = 2.6, 0.75
BLACK, GREY = "#1a1a1a", "#777777"
COLOURS = {"port": "#1a56b0", "knob": "#c05a00", "state": "#1d7a2e", "net": GREY}


class Schematic:
    """The picture of one subcircuit.

    Parameters
    ----------
    structure : Structure
    name : str
        The subcircuit.
    knobs, states : collections of str
        Which of its nets to colour so.
    """

    def __init__(
        self, structure: Structure, name: str, knobs: Collection[str] = (), states: Collection[str] = ()
    ) -> None:
        self.structure, self.block = structure, structure[name]
        self.knobs = {k.lower() for k in knobs}
        self.states = {s.lower() for s in states}
        self.ports = {p.lower() for p in self.block.ports}
        self.layout = lay_out(self.block, structure)
        self.abscissae = _abscissae(self.layout)
        self.floor = -(2 * RAIL_GAP + ROW * (self.layout.rows - 1)) if self.layout.columns else 0.0

    def figure(self) -> Any:
        """A matplotlib figure."""
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt

        figure, panel = plt.subplots()
        right = (self.abscissae[-1] + 2.0) if self.abscissae else 0.0
        if self.layout.columns:
            self._draw_stacks(panel)
        low = self.floor
        if self.layout.boxes:
            right, low = self._draw_boxes(panel, right)
        low = min(low, self.floor) - 0.9
        left = -2.6 if self.abscissae else -0.4
        panel.set_xlim(left, right)
        panel.set_ylim(low, 0.8)
        panel.axis("off")
        panel.set_position((0, 0, 1, 1))
        figure.set_size_inches((right - left) * INCHES, (0.8 - low) * INCHES)
        return figure

    def save(self, path: Path) -> None:
        """Write SVG (the same bytes for the same netlist) or PNG."""
        import matplotlib
        import matplotlib.pyplot as plt

        settings: Any = {"svg.fonttype": "none", "svg.hashsalt": self.block.name, "font.family": "sans-serif",
                    "font.sans-serif": ["Arial", "Helvetica", "DejaVu Sans"]}  # fmt: skip
        with matplotlib.rc_context(settings if path.suffix == ".svg" else {}):
            figure = self.figure()
            options: dict[str, Any] = {"metadata": {"Date": None}} if path.suffix == ".svg" else {"dpi": 130}
            figure.savefig(path, facecolor="white", **options)
            plt.close(figure)

    def _role(self, net: str) -> str:
        net = net.split("..")[0]
        if net in self.knobs:
            return "knob"
        if net in self.states:
            return "state"
        return "port" if net in self.ports else "net"

    def _name(self, panel: Any, x: float, y: float, net: str, **align: Any) -> None:
        role = self._role(net)
        weight, style = ("normal", "italic") if role == "net" else ("bold", "normal")
        panel.text(
            x, y, net, color=COLOURS[role], fontsize=8, fontweight=weight, fontstyle=style, zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6}, **align,
        )  # fmt: skip

    # stacks

    def _draw_stacks(self, panel: Any) -> None:
        wiring = Wiring([])
        terminals: list[Terminal] = []
        for column in self.layout.columns:
            terminals += self._column(panel, column, wiring)
        for item in self.layout.items:
            wiring.obstacles.append(self._obstacle(item))
        heights = [self._centre(row) - ROW / 2 + t for row in range(self.layout.rows - 1) for t in TRACKS]
        heights += [-0.35, -0.6, self.floor + 0.35, self.floor + 0.6]
        route(terminals, heights, wiring)
        for item in self.layout.items:
            _draw_item(panel, item, self.abscissae[item.column], self._centre(item.row), self._note(item))
        for wire in wiring.segments:
            panel.plot([wire.x0, wire.x1], [wire.y0, wire.y1], color=BLACK, lw=0.9, zorder=2)
        for dot in wiring.dots:
            panel.plot(*dot, "o", color=BLACK, ms=2.6, zorder=3)
        for net, groups in wiring.groups.items():
            for joined, height in groups:
                self._label(panel, net, joined, height, alone=len(groups) == 1)
        self._rails(panel)

    def _note(self, item: Item) -> str:
        """Device flavour and tubes where they are not the default; a passive element's value."""
        if not item.gate:
            name = item.element.model.strip("{}").lower()
            return self.block.parameters.get(name, name)
        name = (
            item.element.model.lower().removeprefix("nfet").removeprefix("pfet").strip("_").replace("_", " ")
        )
        tubes = item.element.parameters.get("tubes")
        return f"{name}, {tubes.strip('{}')} t" if tubes else name

    def _centre(self, row: int) -> float:
        return -(RAIL_GAP + ROW * row)

    def _rails(self, panel: Any) -> None:
        ends = (self.abscissae[0] - 1.2, self.abscissae[-1] + 1.0)
        items = self.layout.items
        if any(item.top in HIGH for item in items):
            panel.plot(ends, (0, 0), color=BLACK, lw=1.6)
            panel.text(ends[0], 0.12, "vdd", fontsize=8, fontweight="bold", color=COLOURS["port"])
        if any(item.bottom in LOW for item in items):
            panel.plot(ends, (self.floor, self.floor), color=BLACK, lw=1.6)
            panel.text(ends[0], self.floor - 0.42, "ground", fontsize=8, fontweight="bold", color=BLACK)

    def _obstacle(self, item: Item) -> Obstacle:
        """The symbol with its name beside it."""
        x, y = self.abscissae[item.column], self._centre(item.row)
        name = 1.25
        left, right = (0.5, name) if item.side < 0 else (name, 0.5)
        return Obstacle(x - left, y - 0.6, x + right, y + 0.6)

    def _column(self, panel: Any, column: list[Item], wiring: Wiring) -> list[Terminal]:
        """The vertical wires of a column, and its terminals."""
        x = self.abscissae[column[0].column]
        first, last = self._centre(column[0].row) + PIN, self._centre(column[-1].row) - PIN
        found = [self._end(x, column[0].top, first, up=True), self._end(x, column[-1].bottom, last, up=False)]
        pieces = [(column[0].top, found[0]), (column[-1].bottom, found[1])]
        for above, below in itertools.pairwise(column):
            high, low = self._centre(above.row) - PIN, self._centre(below.row) + PIN
            pieces.append((above.bottom, Terminal(above.bottom, x, low, high, low, high)))
        for net, piece in pieces:
            wiring.segments.append(Segment(net, x, piece.low, x, piece.high))
        terminals = [piece for net, piece in pieces if net not in SUPPLY]
        for item in column:
            if not item.gate:
                continue
            y, lane = self._centre(item.row), x + item.side * LANE
            wiring.segments.append(Segment(item.gate, x + item.side * 0.5, y, lane, y))
            if item.gate in SUPPLY:
                _supply_flag(panel, lane, y, item.gate, item.side)
            else:
                terminals.append(Terminal(item.gate, lane, y, y, self.floor + 0.3, -0.3, "gate", item.side))
        return terminals

    def _end(self, x: float, net: str, pin: float, up: bool) -> Terminal:
        """The free end of a column: to its rail, or a stub that a trunk may lengthen."""
        rail = 0.0 if up else self.floor
        if net in (HIGH if up else LOW):
            return Terminal(net, x, min(pin, rail), max(pin, rail), pin, pin)
        tip = pin + STUB if up else pin - STUB
        limit = rail - 0.3 if up else rail + 0.3
        return Terminal(net, x, min(pin, tip), max(pin, tip), min(pin, limit), max(pin, limit))

    def _label(
        self, panel: Any, net: str, joined: tuple[Terminal, ...], height: float | None, alone: bool
    ) -> None:
        """A net's name at a trunk, at a gate's end or beside a column."""
        wires = [t for t in joined if t.role == "wire"]
        if height is None and joined[0].role == "gate":
            t = joined[0]
            side = "right" if t.side < 0 else "left"
            self._name(panel, t.x + 0.06 * t.side, t.low, net, ha=side, va="center")
        elif height is None:
            t = wires[0]
            self._name(panel, t.x + 0.1, (t.low + t.high) / 2, net, ha="left", va="center")
        elif wires:
            free_left = min(wires, key=lambda t: t.x)
            self._name(panel, free_left.x + 0.1, height + 0.09, net, ha="left", va="bottom")
        else:
            left, right = joined[0].x, joined[-1].x
            self._name(panel, (left + right) / 2, height + 0.08, net, ha="center", va="bottom")

    # boxes

    def _draw_boxes(self, panel: Any, start: float) -> tuple[float, float]:
        """Boxes by layer, wired between neighbouring layers; returns the right and lower edge."""
        boxes = self.layout.boxes
        layers = [[b for b in boxes if b.layer == k] for k in sorted({b.layer for b in boxes})]
        wired = _wired(layers)
        x = start + 0.3
        places: dict[int, tuple[float, float]] = {}
        low = 0.0
        for number, layer in enumerate(layers):
            x += self._margin(layer, "left", wired) + (0.35 * len(wired.get(number - 1, {})))
            y = -0.6
            for box in layer:
                places[id(box)] = (x, y)
                y -= _height(box) + 0.9
            low = min(low, y + 0.5)
            x += BOX_WIDTH + self._margin(layer, "right", wired)
        for number, layer in enumerate(layers):
            for box in layer:
                self._draw_box(panel, box, *places[id(box)], wired, number)
        for number, nets in wired.items():
            self._wire_layers(panel, layers, number, nets, places)
        return x + 0.2, low

    def _margin(self, layer: list[Box], side: str, wired: dict[int, list[str]]) -> float:
        names = [net for box in layer for _, net in getattr(box, side)]
        return 0.6 + LETTER * max((len(name) for name in names), default=0)

    def _draw_box(
        self, panel: Any, box: Box, x: float, y: float, wired: dict[int, list[str]], layer: int
    ) -> None:
        import matplotlib.pyplot as plt

        height = _height(box)
        for back in (2, 1) if box.copies > 1 else ():
            shift = 0.1 * back
            panel.add_patch(
                plt.Rectangle((x + shift, y - height - shift), BOX_WIDTH, height, fc="white", ec=GREY, lw=0.8)
            )
        panel.add_patch(
            plt.Rectangle((x, y - height), BOX_WIDTH, height, fc="#f3f6fb", ec=BLACK, lw=1.1, zorder=3)
        )
        panel.text(x + BOX_WIDTH / 2, y - 0.14, box.element.model, fontsize=8, fontweight="bold", ha="center",
                   va="top", zorder=4)  # fmt: skip
        panel.text(x + BOX_WIDTH / 2, y + 0.08, box.name, fontsize=6.5, color=GREY, ha="center", va="bottom")
        for side, pins in ((-1, box.left), (1, box.right)):
            edge = x if side < 0 else x + BOX_WIDTH
            near = wired.get(layer - 1 if side < 0 else layer, [])
            for (pin, net), at in zip(pins, _pin_heights(y, pins), strict=True):
                panel.plot([edge, edge + side * STUB], [at, at], color=BLACK, lw=0.9, zorder=2)
                panel.text(edge - side * 0.1, at, pin, fontsize=7, va="center", zorder=4,
                           ha="left" if side < 0 else "right")  # fmt: skip
                if net in near:
                    continue
                ha = "right" if side < 0 else "left"
                self._name(panel, edge + side * (STUB + 0.05), at, net, ha=ha, va="center")

    def _wire_layers(
        self,
        panel: Any,
        layers: list[list[Box]],
        number: int,
        nets: list[str],
        places: dict[int, tuple[float, float]],
    ) -> None:
        """Vertical tracks between a layer and the next, one a net."""
        edge = max(places[id(b)][0] + BOX_WIDTH for b in layers[number])
        begin = edge + self._margin(layers[number], "right", {}) - 0.1
        for index, net in enumerate(nets):
            track = begin + 0.35 * index
            ends = []
            for side, boxes in (("right", layers[number]), ("left", layers[number + 1])):
                for box in boxes:
                    x, y = places[id(box)]
                    pins = getattr(box, side)
                    for (_, name), at in zip(pins, _pin_heights(y, pins), strict=True):
                        if name == net:
                            ends.append((x + BOX_WIDTH + STUB if side == "right" else x - STUB, at))
            for x, at in ends:
                panel.plot([x, track], [at, at], color=BLACK, lw=0.9, zorder=2)
            heights = [at for _, at in ends]
            panel.plot([track, track], [min(heights), max(heights)], color=BLACK, lw=0.9, zorder=2)
            if len(ends) > 2:
                for at in sorted(heights)[1:-1]:
                    panel.plot(track, at, "o", color=BLACK, ms=2.6, zorder=3)
            self._name(panel, ends[0][0] + 0.02, ends[0][1] + 0.05, net, ha="left", va="bottom")


def _abscissae(layout: Layout) -> list[float]:
    """Where every column stands; capacitors need less room, long names more."""
    places: list[float] = []
    x = 0.0
    for number, column in enumerate(layout.columns):
        if number:
            before = layout.columns[number - 1]
            x += 1.35 + _room(before, 1) + _room(column, -1)
        places.append(x)
    return places


def _room(column: list[Item], side: int) -> float:
    """Space that gates' names or device names take on one side of a column."""
    needs = [0.55]
    for item in column:
        if not item.gate:
            needs.append(0.5 if side < 0 else 0.9)
        elif item.side == side:
            needs.append(LANE + LETTER * len(item.gate) - 0.35)
        else:
            needs.append(1.15)
    return max(needs)


def _draw_item(panel: Any, item: Item, x: float, y: float, note: str) -> None:
    """The symbol of an element, with its name."""
    draw = {"n": _draw_fet, "p": _draw_fet, "c": _draw_capacitor}.get(item.kind, _draw_two_terminal)
    draw(panel, item, x, y)
    away = -item.side
    shift = x + (0.14 if item.gate else 0.4) * away
    align = {"va": "center", "zorder": 6, "ha": "left" if away > 0 else "right"}
    panel.text(shift, y + 0.14, item.element.name, fontsize=6.5, color=BLACK, **align)
    panel.text(shift, y - 0.2, note, fontsize=5.5, color=GREY, **align)


def _line(panel: Any, xs: tuple[float, ...], ys: tuple[float, ...], width: float = 0.9) -> None:
    panel.plot(xs, ys, color=BLACK, lw=width, zorder=3, solid_capstyle="butt")


def _draw_fet(panel: Any, item: Item, x: float, y: float) -> None:
    s = item.side
    channel, plate = x + 0.28 * s, x + 0.4 * s
    for sign in (1, -1):
        _line(panel, (x, x, channel), (y + sign * PIN, y + sign * 0.3, y + sign * 0.3))
    _line(panel, (channel, channel), (y - 0.42, y + 0.42), 1.6)
    _line(panel, (plate, plate), (y - 0.3, y + 0.3), 1.2)
    if item.kind == "p":
        panel.plot(plate + 0.11 * s, y, "o", mfc="white", mec=BLACK, ms=4.2, mew=0.9, zorder=4)
        _line(panel, (plate + 0.2 * s, x + LANE * s), (y, y))
    else:
        _line(panel, (plate, x + LANE * s), (y, y))


def _draw_capacitor(panel: Any, item: Item, x: float, y: float) -> None:
    for sign in (1, -1):
        _line(panel, (x, x), (y + sign * PIN, y + sign * 0.09))
        _line(panel, (x - 0.3, x + 0.3), (y + sign * 0.09, y + sign * 0.09), 1.6)


def _draw_two_terminal(panel: Any, item: Item, x: float, y: float) -> None:
    for sign in (1, -1):
        _line(panel, (x, x), (y + sign * PIN, y + sign * 0.42))
    _line(
        panel,
        (x - 0.18, x + 0.18, x + 0.18, x - 0.18, x - 0.18),
        (y - 0.42, y - 0.42, y + 0.42, y + 0.42, y - 0.42),
    )


def _supply_flag(panel: Any, x: float, y: float, net: str, side: int) -> None:
    panel.text(x + 0.06 * side, y, "ground" if net in LOW else net, fontsize=7, va="center",
               ha="right" if side < 0 else "left")  # fmt: skip


def _height(box: Box) -> float:
    return 0.75 + PIN_PITCH * max(len(box.left), len(box.right), 1)


def _pin_heights(top: float, pins: list[tuple[str, str]]) -> list[float]:
    return [top - 0.85 - PIN_PITCH * k for k in range(len(pins))]


def _wired(layers: list[list[Box]]) -> dict[int, list[str]]:
    """By layer: nets drawn as wires from its right pins to the next layer's left pins."""
    wired: dict[int, list[str]] = {}
    for number in range(len(layers) - 1):
        driven = [net for box in layers[number] for _, net in box.right]
        used = {net for box in layers[number + 1] for _, net in box.left}
        wired[number] = [net for net in dict.fromkeys(driven) if net in used]
    return wired


def draw(
    structure: Structure,
    block: Subcircuit | str,
    path: Path,
    knobs: Collection[str] = (),
    states: Collection[str] = (),
) -> None:
    """Write the schematic of a subcircuit to an SVG or PNG file."""
    name = block if isinstance(block, str) else block.name
    Schematic(structure, name, knobs, states).save(path)
