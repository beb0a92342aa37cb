"""Which nodes of a graph belong to which layer of a model, and the pale ground behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import mean
from typing import Any

from ..tensors import Tensor
from .colours import CLASSES, INK, PAPER, mixed
from .svg import Drawing

ROOM, HEAD = 6.0, 15.0  # around the nodes of a layer, and above them for its name
Box = tuple[float, float, float, float]  # left, top, right, bottom

Groups = dict[Any, str]  # node -> the layer that it belongs to


def called(target: Callable, model: Any) -> tuple[Any, Groups]:
    """What a call returns, and the layer of each node that it makes: the innermost module.

    Raises:
        TypeError: There is no model to look at, or the call returns no tensor.
    """
    if not hasattr(model, "named_modules"):
        raise TypeError(f"model= is wanted as a module beside a call, and is {model!r}")
    names = {module: named(path, module) for path, module in model.named_modules()}
    found: Groups = {}

    def note(module: Any, inputs: tuple, options: dict, output: Any) -> None:
        if module is not model or not module._modules:
            given = set(tensors_of([*inputs, *options.values()]))
            for node in between(tensors_of([output]), given):
                found.setdefault(node, names[module])

    data: list[Tensor] = []

    def keep(module: Any, inputs: tuple, options: dict) -> None:
        leaves = [x for x in tensors_of([*inputs, *options.values()]) if x.operation is None]
        data.extend(x for x in leaves if x.dtype.kind == "f" and not x.requires_grad)
        for x in data:
            x.requires_grad = True  # so that what is made of it alone is recorded

    handles = [part.register_forward_hook(note, with_kwargs=True) for part in names]
    handles += [part.register_forward_pre_hook(keep, with_kwargs=True) for part in names]
    try:
        output = target()
    finally:
        for handle in handles:
            handle.remove()
        for x in data:
            x.requires_grad = False
    if not tensors_of([output]):
        raise TypeError(f"the call returned {type(output).__name__}, and no tensor")
    return output, found


def named(path: str, module: Any) -> str:
    """A layer's name in the picture: its path and its class."""
    kind = type(module).__name__
    return f"{path}: {kind}" if path else kind


def tensors_of(values: Iterable[Any]) -> list[Tensor]:
    """The tensors in values, lists and dictionaries."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += tensors_of(value)
        elif isinstance(value, dict):
            found += tensors_of(value.values())
    return found


def between(outputs: list[Tensor], given: set[Any]) -> list[Any]:
    """The nodes behind outputs that are not behind what was given."""
    found: dict[Any, None] = {}
    stack: list[Any] = list(outputs)
    while stack:
        node = stack.pop()
        if node not in given and node not in found:
            found[node] = None
            stack.extend(node.inputs)
    return list(found)


def by_parameters(nodes: list[Any], names: dict[Any, str]) -> Groups:
    """The parameters of each layer, and the nodes that use those of one layer only.

    A node that puts several of a layer's nodes together belongs to it too; a penalty does not.

    names  {parameter: its layer}
    """
    found: Groups = {x: names[x] for x in nodes if x in names}
    for node in nodes:
        given = dict.fromkeys(node.inputs)
        direct = [names[x] for x in given if x in names]
        layers = set(direct or (found.get(x, "") for x in given))
        if len(layers) == 1 and (direct or len(given) > 1) and "" not in layers:
            found.setdefault(node, layers.pop())
    return without_penalties(found, nodes, names)


def without_penalties(found: Groups, nodes: list[Any], names: dict[Any, str]) -> Groups:
    """The groups without what is made of parameters alone and ends in one number, as a penalty."""
    alone = set(names)
    for node in nodes:
        if node.inputs and all(x in alone or x.number is not None for x in node.inputs):
            alone.add(node)
    used: set[Any] = set()
    for node in reversed(nodes):
        if node in used if node in alone else node.shape:
            used.update(node.inputs)
    return {x: own for x, own in found.items() if x in names or x not in alone or x in used}


def layers_of(model: Any) -> dict[Any, str]:
    """The layer of each parameter of a model.

    Raises:
        TypeError: It is no module.
    """
    if not hasattr(model, "named_modules"):
        raise TypeError(f"model= is wanted as a module, and is {model!r}")
    return {
        parameter: named(path, module)
        for path, module in model.named_modules()
        for parameter in module.parameters(recurse=False)
    }


def neighboured(layers: list[list[Any]], groups: Groups) -> None:
    """Nodes of a group next to each other, in every layer of the drawing."""
    for layer in layers:
        places: dict[Any, list[int]] = {}
        for place, node in enumerate(layer):
            places.setdefault(groups.get(node, node), []).append(place)
        wanted = {own: (mean(at), at[0]) for own, at in places.items()}
        layer.sort(key=lambda node: wanted[groups.get(node, node)])


# ---- the drawing


def draw_groups(
    drawing: Drawing, groups: Groups, boxes: dict[Any, Box], row: dict[Any, int],
    inputs: Callable[[Any], Any],
) -> None:  # fmt: skip
    """A pale ground with the layer's name behind the nodes of each group that are joined.

    row  {node: its row}, in each of which is a ground of its own
    """
    members: dict[str, list[Any]] = {}
    for node in boxes:
        if node in groups:
            members.setdefault(groups[node], []).append(node)
    for number, (name, nodes) in enumerate(members.items()):
        colour = CLASSES[number % len(CLASSES)]
        fill, rim = mixed(PAPER, colour, 0.12), mixed(PAPER, colour, 0.55)
        for part in joined(nodes, row, inputs):
            others = [
                around([box]) if node in groups else box
                for node, box in boxes.items()
                if node not in part
            ]
            draw_ground(drawing, name, [boxes[n] for n in part], others, fill, rim)


def joined(
    nodes: list[Any], row: dict[Any, int], inputs: Callable[[Any], Any]
) -> list[dict[Any, None]]:
    """Nodes in parts: within a part, in one row, an edge leads from each to another."""
    part_of: dict[Any, dict[Any, None]] = {}
    for node in nodes:
        part = {node: None}
        for x in inputs(node):
            if x in part_of and row[x] == row[node]:
                part |= part_of[x]
        part_of |= dict.fromkeys(part, part)
    return list({id(part): part for part in part_of.values()}.values())


def draw_ground(
    drawing: Drawing, name: str, part: list[Box], others: list[Box], fill: str, rim: str
) -> None:
    """Rectangles around all nodes, as few as leave out what does not belong to them."""
    for left, top, right, bottom in merged(part, others):
        drawing.box((left, top), right - left, bottom - top, fill, rim, round_=7, hint=name)
        if not any(meet((left, top + 2, right, top + HEAD), box) for box in part):
            drawing.text((left + 6, top + 9), name, 10, "start", INK, room=right - left - 10)


def merged(part: list[Box], others: list[Box]) -> list[Box]:
    """The rectangles around boxes, put together where no other box stands in the larger one."""
    found: list[list[Box]] = []
    for box in sorted(part):
        for inside in found:
            if not any(meet(around([*inside, box]), other) for other in others):
                inside.append(box)
                break
        else:
            found.append([box])
    return [around(inside) for inside in found]


def around(part: list[Box]) -> Box:
    """The rectangle around boxes, with room for a name above."""
    left, top, right, bottom = zip(*part)
    return min(left) - ROOM, min(top) - ROOM - HEAD, max(right) + ROOM, max(bottom) + ROOM


def meet(a: Box, b: Box) -> bool:
    """Whether two rectangles have points in common."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
