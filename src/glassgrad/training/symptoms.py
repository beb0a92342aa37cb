"""What `gg.health` looks for: each check takes what was seen and gives findings."""

from __future__ import annotations

from typing import Any

import numpy as np

from .findings import Finding
from .history import counted
from .observe import Observation
from .slopes import LARGEST, Activation

DEAD = 0.8  # share of a layer's units: first weights switch off half of a deep layer and it learns
SATURATED = 0.8  # share of a layer's values: hidden units of a trained network may saturate often
ONE_END = 0.1  # of the flat values: fewer at the other end, and it is a ReLU
VANISHING = 1e-3  # of the gradients of later layers: what three sigmoid layers do is still trained
EXPLODING = 100.0  # gradient to weight: a step at the common rate 0.01 replaces the weights
LARGE = 10.0  # root mean square of a feature: scaled ones have 1, and bits and shares less
SMALL = 0.01  # the same of all features: the first layer's weights must grow a hundredfold
UNEQUAL = 1000.0  # largest to smallest feature: their weights' gradients differ a million times
STILL = 1e-4  # relative change of weights since the start: less than one usual step
STEPS = 10  # so many steps are waited for before weights count as still
LEAKING = 0.99  # share of the labels' variance that one feature explains: data are never so good
FEW = 20  # rows: of fewer, a feature may agree with the labels by chance
WIDE = 4096  # features: of more, each is a pixel or a sample, and none is looked at alone
CLASSES = 20  # distinct labels: more are numbers, not classes


def activation_findings(activations: list[Activation]) -> list[Finding]:
    """Dead and saturated units, in every layer one finding of a kind.

    A unit is dead if its slope is 0 for every row: no gradient passes, and it never changes again.
    Values are saturated where a function is flat that has two flat ends, as tanh; the outputs of a
    model may be.
    """
    found = [f for a in activations for f in dead(a) or ([] if a.output else saturated(a))]
    return list({(f.layer, f.kind): f for f in reversed(found)}.values())[::-1]


def dead(a: Activation) -> list[Finding]:
    """Units that are flat for every row, if they are many."""
    off = a.per_unit(a.flat).all(axis=0)
    count, units = int(off.sum()), off.size
    if count < DEAD * units or not count or a.name in LARGEST:
        return []
    silent = not a.per_unit(a.values)[:, off].any()
    what = f"{count} of {counted(units, 'unit')} give 0 for every row and cannot learn"
    if not silent:
        what = f"{count} of {counted(units, 'unit')} are where it is flat for every row: slope 0"
    advice = (
        "Make weights anew with nn.init.kaiming_normal_ and biases 0, lower the learning rate, "
        "scale the inputs, or use nn.LeakyReLU."
    )
    return [Finding(a.layer, "dead units", what, advice, {"dead": count, "units": units})]


def saturated(a: Activation) -> list[Finding]:
    """Values where the function is flat, if they are many."""
    share = float(a.flat.mean())
    if share < SATURATED or not (a.name in LARGEST or at_both_ends(a.values[a.flat])):
        return []
    what = f"{share:.0%} of the values lie where the function is flat; little gradient passes"
    advice = (
        "Scale the inputs (nn.Standardize), begin with smaller weights (nn.init.xavier_uniform_), "
        "lower the learning rate, or use nn.ReLU."
    )
    return [Finding(a.layer, "saturated units", what, advice, {"share": share})]


def at_both_ends(values: np.ndarray) -> bool:
    """Whether each of two ends has a part of the values: most values of a ReLU are 0 in health."""
    upper = float((values > (values.min() + values.max()) / 2).mean())
    return values.min() < values.max() and ONE_END <= upper <= 1 - ONE_END


# ---- gradients


def gradient_findings(seen: Observation, model: Any) -> list[Finding]:
    """Vanishing and exploding gradients, and weights that get none."""
    if seen.loss is None or seen.loss == 0:
        return []
    weights = {n: p.value for n, p in model.named_parameters() if n in seen.gradients}
    matrices = [n for n in seen.gradients if weights[n].ndim > 1]
    sizes = {n: size_of(seen.gradients[n]) for n in matrices}
    exploding = [f for n in matrices for f in exploded(n, seen.gradients[n], weights[n])]
    return [
        *still_at(seen.gradients, weights),
        *(exploding[:1] or vanished({n: s for n, s in sizes.items() if s > 0})),
    ]


