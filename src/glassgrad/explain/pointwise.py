"""What is written as one formula since it acts on each element: activations, and choices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .normal import Users, root


def activations(nodes: list[Any], users: Users, loss: dict[Any, bool]) -> Iterator[Any]:
    """The nodes between a layer's scores and a function of them alone, as 0.5 x (1 + erf(x))."""
    source: dict[Any, Any] = {}
    for x in nodes:
        if x.operation is not None and x.operation.kind == "elementwise" and x not in loss:
            behind = {source.get(i, i) for i in map(root, x.inputs) if not is_plain(i)}
            source[x] = behind.pop() if len(behind) == 1 else x
    for x, start in source.items():
        inside = start is not x and start.operation is not None
        if inside and all(source.get(u) is start for u in users[x]):
            yield x


def is_plain(x: Any) -> bool:
    """Whether a leaf is a number or a condition."""
    return x.operation is None and (x.number is not None or x.dtype.kind == "b")


def averages(nodes: list[Any], users: Users) -> Iterator[Any]:
    """The windows of a pooling by means, and their sums."""
    for x in nodes:
        if x.operation is not None and x.operation.name == "windows" and len(users[x]) == 1:
            above = users[x][0]
            if above.operation.name == "sum" and is_divided(users[above]):
                yield from (x, above)


def is_divided(users: list[Any]) -> bool:
    """Whether a sum becomes a mean."""
    return len(users) == 1 and users[0].operation.name == "div"


def branches(nodes: list[Any], users: Users) -> Iterator[Any]:
    """What a choice alone uses, as a x of PReLU's `x if x > 0 else a x`."""
    for x in nodes:
        if x.operation is not None and x.operation.name == "where":
            for i in x.inputs[1:]:
                of_elements = i.operation is not None and i.operation.kind == "elementwise"
                if of_elements and all(u is x for u in users[i]):
                    yield i
