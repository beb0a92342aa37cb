"""What `gg.health` looks for in a model: each check takes what was seen and gives findings."""

from __future__ import annotations

from typing import Any

import numpy as np

from .findings import Finding
from .history import counted
from .objective import Kind
from .observe import Observation
from .slopes import LARGEST, Activation

DEAD = 0.8  # share of a layer's units: first weights switch off half of a deep layer and it learns
SATURATED = 0.8  # share of a layer's values: hidden units of a trained network may saturate often
ONE_END = 0.1  # of the flat values: fewer at the other end, and it is a ReLU
VANISHING = 1e-3  # of the gradients of later layers: what three sigmoid layers do is still trained
EXPLODING = 100.0  # gradient to weight: a step at the common rate 0.01 replaces the weights
STILL = 1e-4  # relative change of weights since the start: less than one usual step
REACH = {"sigmoid": (0, 1), "tanh": (-1, 1), "relu": (0, np.inf)}  # all that a last function gives
OUTSIDE = 0.05  # of the labels may be outside: a few are noise
STEPS = 10  # so many steps are waited for before weights count as still


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
        *alike(seen, model),
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
    """Layers none of whose parameters get a gradient, though they require one.

    Of later weights that are all 0, as some begin, none passes; they move at the first step.
    """
    if any(
        g is not None and g.any() and w.ndim > 1 and not w.any()
        for g, w in ((gradients[n], weights[n]) for n in gradients)
    ):
        return []
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


def left_out(model: Any, optimizer: Any) -> list[Finding]:
    """Layers that the optimizer does not have."""
    own = {p for group in optimizer.param_groups for p in group["params"]}
    missing = {layer_of(n) for n, p in model.named_parameters() if p.requires_grad and p not in own}
    what = "the optimizer does not have its parameters; they will not move"
    advice = "Make the optimizer of model.parameters(). To freeze a layer: requires_grad_(False)."
    return [Finding(layer, "still weights", what, advice) for layer in sorted(missing)]


def alike(seen: Observation, model: Any) -> list[Finding]:
    """Layers whose units all have the same weights and the same gradient: so they remain."""
    found = {}
    for name, p in model.named_parameters():
        g, w = seen.gradients.get(name), p.value
        if g is None or w.ndim < 2 or len(w) < 2 or not np.any(g):
            continue
        if all(np.array_equal(x, np.broadcast_to(x[:1], x.shape)) for x in (w, g)):
            what = f"all {len(w)} units have the same weights and the same gradient: so they remain"
            advice = (
                "Begin with different weights: nn.init.kaiming_normal_; only biases begin at 0."
            )
            layer = layer_of(name)
            found[layer] = Finding(layer, "equal units", what, advice, {"units": len(w)})
    return list(found.values())


# ---- outputs


def output_findings(seen: Observation, kind: Kind, labels: Any) -> list[Finding]:
    """A last function that does not go with the loss, or cannot give what the labels ask for."""
    layer, name = seen.ending
    y = getattr(seen.outputs, "value", None)
    if y is None or y.ndim < 2:
        return []
    scores = kind.outputs in ("logits", "binary logits")
    shares = kind.outputs == "logits" and (y >= 0).all() and np.allclose(y.sum(1), 1, atol=1e-4)
    what = ""
    if scores and (shares or name == "sigmoid"):
        what = "gives probabilities, and the loss makes probabilities of them once more"
        advice = "Leave it out while training: the loss takes scores of any size."
    elif scores and name == "relu":
        what = "cuts off the negative scores, and the loss needs both signs"
        advice = "Leave it out: the last layer's weighted sums are the scores."
    elif kind.outputs == "log probabilities" and (y > 0).any():
        what = "gives numbers above 0, and the loss takes logarithms of probabilities"
        advice = "End with nn.LogSoftmax(1), or use loss='cross_entropy', which takes scores."
    elif kind.outputs == "values" and labels is not None and name in REACH:
        low, high = REACH[name]
        share = float(np.mean((labels.value < low) | (labels.value > high)))
        if share > OUTSIDE:
            what = f"gives numbers from {low} to {high}, and {share:.0%} of the labels are outside"
            advice = "End with a Linear layer, or scale the labels into this range."
    return [Finding(layer, "wrong output", f"{name or 'it'} {what}", advice)] if what else []
