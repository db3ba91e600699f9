"""Where the elements of a subcircuit stand in its picture: stacks from supply to ground, boxes beside them.

A stack is a path of drain-source channels, drawn as one column: p devices hang from the
supply, n devices stand on ground.  Columns are ordered so that nets stay short.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from neuromorph.spice.structure import Element, Structure, Subcircuit

HIGH = frozenset({"vdd", "vcc"})
LOW = frozenset({"0", "gnd", "vss"})
SUPPLY = HIGH | LOW
MAXIMUM_ROWS = 8


@dataclass
class Item:
    """An element drawn upright: a transistor, or anything with two ends.

    Attributes
    ----------
    kind : {"n", "p", "c", "r"}
        ``"r"`` stands for every two-terminal element but a capacitor.
    top, bottom, gate : str
        Nets; ``gate`` is empty where there is none.
    side : {-1, 1}
        Where the gate looks: left or right.
    """

    element: Element
    kind: str
    top: str
    bottom: str
    gate: str = ""
    column: int = 0
    row: int = 0
    side: int = -1

    @property
    def is_diode(self) -> bool:
        """Gate and drain joined."""
        return bool(self.gate) and self.gate in (self.top, self.bottom)


@dataclass
class Box:
    """An instance of another block: its pins that look left and right, as (pin, net)."""

    element: Element
    left: list[tuple[str, str]]
    right: list[tuple[str, str]]
    layer: int = 0
    name: str = ""
    copies: int = 1


@dataclass
class Layout:
    """Columns of upright items, and boxes by layer."""

    columns: list[list[Item]] = field(default_factory=list)
    rows: int = 0
    boxes: list[Box] = field(default_factory=list)

    @property
    def items(self) -> list[Item]:
        """All upright items."""
        return [item for column in self.columns for item in column]


def lay_out(subcircuit: Subcircuit, structure: Structure) -> Layout:
    """Place every element of a subcircuit."""
    items = [
        _item(e) for e in subcircuit.elements if e.is_transistor or (e.kind != "x" and len(e.nodes) >= 2)
    ]
    fets = [item for item in items if item.gate]
    layout = Layout(_chains(fets))
    layout.rows = _assign_rows(layout.columns, fets)
    for item in items:
        if not item.gate:
            item.row = {True: layout.rows - 1, False: layout.rows // 2}[item.bottom in LOW]
            item.row = 0 if item.top in HIGH else item.row
            layout.columns.append([item])
    layout.columns = _ordered(layout.columns)
    for number, column in enumerate(layout.columns):
        for item in column:
            item.column = number
    for item in layout.items:
        item.side = _side(item, layout.items)
    instances = [e for e in subcircuit.elements if e.kind == "x" and not e.is_transistor]
    layout.boxes = _layered(_merged([_box(e, structure) for e in instances]))
    return layout


def _item(element: Element) -> Item:
    nodes = [node.lower() for node in element.nodes]
    if element.is_transistor:
        kind = "p" if element.model.lower().lstrip("x")[:1] == "p" or "pfet" in element.model.lower() else "n"
        drain, gate, source = nodes[:3]
        top, bottom = (source, drain) if kind == "p" else (drain, source)
        if bottom in HIGH or (top in LOW and bottom not in LOW):
            top, bottom = bottom, top
        return Item(element, kind, top, bottom, gate)
    top, bottom = nodes[:2]
    if bottom in HIGH or top in LOW:
        top, bottom = bottom, top
    return Item(element, "c" if element.kind == "c" else "r", top, bottom)


def _chains(fets: list[Item]) -> list[list[Item]]:
    """Stacks: from every device that hangs from a supply or a port, downwards."""
    bottoms = {item.bottom for item in fets}
    roots = [item for item in fets if item.top in HIGH or item.top not in bottoms]
    free = list(fets)
    columns: list[list[Item]] = []
    for root in (*roots, *fets):
        if not any(root is item for item in free):
            continue
        column: list[Item] = []
        item: Item | None = root
        while item is not None:
            column.append(item)
            free = [other for other in free if other is not item]
            below = item.bottom
            item = next((o for o in free if o.top == below), None) if below not in SUPPLY else None
        columns.append(column)
    return columns


def _depths(fets: list[Item], kind: str) -> dict[int, int]:
    """How many devices of a kind lie between each one and its supply (the longest way)."""
    chosen = [item for item in fets if item.kind == kind]

    def depth(item: Item, seen: tuple[int, ...]) -> int:
        near, far = (item.top, "bottom") if kind == "p" else (item.bottom, "top")
        beyond = [o for o in chosen if near not in SUPPLY and getattr(o, far) == near and id(o) not in seen]
        return max((1 + depth(o, (*seen, id(o))) for o in beyond), default=0)

    return {id(item): depth(item, (id(item),)) for item in chosen}


def _assign_rows(columns: list[list[Item]], fets: list[Item]) -> int:
    """Rows from the top for p, from the bottom for n; as few as keep every stack in order."""
    above, below = _depths(fets, "p"), _depths(fets, "n")
    for rows in range(1, MAXIMUM_ROWS + 1):
        for item in fets:
            item.row = above[id(item)] if item.kind == "p" else rows - 1 - below[id(item)]
        if all(_in_order(column, rows) for column in columns):
            return rows
    for column in columns:
        for row, item in enumerate(column):
            item.row = row
    return max((len(column) for column in columns), default=1)


def _in_order(column: list[Item], rows: int) -> bool:
    found = [item.row for item in column]
    return min(found) >= 0 and max(found) < rows and found == sorted(set(found))


def _nets(column: Iterable[Item]) -> list[tuple[str, float]]:
    pairs = [(net, 2.0 if item.gate else 3.0) for item in column for net in (item.top, item.bottom)]
    pairs += [(item.gate, 1.0) for item in column if item.gate]
    return [(net, weight) for net, weight in pairs if net not in SUPPLY]


def _ordered(columns: list[list[Item]]) -> list[list[Item]]:
    """Columns in the netlist's order, moved where that makes nets shorter and signals run to the right."""
    nets = [_nets(column) for column in columns]
    driven = [{item.gate for item in column if item.gate} for column in columns]
    driving = [{n for item in column for n in (item.top, item.bottom)} - SUPPLY for column in columns]

    def cost(order: list[int]) -> float:
        ends: dict[str, list[float]] = {}
        for place, index in enumerate(order):
            for net, weight in nets[index]:
                low, high, total = ends.get(net, [place, place, 0.0])
                ends[net] = [min(low, place), max(high, place), max(total, weight)]
        total = sum((high - low) * weight for low, high, weight in ends.values())
        total += 0.05 * sum(abs(place - index) for place, index in enumerate(order))
        for left, index in enumerate(order):
            total += 0.4 * sum(bool(driven[index] & driving[other]) for other in order[left + 1 :])
        return total

    order = list(range(len(columns)))
    for _ in range(4):
        before = cost(order)
        for index in list(order):
            rest = [other for other in order if other != index]
            order = min(([*rest[:k], index, *rest[k:]] for k in range(len(order))), key=cost)
        if cost(order) >= before:
            break
    return [columns[index] for index in order]


