"""What a formula's text says, computed as it is written, is what the program computed."""

import numpy as np
import pytest

import glassgrad as gg
from formula_reader import arrays_named, computed
from glassgrad import nn

F = nn.functional
SHAPES = {
    "a": (6,), "b": (3,), "u": (3,), "v": (2,), "q": (4,), "A": (3, 3), "B": (3, 3), "M": (3, 2),
    "N": (4, 3), "x": (2, 3, 4), "y": (2, 4, 3), "p": (2, 6), "w": (3, 2), "C": (4, 1), "R": (1, 3),
    "s": (1, 1, 6), "k": (1, 1, 3), "S": (2, 2, 7), "K": (3, 2, 3), "P": (1, 2, 6, 6),
    "Q": (2, 2, 3, 3), "G": (2, 4, 5), "H": (4, 2, 3), "T": (2, 3, 4), "V": (2, 3, 3),
}  # fmt: skip
PROGRAMS = """
((b.unsqueeze(0) - b.unsqueeze(1)) ** 2).sum()
((N.unsqueeze(1) - A.unsqueeze(0)) ** 2).sum()
(x.permute(0, 2, 1).sum(2) ** 2).sum()
(x.transpose(1, 2) * y).sum()
(x.permute(2, 0, 1).exp().sum(0) ** 2).sum()
(a.reshape(3, 2).sum(1) ** 2).sum()
(a.reshape(3, 2).sum(0) ** 2).sum()
(a.unsqueeze(0).sum(1) ** 2).sum()
(p.reshape(4, 3) @ w).sum()
(gg.outer(u, v) * M).sum()
((u @ M) ** 2).sum()
u @ M @ v
u @ A @ b
u @ b
((A @ b) ** 2).sum()
((u.unsqueeze(0) @ M) ** 2).sum()
((u @ M) * v).sum()
(A.sum(0) * A.sum(1)).sum()
(A.sum(0) - A.mean(1)).exp().sum()
(A.sum(0).sum(0) * A).sum()
(x.sum(0).sum(1) ** 2).sum()
(x.sum(1).sum(0) ** 2).sum()
(x.exp().sum(0).log().mean(1) ** 2).sum()
(N.sum(1) * q).sum()
(N.sum(1) / q.exp()).sum()
(N - N.mean(1, keepdim=True)).pow(2).sum()
(N - N.mean(0, keepdim=True)).pow(2).sum()
((N - N.mean()) ** 2).mean()
N.var(0).sum()
N.var(1).sum()
N.var(0, correction=0).sum()
(N / N.sum(1, keepdim=True)).exp().sum()
(N / N.sum(0, keepdim=True)).exp().sum()
(N.exp() / N.exp().sum(1, keepdim=True) * N).sum()
(A.softmax(0) * B).sum()
(A.softmax(1) * B).sum()
(x.softmax(1) * T).sum()
(A.log_softmax(0) * B).sum()
(x.log_softmax(1) * T).sum()
(A * b).sum()
(A * b.unsqueeze(1)).sum()
(A * b.unsqueeze(1) * u).exp().sum()
(C * b).sum()
(C + R).tanh().sum()
((C.squeeze(1) - q) ** 2).mean()
((C.squeeze() * N.sum(1)) ** 2).sum()
(C.expand(4, 3) * N).exp().sum()
(A.T * B).sum()
((A.T @ B) * A).sum()
((A + A.T) ** 2).sum()
(x @ y).sum()
((x @ y) ** 2).sum()
((x @ y + b) ** 2).sum()
((x @ y.sum(0)) ** 2).sum()
(gg.einsum("ijk,ikl->jl", x, y) ** 2).sum()
gg.einsum("ij,ji->", A, B)
(gg.einsum("ij,kj->ik", A, N).tanh() * N.T).sum()
(gg.einsum("ij,kj->ik", A, N).exp().sum(0) * q).sum()
(F.conv1d(s, k) ** 2).sum()
(F.conv1d(s, k, stride=2, padding=1) ** 2).sum()
(F.conv1d(S, K, padding=1) ** 2).sum()
(F.conv1d(S, K, stride=2, padding=2, dilation=2) ** 2).sum()
(F.conv1d(S, K, stride=3) ** 2).sum()
(F.conv1d(S, K, b, padding=1) ** 2).sum()
(F.conv2d(P, Q, stride=2, padding=1) ** 2).sum()
(F.conv2d(P, Q, stride=(2, 1), padding=(0, 2)) ** 2).sum()
(F.conv1d(G, H, groups=2, padding=1) ** 2).sum()
(F.conv_transpose1d(s, k, stride=2) ** 2).sum()
(F.conv_transpose1d(S, K.transpose(0, 1), stride=2, padding=1) ** 2).sum()
(F.conv_transpose1d(S, V, stride=2) ** 2).sum()
(F.conv_transpose1d(S, V, b, stride=2, padding=1, output_padding=1) ** 2).sum()
(F.conv_transpose2d(P, Q[:, :, :2], stride=2, dilation=2) ** 2).sum()
(F.conv1d(S, K.flip(2), stride=2) ** 2).sum()
(F.max_pool1d(s, 2) ** 2).sum()
(F.max_pool1d(s, 3, 2, 1) ** 2).sum()
(F.max_pool2d(P, 2) ** 2).sum()
(F.avg_pool1d(s, 2) ** 2).sum()
(F.avg_pool2d(P, 3, 1) ** 2).sum()
(a.flip(0) * a).sum()
(A.flip(0) * B).sum()
(A.flip(1)[:2] * M.T).sum()
(a[::2] ** 2).sum()
(N[1:3, 0] * v).sum()
(A[:, 1] * A[1]).sum()
(F.softmax(x @ y / 2, -1) @ x).pow(2).sum()
(N.amax(1) * q).sum()
(N.amax(0) * b).sum()
(N - N.amax(1, keepdim=True)).exp().sum()
(gg.maximum(A, b.unsqueeze(1)) ** 2).sum()
(F.linear(N, A, b) ** 2).sum()
(F.linear(b, A) ** 2).sum()
(F.linear(b, A, u) ** 2).sum()
(x.flatten(1) @ x.flatten(1).T).exp().sum()
(x.mean((0, 2)) * b).sum()
(x * b.reshape(1, 3, 1)).exp().sum()
((x - x.mean((1, 2), keepdim=True)) ** 2).sum()
(gg.stack([b, u]) ** 2 * M.T.tanh().sum()).sum()
(gg.stack([b, u], 1) * M).exp().sum()
(gg.cat([A, N]) ** 2).sum()
(gg.cat([A, B], 1).exp().sum(0) ** 2).sum()
(N[:, :1] * N).exp().sum()
(N[1:2] * N).exp().sum()
(x[:, :1] * T).sum()
(x[:, 0, 1:2] * q).exp().sum()
(A[:, 1] * A[1]).exp().sum()
(a.flip(0)[:4] * q).exp().sum()
(N.sum(0, keepdim=True) * N).sum()
(N.exp().sum(1, keepdim=True).log() - N).exp().sum()
(F.layer_norm(N, (3,)) * N).sum()
((N[:, None] - A[None]).abs().sum(2)).sum()
""".strip().splitlines()
UNREAD = (" at [", "where the maximum", "overlap(")  # what is told by words


