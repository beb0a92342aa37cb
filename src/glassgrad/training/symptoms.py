"""What `gg.health` looks for in a model: each check takes what was seen and gives findings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..tensors import Tensor
from .findings import Finding
from .history import counted
from .nonfinite import found_in_model
from .observe import Observation
from .rows import others
from .slopes import LARGEST, Activation

DEAD = 0.8  # share of a layer's units: first weights switch off half of a deep layer and it learns
SATURATED = 0.8  # share of a layer's values: hidden units of a trained network may saturate often
ONE_END = 0.1  # of the flat values: fewer at the other end, and it is a ReLU
VANISHING = 3e-4  # of the gradients of later layers: what three sigmoid layers do is still trained
EXPLODING = 100.0  # gradient to weight: a step at the common rate 0.01 replaces the weights
STILL = 1e-4  # relative change of weights since the start: less than one usual step
REACH = {"sigmoid": (0, 1), "tanh": (-1, 1), "relu": (0, np.inf)}  # all that a last function gives
AFFINE = {"linear", "contract", "convolution", "add"}  # what may be of any size and sign
WILD = 2.5  # times the loss of outputs 0: first weights give outputs near 0
NOTHING = 0.9  # dropped: hardly a unit is left
EPOCHS, MANY = 5, 100  # so many epochs and steps are waited for before a training is judged
NO_BETTER = 0.995  # of the loss with outputs of other rows: nothing was learnt
OUTSIDE = 0.05  # of the labels may be outside: a few are noise
STEPS = 10  # so many steps are waited for before weights count as still


def activation_findings(activations: list[Activation]) -> list[Finding]:
    """Dead and saturated units.

    A unit is dead if its slope is 0 for every row: no gradient passes, and it never changes again.
    Values are saturated where a function is flat that has two flat ends, as tanh; the outputs of a
    model may be.
    """
    return [f for a in activations for f in dead(a) or ([] if a.output else saturated(a))]


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


def unbent(seen: Observation) -> list[Finding]:
    """Linear layers that directly follow each other, and are no bottleneck."""
    advice = "Put nn.ReLU() between them, or leave one of them out."
    return [
        Finding(
            b, "no activation", f"nothing bends between {a} and {b}: both are one layer", advice
        )
        for a, b in seen.unbent
    ]


# ---- gradients


def gradient_findings(seen: Observation, model: Any) -> list[Finding]:
    """Vanishing and exploding gradients, and weights that get none."""
    if seen.loss is None or seen.loss == 0:
        return []
    weights = {n: p.value for n, p in model.named_parameters() if n in seen.gradients}
    matrices = [n for n in seen.gradients if weights[n].ndim > 1]
    sizes = {n: size_of(seen.gradients[n]) for n in matrices}
    bends = {a.name for a in seen.activations}
    exploding = [f for n in matrices for f in exploded(n, seen.gradients[n], weights[n])]
    return [
        *still_at(seen.gradients, weights),
        *alike(seen, model),
        *(exploding[:1] or vanished({n: s for n, s in sizes.items() if s > 0}, bends)),
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

    Past later weights that are all alike, as some begin, none may come; the first step parts them.
    """
    layers: dict[str, bool] = {}
    for name, g in gradients.items():
        moves, w = g is not None and bool(np.any(g)), weights[name]
        if moves and w.ndim > 1 and rows_are_equal(w) and not rows_are_equal(g):
            return []
        if w.size:
            layers[layer_of(name)] = layers.get(layer_of(name), False) or moves
    what = "its gradient is 0 for every row; the weights will not move"
    advice = (
        "Is the layer used in forward, and does the loss depend on it (no detach, no round, no "
        "argmax, no dead units after it)? To freeze it, set requires_grad_(False)."
    )
    return together([layer for layer, moves in layers.items() if not moves], what, advice)


def together(layers: list[str], what: str, advice: str) -> list[Finding]:
    """One finding for the first of several layers with the same trouble, which names the others."""
    if not layers:
        return []
    more = ", ".join(layers[1:5]) + (f" and {len(layers) - 5} more" if len(layers) > 5 else "")
    what += f"; so it is with {more}" if more else ""
    return [Finding(layers[0], "still weights", what, advice, {"layers": len(layers)})]


