"""`gg.draw.landscape`: the loss of a model around its weights, along two directions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import ANY, array_of, check_arguments, listed, optional, whole
from ..nn.chain import check_module
from ..nn.checks import untouched
from ..tensors import Tensor, no_grad
from ..tensors.creation import coerced
from ..training.objective import Objective
from .colours import CLASSES, PAPER
from .descent import draw_surface, draw_way, shown
from .picture import Animation, Plot, legend_below, plotted

Directions = tuple[np.ndarray, np.ndarray]


@plotted
def landscape(
    model: Any, loss: Any, X: Any, y: Any, *, reach: float = 1.0, points: int = 25, seed: int = 0,
    way: Any = None, animated: bool = False, title: str = "", ax: Any = None,
) -> Plot | Animation:  # fmt: skip
    """The loss at w + a u + b v, for two directions u and v of all weights w.

    model     a module; its weights are the middle, and are as they were afterwards
    loss      of outputs and labels, as nn.MSELoss(), nn.functional.cross_entropy or "mse"
    X, y      rows and labels
    reach     how far a and b go to both sides; 1 is as long as the weights themselves
    points    so many along each axis
    seed      of random directions; the same seed is the same picture
    way       the weights that a training has visited, drawn as a way: [steps, weights], each as
              nn.utils.parameters_to_vector(model.parameters()) gives them
    animated  whether the way moves, a frame for each step

    Random directions are normalised filter by filter: each row of a matrix, or kernel, of a
    direction is as long as that of the weights, since a scaled layer followed by ReLU is the same
    network; for biases and scales the direction is zero.  With a way, u and v are its first two
    principal components, of length 1, and `reach` and `seed` do not matter.
    Source: Li, Xu, Taylor, Studer and Goldstein 2018; lecture H, descent on a surface.

    Raises:
        ValueError: The model has no weights, there are fewer than 3 points, or the way is not one
            of its weights.
        TypeError: It is no module.
    """
    check_module(model)
    check_arguments(locals(), model=ANY, seed=whole(0), way=optional(listed("weights")))
    loss = Objective(loss)
    if animated and way is None:
        raise ValueError("animated=True moves along a way, and way= was not given")
    X, y = coerced(X), coerced(y)
    middle = weights_of(model)
    if way is None:
        both = directions(model, seed)
        across = up = np.linspace(-reach, reach, points)
        names = "along the first direction", "along the second"
        visited, levels = np.zeros((1, 2)), losses_at(model, loss, X, y, middle[None])
    else:
        steps = steps_of(way, middle)
        both, names = components(steps, middle)
        visited = (steps - middle) @ np.stack(both, 1)
        across, up = (around(part, points) for part in visited.T)
        levels = losses_at(model, loss, X, y, steps)
    grid = np.stack(np.meshgrid(across, up), -1).reshape(-1, 2)
    height = losses_at(model, loss, X, y, (middle + a * both[0] + b * both[1] for a, b in grid))
    title = title or "Loss around the trained weights"

    def draw(axes: Any, last: int) -> None:
        draw_surface(axes, across, up, height.reshape(points, points))
        if way is None:
            draw_middle(axes, levels[0])
        else:
            label = f"step {last} of {len(visited) - 1}: loss {levels[last]:.4g}"
            draw_way(axes, visited[: last + 1], label)
        axes.set(xlabel=names[0], ylabel=names[1], title=title)

    return shown(draw, len(visited), title, animated, ax)


def weights_of(model: Any) -> np.ndarray:
    """All weights, one after the other.

    Raises:
        ValueError: There are none.
    """
    if not any(p.ndim > 1 for p in model.parameters()):
        raise ValueError("the model has no matrix or kernel, and so no direction to go")
    return np.concatenate([p.detach().numpy().ravel() for p in model.parameters()]).astype(float)


def directions(model: Any, seed: int) -> Directions:
    """Two random directions, each filter as long as that of the weights."""
    random = np.random.default_rng(seed)
    first, second = (
        np.concatenate([like(p.detach().numpy(), random).ravel() for p in model.parameters()])
        for _ in range(2)
    )
    return first, second


def like(weight: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Normal numbers, each row as long as that of the weight; zeros for a vector."""
    if weight.ndim < 2:
        return np.zeros(weight.shape)
    drawn = random.standard_normal(weight.shape)
    axes = tuple(range(1, weight.ndim))
    length = np.sqrt(np.square(drawn).sum(axes, keepdims=True))
    wanted = np.sqrt(np.square(weight.astype(float)).sum(axes, keepdims=True))
    return drawn / np.where(length == 0, 1, length) * wanted


def steps_of(way: Any, middle: np.ndarray) -> np.ndarray:
    """The weights of a way: [steps, weights].

    Raises:
        ValueError: They are not those of the model, or fewer than two.
    """
    plain = (w.detach().numpy() if isinstance(w, Tensor) else w for w in way)
    listed = [array_of("way", w, float) for w in plain]
    steps = np.array([w.ravel() for w in listed if w.size == middle.size])
    if len(steps) != len(listed) or len(steps) < 2 or not np.isfinite(steps).all():
        raise ValueError(
            f"way= is wanted as [steps, {middle.size}], at least two steps of finite weights, each "
            "as nn.utils.parameters_to_vector(model.parameters()) gives them"
        )
    return steps


def components(steps: np.ndarray, middle: np.ndarray) -> tuple[Directions, tuple[str, str]]:
    """The first two principal components of a way, and what their axes are called."""
    _, lengths, found = np.linalg.svd(steps - middle, full_matrices=False)
    part = np.square(lengths) / max(np.square(lengths).sum(), 1e-300)
    found, part = np.pad(found, ((0, 1), (0, 0)))[:2], np.pad(part, (0, 1))[:2]
    sign = [np.sign(v[np.abs(v).argmax()]) or 1.0 for v in found]  # else a library's whim
    names = [f"component {k}: {p:.0%} of the way" for k, p in enumerate(part, 1)]
    return (found[0] * sign[0], found[1] * sign[1]), (names[0], names[1])


def around(visited: np.ndarray, points: int) -> np.ndarray:
    """A grid around what was visited."""
    low, high = visited.min(), visited.max()
    room = 0.3 * (high - low) or 1.0
    return np.linspace(low - room, high + room, points)


def losses_at(model: Any, loss: Any, X: Tensor, y: Tensor, places: Any) -> np.ndarray:
    """The loss in use (`eval`) with the weights of each place; those of the model stay."""
    parameters = list(model.parameters())
    before = [p.detach().numpy().copy() for p in parameters]
    ends = np.cumsum([p.size for p in before])[:-1]
    found = []
    try:
        with untouched(model), no_grad(), np.errstate(all="ignore"):
            for place in places:
                for p, part in zip(parameters, np.split(place, ends)):
                    p.value[...] = part.reshape(p.shape)
                lost = loss(model(X), y)
                if not isinstance(lost, Tensor) or lost.numel() != 1:
                    raise ValueError("loss is wanted as one number of outputs and labels")
                found.append(float(lost.item()))
    finally:
        for p, value in zip(parameters, before):
            p.value[...] = value
    return np.array(found)


def draw_middle(axes: Any, level: float) -> None:
    """A star where the weights are as they are."""
    axes.plot(0, 0, "*", color=CLASSES[5], markeredgecolor=PAPER, markersize=15,
              label=f"the weights as they are: loss {level:.4g}")  # fmt: skip
    legend_below(axes)