def world():
    """Numbers for all names, apart from each other."""
    draw = np.random.default_rng(3)
    return {
        name: gg.tensor(draw.normal(size=shape), requires_grad=True)
        for name, shape in SHAPES.items()
    }


@pytest.mark.parametrize("program", PROGRAMS)
def test_steps_say_what_they_compute(program):
    names = world()
    target = eval(program, {"gg": gg, "F": F} | names)
    used = {n: x for n, x in names.items() if gg.autograd.grad(
        target, x, retain_graph=True, allow_unused=True)[0] is not None}  # fmt: skip
    known, told = {}, 0
    for step in gg.explain.steps(target, names=used):
        known |= step.inputs
        known[step.name] = step.result
        if step.name == "sigma^2":
            known[step.name[:-2]] = np.sqrt(step.result)
        if any(word in step.formula for word in UNREAD):
            continue
        found = computed(step.formula, known, step.shape)
        said = f"{step.name} = {step.formula}"
        np.testing.assert_allclose(found, step.result, rtol=1e-6, atol=1e-9, err_msg=said)
        if step.numbers:  # in four digits
            found = computed(*arrays_named(step.numbers[0]), step.shape)
            np.testing.assert_allclose(found, step.result, rtol=2e-2, atol=2e-2, err_msg=said)
        told += 1
    assert told > 1


@pytest.mark.parametrize("program", PROGRAMS)
def test_formulas_say_what_is_computed(program):
    names = world()
    target = eval(program, {"gg": gg, "F": F} | names)
    slopes = {}
    for name, x in names.items():
        found = gg.autograd.grad(target, x, retain_graph=True, allow_unused=True)[0]
        if found is not None:
            slopes[name] = found.value
    used = {name: names[name] for name in slopes}
    known = {name: x.value for name, x in used.items()}
    wanted = {"J": target.value} | {f"∂J/∂{n}": g for n, g in slopes.items()}
    shapes = {step.name: step.shape for step in gg.explain.steps(target, names=used)}
    for line in gg.explain.formulas(target, names=used):
        if any(word in line.text for word in UNREAD):
            return
        shape = wanted[line.name].shape if line.name in wanted else shapes.get(line.name)
        found = computed(line.text, known, shape)
        if line.name in wanted:
            said = f"{line.name} = {line.text}"
            np.testing.assert_allclose(found, wanted[line.name], rtol=1e-6, atol=1e-9, err_msg=said)
        known[line.name] = found
        if line.name == "sigma^2":
            known[line.name[:-2]] = np.sqrt(found)