def vanished(sizes: dict[str, float], names: set[str]) -> list[Finding]:
    """The first layer whose gradient is far below that of a later one."""
    layers = list(sizes)
    for i, name in enumerate(layers[:-1]):
        later = max(layers[i + 1 :], key=sizes.__getitem__)
        ratio = sizes[name] / sizes[later]
        if ratio < VANISHING:
            what = f"the gradient of its weights is {ratio:.1e} of that of {layer_of(later)}"
            squashed = "Use nn.ReLU in place of sigmoid or tanh. " if names & set(LARGEST) else ""
            advice = squashed + (
                "Begin with nn.init.kaiming_normal_, put nn.BatchNorm1d or nn.LayerNorm between "
                "layers, or add skip connections."
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
        what = "the gradient of its weights is not finite"
    advice = (
        "Scale inputs and targets to sd 1, begin with smaller weights (nn.init.xavier_uniform_), "
        "or clip before each step: optimizer.register_step_pre_hook(lambda *_: "
        "nn.utils.clip_grad_norm_(model.parameters(), 1.0))."
    )
    return [Finding(layer_of(name), "exploding gradients", what, advice, {"ratio": ratio})]


def still_since(before: dict[str, np.ndarray], model: Any, steps: int) -> list[Finding]:
    """Layers whose weights are as they were when the training began."""
    changes: dict[str, float] = {}
    for name, p in model.named_parameters():
        w = before.get(name)
        if w is not None and p.requires_grad and w.ndim > 1 and np.any(w):
            change = float(np.linalg.norm(p.value - w) / np.linalg.norm(w))
            changes[layer_of(name)] = max(change, changes.get(layer_of(name), 0.0))
    still = [layer for layer, change in changes.items() if change < STILL]
    if steps < STEPS or not still:
        return []
    what = f"the weights have changed by {changes[still[0]]:.1e} of their size in {steps:,} steps"
    advice = (
        "Raise the learning rate (gg.training.find_rate shows which), and look whether "
        "the optimizer has this layer's parameters."
    )
    return together(still, what, advice)


def rows_are_equal(x: Any) -> bool:
    """Whether all units have the same."""
    return bool((x == x[:1]).all())


def left_out(model: Any, optimizer: Any) -> list[Finding]:
    """Layers that the optimizer does not have."""
    own = {p for group in optimizer.param_groups for p in group["params"]}
    names = [n for n, p in model.named_parameters() if p.requires_grad and p not in own]
    what = "the optimizer does not have its parameters; they will not move"
    advice = "Make the optimizer of model.parameters(). To freeze a layer: requires_grad_(False)."
    return together(list(dict.fromkeys(map(layer_of, names))), what, advice)


def broken(model: Any) -> list[Finding]:
    """Weights that are not finite, none that can move, dropout that leaves nothing."""
    found = []
    if (origin := found_in_model(model)) is not None:
        advice = "Load or make it anew; the first such step was at too high a learning rate."
        found.append(Finding(origin.layer or "(model)", "not finite", origin.text, advice))
    if not any(p.requires_grad for p in model.parameters()):
        what = "no parameter requires a gradient, so nothing can be trained"
        advice = "Set requires_grad_(True) for the layers that are to learn."
        found.append(Finding("(model)", "still weights", what, advice))
    for path, part in model.named_modules():
        if part.training and "Dropout" in type(part).__name__ and getattr(part, "p", 0) > NOTHING:
            what = f"p = {part.p} leaves {1 - part.p:.0%} of its inputs"
            found.append(Finding(path, "dropout", what, "p is the share that is dropped: try 0.5."))
    return found


def alike(seen: Observation, model: Any) -> list[Finding]:
    """Layers whose units all have the same weights and the same gradient: so they remain."""
    found = {}
    for name, p in model.named_parameters():
        g, w = seen.gradients.get(name), p.value
        if g is not None and w.ndim > 1 < len(w) and rows_are_equal(w) and rows_are_equal(g):
            what = f"all {len(w)} units have the same weights and the same gradient: so they remain"
            advice = (
                "Begin with different weights: nn.init.kaiming_normal_; only biases begin at 0."
            )
            layer = layer_of(name)
            found[layer] = Finding(layer, "equal units", what, advice, {"units": len(w)})
    return list(found.values())


# ---- outputs


def output_findings(seen: Observation, objective: Any, labels: Any) -> list[Finding]:
    """A last function that does not go with the loss, or cannot give what the labels ask for."""
    y = getattr(seen.outputs, "value", None)
    if y is None or y.ndim < 2:
        return []
    layer, name = seen.ending
    found = misfit(name, y, objective.kind.outputs, labels)
    if found is not None:
        return [Finding(layer or "(model)", "wrong output", f"{name or 'it'} {found[0]}", found[1])]
    scores = objective.kind.outputs.endswith("logits") and name in AFFINE
    first = float(objective(0 * seen.outputs, labels).value) if scores else math.inf
    if seen.loss is None or not seen.loss > WILD * abs(first):
        return []
    what = f"the loss is {seen.loss:.4g}, and would be {first:.4g} if all outputs were 0"
    advice = "Begin with smaller weights (nn.init.xavier_uniform_), or scale the inputs."
    return [
        Finding(
            layer or "(model)", "wild outputs", what, advice, {"loss": seen.loss, "at 0": first}
        )
    ]


def misfit(name: str, y: np.ndarray, kind: str, labels: Any) -> tuple[str, str] | None:
    """What is wrong with outputs `y` that the operation `name` gave, and what to do."""
    shares = bool((y >= 0).all()) and np.allclose(y.sum(1), 1, atol=1e-4)
    if kind == "logits" and y.shape[1] == 1:
        return "gives one score, and softmax of one number is 1", ONE_SCORE
    if kind.endswith("logits") and (name == "sigmoid" or (shares and kind == "logits")):
        return "gives probabilities, and the loss makes probabilities of them once more", NO_LAST
    if kind.endswith("logits") and name == "relu":
        return "cuts off the negative scores, and the loss needs both signs", NO_LAST
    if kind == "log probabilities" and (shares or (y > 0).any()):
        seen = "probabilities" if shares else "numbers above 0"
        return f"gives {seen}, and the loss takes logarithms of probabilities", LOGARITHMS
    if kind == "values" and labels is not None and name in REACH:
        low, high = REACH[name]
        share = float(np.mean((labels.value < low) | (labels.value > high)))
        if share > OUTSIDE:
            what = f"gives numbers from {low} to {high}, and {share:.0%} of the labels are outside"
            return what, "End with a Linear layer, or scale the labels into this range."
    return None


NO_LAST = "Leave it out while training: the loss takes the last layer's weighted sums as they are."
LOGARITHMS = "End with nn.LogSoftmax(1), or use loss='cross_entropy', which takes scores."
ONE_SCORE = "Give each class an output, or use loss='bce_with_logits' for yes and no."


# ---- during a training


def progress_findings(
    seen: Observation, objective: Any, batch: Any, epoch: int, steps: int
) -> list[Finding]:
    """Outputs that are no better for their own rows than for others."""
    if epoch < EPOCHS or steps < MANY or seen.loss is None or not isinstance(seen.outputs, Tensor):
        return []
    strange = objective(seen.outputs[others(batch.rows)], batch.labels, batch.weights)
    if not seen.loss > NO_BETTER * float(strange.value) > 0:
        return []
    what = (
        f"after {epoch} epochs the loss is {seen.loss:.4g}, and {float(strange.value):.4g} "
        "when each row is given the outputs of another"
    )
    advice = (
        "Try another learning rate (gg.training.find_rate) or Adam, begin with "
        "nn.init.kaiming_normal_, put nn.BatchNorm1d between layers; and do the inputs tell "
        "anything of the labels?"
    )
    return [Finding("training", "no progress", what, advice, {"loss": seen.loss})]


def overfitting(history: Any) -> list[Finding]:
    """A validation loss that rises while the loss falls."""
    judged, losses = history.validation_losses, history.losses
    if len(judged) <= EPOCHS or not all(map(math.isfinite, judged)):
        return []
    best = min(judged)
    epoch = judged.index(best)
    worse = judged[-1] - best > max(best / 2, losses[0] / 5) and losses[-1] < losses[epoch]
    if not worse or len(judged) - epoch <= EPOCHS:
        return []
    what = (
        f"the validation loss is {judged[-1]:.4g} after {len(judged)} epochs; it was {best:.4g} "
        f"after {epoch + 1}, and the loss has fallen since"
    )
    advice = (
        "Stop there: callbacks=[gg.training.EarlyStopping()]. More rows, weight decay, nn.Dropout "
        "or fewer units help too."
    )
    numbers = {"best": best, "epoch": epoch + 1, "now": judged[-1]}
    return [Finding("training", "overfitting", what, advice, numbers)]