def layer_of(name: str) -> str:
    """The path of the layer of a parameter."""
    return name.rpartition(".")[0] or "(model)"


def size_of(g: np.ndarray | None) -> float:
    """Root mean square of the entries that are not 0: of embeddings only rows in use have any."""
    if g is None or not (nonzero := g[g != 0]).size:
        return 0.0
    return float(np.sqrt(np.mean(np.square(nonzero, dtype=np.float64))))


def still_at(gradients: dict[str, Any], weights: dict[str, np.ndarray]) -> list[Finding]:
    """Layers none of whose parameters get a gradient, though they require one."""
    layers: dict[str, list[bool]] = {}
    for name, g in gradients.items():
        if weights[name].size:
            layers.setdefault(layer_of(name), []).append(g is not None and bool(np.any(g)))
    what = "its gradient is 0 for every row; the weights will not move"
    advice = (
        "Is the layer used in forward, and does the loss depend on it (no detach, no round, no "
        "argmax, no dead units after it)? To freeze it, set requires_grad_(False)."
    )
    return [
        Finding(layer, "still weights", what, advice, {"gradient": 0.0})
        for layer, moving in layers.items()
        if not any(moving)
    ]


def vanished(sizes: dict[str, float]) -> list[Finding]:
    """The first layer whose gradient is far below that of a later one."""
    names = list(sizes)
    for i, name in enumerate(names[:-1]):
        later = max(names[i + 1 :], key=sizes.__getitem__)
        ratio = sizes[name] / sizes[later]
        if ratio < VANISHING:
            what = f"the gradient of its weights is {ratio:.1e} of that of {layer_of(later)}"
            advice = (
                "Use nn.ReLU in place of sigmoid or tanh, begin with nn.init.kaiming_normal_, put "
                "nn.BatchNorm1d or nn.LayerNorm between layers, or add skip connections."
            )
            numbers = {"ratio": ratio, "of": layer_of(later)}
            return [Finding(layer_of(name), "vanishing gradients", what, advice, numbers)]
    return []


def exploded(name: str, g: np.ndarray | None, w: np.ndarray) -> list[Finding]:
    """A gradient that is far larger than the weights that it changes."""
    if g is None or not w.size:
        return []
    usual = np.sqrt(len(w) / 3)  # the norm of Linear's first weights: single ones may be near 0
    size = max(float(np.linalg.norm(w.astype(np.float64))), usual)
    ratio = float(np.linalg.norm(g.astype(np.float64))) / size
    if ratio < EXPLODING:  # NaN is not below
        return []
    what = f"the gradient of its weights is {ratio:.3g} times as large as they are"
    if not np.isfinite(ratio):
        what = "its weights or their gradient are not finite"
    advice = (
        "Scale inputs and targets to sd 1, begin with smaller weights (nn.init.xavier_uniform_), "
        "or clip: nn.utils.clip_grad_norm_(model.parameters(), 1.0)."
    )
    return [Finding(layer_of(name), "exploding gradients", what, advice, {"ratio": ratio})]


def still_since(before: dict[str, np.ndarray], model: Any, steps: int) -> list[Finding]:
    """Layers whose weights are as they were when the training began."""
    found: dict[str, Finding] = {}
    for name, p in model.named_parameters():
        w = before.get(name)
        if w is None or not p.requires_grad or w.ndim < 2 or not np.any(w):
            continue
        change = float(np.linalg.norm(p.value - w) / np.linalg.norm(w))
        if steps >= STEPS and change < STILL:
            what = f"the weights have changed by {change:.1e} of their size in {steps:,} steps"
            advice = (
                "Raise the learning rate (gg.training.find_rate shows which), and look whether "
                "the optimizer has this layer's parameters."
            )
            numbers = {"change": change, "steps": steps}
            layer = layer_of(name)
            found[layer] = Finding(layer, "still weights", what, advice, numbers)
    return list(found.values())


# ---- data