def _side(item: Item, items: list[Item]) -> int:
    """A pair's gates look outwards, a mirror's to each other, all others to where their net comes from."""
    if not item.gate:
        return -1
    peers = [o for o in items if o is not item and o.gate and o.row == item.row and o.kind == item.kind]
    mirror = [o for o in peers if o.gate == item.gate and abs(o.column - item.column) == 1]
    if mirror and (item.is_diode or mirror[0].is_diode):
        return 1 if mirror[0].column > item.column else -1
    common = item.bottom if item.kind == "n" else item.top
    far = "bottom" if item.kind == "n" else "top"
    pair = [o for o in peers if getattr(o, far) == common and common not in SUPPLY and o.gate != item.gate]
    if pair:
        return 1 if pair[0].column < item.column else -1
    sources = [o.column for o in items if item.gate in (o.top, o.bottom)]
    if sources and min(sources) > item.column:
        return 1
    return -1


def _box(element: Element, structure: Structure) -> Box:
    block = structure[element.model]
    pins = [(pin, net.lower()) for pin, net in zip(block.ports, element.nodes, strict=True)]
    signals = [(pin, net) for pin, net in pins if pin.lower() not in SUPPLY]
    inputs = {pin for pin, _ in signals if _is_input(block, pin.lower(), structure)}
    left = [pair for pair in signals if pair[0] in inputs]
    return Box(element, left, [pair for pair in signals if pair[0] not in inputs], name=element.name)


def _merged(boxes: list[Box]) -> list[Box]:
    """Boxes that are the same but for numbers in their nets, three or more, as one of a stack."""
    groups: dict[tuple, list[Box]] = {}
    for box in boxes:
        bare = tuple((pin, net.rstrip("0123456789")) for pin, net in (*box.left, *box.right))
        groups.setdefault((box.element.model.lower(), bare), []).append(box)
    merged: list[Box] = []
    for same in groups.values():
        merged += same if len(same) < 3 else [_stack(same)]
    return merged


def _stack(boxes: list[Box]) -> Box:
    first, last = boxes[0], boxes[-1]

    def nets(side: str) -> list[tuple[str, str]]:
        pairs = zip(getattr(first, side), getattr(last, side), strict=True)
        return [(pin, net if net == end else f"{net}..{end}") for (pin, net), (_, end) in pairs]

    name = f"{first.name}..{last.name}, {len(boxes)} times"
    return Box(first.element, nets("left"), nets("right"), name=name, copies=len(boxes))


def _is_input(block: Subcircuit, pin: str, structure: Structure) -> bool:
    """Whether a pin reaches gates alone inside a block."""
    for element in block.elements:
        for place, node in enumerate(element.nodes):
            if node.lower() != pin:
                continue
            if element.is_transistor:
                if place != 1:
                    return False
            elif element.kind == "x":
                inner = structure[element.model]
                if not _is_input(inner, inner.ports[place].lower(), structure):
                    return False
    return True


def _layered(boxes: list[Box]) -> list[Box]:
    """Boxes with a layer each: after those that drive them."""
    outputs = [{net for _, net in box.right} for box in boxes]

    def layer(index: int, seen: tuple[int, ...]) -> int:
        inputs = {net for _, net in boxes[index].left}
        before = [k for k, driven in enumerate(outputs) if k not in seen and inputs & driven]
        return max((1 + layer(k, (*seen, k)) for k in before), default=0)

    for index, box in enumerate(boxes):
        box.layer = layer(index, (index,))
    return boxes
