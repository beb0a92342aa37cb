"""Embeddings against PyTorch: rows, bags, what is left out, what is shortened."""

import numpy as np
import pytest

import glassgrad as gg
import peer
from glassgrad.nn import functional as F

TABLE = 2 * peer.real(6, 3)


@pytest.mark.parametrize("shape", [(4,), (2, 3), (), (0,), (2, 1, 5)], ids=str)
@pytest.mark.parametrize(
    "call",
    [
        {},
        {"padding_idx": 2},
        {"padding_idx": -1},
        {"max_norm": 1.5},
        {"max_norm": 1.0, "norm_type": 1.0},
        {"scale_grad_by_freq": True},
    ],
    ids=str,
)
def test_embedding(shape, call):
    torch = pytest.importorskip("torch")
    index = peer.whole(6, *shape)
    once = "max_norm" in call
    tables = {}

    def both(functional, leaf):
        def function(index, weight):
            tables[functional] = weight
            if once:  # PyTorch lets no leaf that requires a gradient be shortened
                weight = leaf(TABLE, requires_grad=False)
                tables[functional] = weight
            return functional.embedding(index, weight, **call)

        return function

    peer.same(
        both(F, peer.our_leaf),
        both(torch.nn.functional, peer.torch_leaf),
        index,
        TABLE,
        second=not call.get("scale_grad_by_freq"),
    )
    ours, theirs = tables[F], tables[torch.nn.functional]
    np.testing.assert_allclose(ours.detach(), theirs.detach(), 1e-6)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("padding", [None, 2])
@pytest.mark.parametrize("form", ["rows", "offsets", "with the last"])
def test_embedding_bag(mode, padding, form):
    torch = pytest.importorskip("torch").nn.functional
    index = peer.whole(6, 3, 4) if form == "rows" else peer.whole(6, 9)
    call = {"mode": mode, "padding_idx": padding}
    offsets = {"rows": None, "offsets": [0, 2, 2, 7], "with the last": [0, 3, 3, 9]}[form]
    call["include_last_offset"] = form == "with the last"

    def both(functional, tensor):
        given = None if offsets is None else tensor(np.array(offsets))
        return lambda i, w: functional.embedding_bag(i, w, given, **call)

    peer.same(both(F, gg.tensor), both(torch, peer.torch_leaf), index, TABLE, second=mode != "max")


def test_embedding_bag_with_weights():
    torch = pytest.importorskip("torch").nn.functional
    peer.same(
        lambda i, w, s: F.embedding_bag(i, w, mode="sum", per_sample_weights=s),
        lambda i, w, s: torch.embedding_bag(i, w, mode="sum", per_sample_weights=s),
        *(peer.whole(6, 3, 4), TABLE, peer.real(3, 4, seed=2)),
        second=False,
    )


def test_rows_are_read_and_their_gradients_summed():
    weight = gg.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], requires_grad=True)
    y = F.embedding(gg.tensor([2, 0, 2]), weight)
    assert y.tolist() == [[5, 6], [1, 2], [5, 6]]
    (y * gg.tensor([[1.0], [10.0], [100.0]])).sum().backward()
    assert weight.grad.tolist() == [[10, 10], [0, 0], [101, 101]]


w = gg.ones(3, 2)


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: F.embedding(gg.tensor([0, 3]), w), IndexError, "3 in row 1.*0 to 2"),
        (lambda: F.embedding(gg.tensor([[0], [-1]]), w), IndexError, r"-1 in row \(1, 0\)"),
        (lambda: F.embedding(gg.tensor([0.0]), w), RuntimeError, r"f32\[1\].*\.long\(\)"),
        (lambda: F.embedding(gg.tensor([0]), w[0]), RuntimeError, "2-D"),
        (lambda: F.embedding(gg.tensor([0]), w, 3), IndexError, "padding_idx 3"),
        (lambda: F.embedding(gg.tensor([0]), w, sparse=True), NotImplementedError, "sparse"),
        (lambda: F.embedding_bag(gg.tensor([0]), w), ValueError, "offsets"),
        (lambda: F.embedding_bag(gg.tensor([[0]]), w, gg.tensor([0])), ValueError, "2D"),
        (lambda: F.embedding_bag(gg.tensor([0]), w, gg.tensor([1])), ValueError, "start at 0"),
        (lambda: F.embedding_bag(gg.tensor([0]), w, gg.tensor([0, 2])), ValueError, "at most 1"),
        (lambda: F.embedding_bag(gg.tensor([[0]]), w, mode="min"), ValueError, "'min'"),
        (
            lambda: F.embedding_bag(gg.tensor([[0]]), w, per_sample_weights=gg.ones(1, 1)),
            NotImplementedError,
            "sum",
        ),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