def input_findings(seen: Observation) -> list[Finding]:
    """Features that are large, small, or of very different size, where the first weights are."""
    x = seen.entering
    if x is None or x.ndim < 2 or x.dtype.kind != "f" or len(x) < 2:
        return []
    if not np.isfinite(x).all():
        return [not_finite(x)]
    columns = x.reshape(len(x), -1) if x.ndim == 2 else x.reshape(-1, 1)
    sizes = np.sqrt(np.mean(np.square(columns, dtype=np.float64), axis=0))
    reach = np.abs(columns).max(axis=0)
    used = reach > 0
    if not used.any():
        return []
    i, largest = int(sizes.argmax()), float(sizes.max())
    at = f"feature {i} has" if x.ndim == 2 else "they have"
    numbers: dict[str, Any] = {"size": largest}
    if largest > LARGE:
        what = f"{at} root mean square {largest:.4g}; weights are made for about 1"
    elif largest < SMALL:
        what = f"no feature has a root mean square above {largest:.2g}; weights are made for 1"
    elif reach.max() > UNEQUAL * reach[used].min():
        small = int(np.where(used, reach, np.inf).argmin())
        numbers = {"ratio": float(reach.max() / reach[small])}
        what = f"feature {int(reach.argmax())} is {numbers['ratio']:.3g} times feature {small}"
    else:
        return []
    advice = "Put nn.Standardize first and call fit(scale=True), or divide pixels by 255."
    return [Finding("inputs", "unscaled inputs", what, advice, numbers)]


def not_finite(x: np.ndarray) -> Finding:
    """The first row that holds NaN or infinity."""
    row, *place = map(int, np.argwhere(~np.isfinite(x))[0])
    what = f"row {row} of those looked at holds {x[(row, *place)]} in feature {place[0]}"
    advice = "Leave such rows out, or put a number in its place: numpy.nan_to_num(X)."
    return Finding("inputs", "not finite", what, advice, {"row": row, "feature": place[0]})


def leak_findings(inputs: Any, labels: Any) -> list[Finding]:
    """Features that tell the labels almost alone.

    Of classes, the share of a feature's variance that lies between them (the correlation ratio
    eta^2); of numbers, the squared correlation, of the values or of their ranks.
    """
    x = np.asarray(inputs[0]).reshape(len(labels), -1)
    y = np.asarray(labels).reshape(len(labels), -1)
    alone = len(inputs) == 1 and len(x) >= FEW and x.shape[1] <= WIDE and x.shape != y.shape
    if not alone or x.dtype.kind not in "fiub":
        return []
    x = x.astype(np.float64)
    best, numbers = 0.0, {}
    for k in range(min(y.shape[1], CLASSES)):
        share = explained(x, y[:, k])
        j = int(share.argmax())
        if share[j] > max(best, LEAKING):
            best, numbers = share[j], {"feature": j, "share": float(share[j])}
    if not numbers:
        return []
    what = f"feature {numbers['feature']} alone explains {numbers['share']:.2%} of the labels"
    advice = "Is it known before the label is? If it was made from the label, leave it out."
    return [Finding("inputs", "leaking labels", what, advice, numbers)]


def explained(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How much of the labels each feature explains: x: [rows, features], y: [rows] -> [features]"""
    values, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    if len(values) <= CLASSES:
        many = counts >= 5  # of fewer rows a class may agree with a feature by chance
        kept = many[codes]
        return between_classes(x[kept], codes[kept]) if many.sum() > 1 else np.zeros(x.shape[1])
    if x.shape[1] == 1:  # a curve y = f(x) is what is to be learnt
        return np.zeros(1)
    ranks = [np.argsort(np.argsort(a, axis=0), axis=0).astype(float) for a in (x, y)]
    return np.maximum(correlated(x, y), correlated(*ranks) * (np.ptp(x, axis=0) > 0))


def between_classes(x: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """eta^2 = variance of the classes' means / variance, of each feature."""
    x = x - x.mean(axis=0)
    present = [codes == code for code in np.unique(codes)]
    between = sum(rows.sum() * x[rows].mean(axis=0) ** 2 for rows in present)
    total = (x * x).sum(axis=0)
    return np.where(total > 1e-12, between / np.maximum(total, 1e-12), 0.0)


def correlated(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Squared correlation of each feature with the labels."""
    x, y = x - x.mean(axis=0), (y - y.mean()).astype(np.float64)
    below = (x * x).sum(axis=0) * (y @ y)
    return np.where(below > 1e-24, (y @ x) ** 2 / np.maximum(below, 1e-24), 0.0)
