"""Datasets give PyTorch's rows and refuse what does not fit together."""

import numpy as np
import pytest

import glassgrad as gg
from plain import plain

N = 7
FEATURES = np.arange(N * 3, dtype=np.float32).reshape(N, 3)
LABELS = np.arange(N) % 2

DATASETS = {
    "tensors": lambda p, d: tensors(p, d),
    "array": lambda p, d: FEATURES,
    "tensor": lambda p, d: p.from_numpy(FEATURES),
    "subset": lambda p, d: d.Subset(tensors(p, d), [6, 0, 0, 3]),
    "subset of a subset": lambda p, d: d.Subset(d.Subset(tensors(p, d), [6, 0, 0, 3]), [3, 1]),
    "two after another": lambda p, d: tensors(p, d) + d.Subset(tensors(p, d), [5, 2]),
    "three after another": lambda p, d: d.ConcatDataset([FEATURES, FEATURES[:1], FEATURES * 2]),
    "side by side": lambda p, d: d.StackDataset(p.from_numpy(FEATURES), LABELS),
    "side by side, named": lambda p, d: d.StackDataset(x=FEATURES, y=tensors(p, d)),
    "list of rows": lambda p, d: [(1.5, "a"), (2.5, "b"), (3.5, "c")],
    "list of dicts": lambda p, d: [{"x": row, "y": int(y)} for row, y in zip(FEATURES, LABELS)],
}


def tensors(package, data):
    return data.TensorDataset(package.from_numpy(FEATURES), package.from_numpy(LABELS))


@pytest.mark.parametrize("name", DATASETS)
def test_rows_are_those_of_pytorch(name):
    torch = pytest.importorskip("torch")
    ours = DATASETS[name](gg, gg.utils.data)
    theirs = DATASETS[name](torch, torch.utils.data)
    assert len(ours) == len(theirs)
    for row in range(len(theirs)):
        assert plain(ours[row]) == plain(theirs[row])


@pytest.mark.parametrize("batch_size", [1, 2, 4, 100])
@pytest.mark.parametrize("name", DATASETS)
def test_batches_are_those_of_pytorch(name, batch_size):
    torch = pytest.importorskip("torch")
    batches = []
    for package in (gg, torch):
        dataset = DATASETS[name](package, package.utils.data)
        loader = package.utils.data.DataLoader(dataset, batch_size)
        batches.append([plain(batch) for batch in loader])
    assert batches[0] == batches[1]


def test_rows_counted_from_the_end():
    dataset = gg.data.ConcatDataset([FEATURES, FEATURES[:2]])
    assert dataset[-1].tolist() == [3.0, 4.0, 5.0]
    assert dataset[-9].tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(IndexError, match="index -10 is out of range for 9 rows"):
        dataset[-10]


class Count(gg.data.IterableDataset):
    """0, 1, ..., n - 1."""

    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(self.n))

    def __len__(self):
        return self.n


def test_streams_one_after_another():
    chained = Count(3) + Count(2)
    assert list(chained) == [0, 1, 2, 0, 1]
    assert len(chained) == 5


@pytest.mark.parametrize(
    "lengths, counts", [([4, 2, 1], [4, 2, 1]), ([0.5, 0.5], [4, 3]), ([0.1, 0.9], [1, 6])]
)
def test_random_split(lengths, counts):
    dataset = DATASETS["tensors"](gg, gg.data)
    parts = gg.data.random_split(dataset, lengths, gg.Generator().manual_seed(3))
    assert list(map(len, parts)) == counts
    assert sorted(row for part in parts for row in part.indices) == list(range(N))
    again = gg.data.random_split(dataset, lengths, gg.Generator().manual_seed(3))
    assert [part.indices for part in again] == [part.indices for part in parts]
    other = gg.data.random_split(dataset, lengths, gg.Generator().manual_seed(4))
    assert [part.indices for part in other] != [part.indices for part in parts]


X, Y = gg.from_numpy(FEATURES), gg.from_numpy(LABELS)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda d: d.TensorDataset(FEATURES), TypeError, "wrap arrays by gg.from_numpy(array)"),
        (lambda d: d.TensorDataset(X, Y[:3]), ValueError, "got f32[7, 3], i64[3]"),
        (lambda d: d.TensorDataset(), ValueError, "equally many rows"),
        (lambda d: d.StackDataset(), ValueError, "at least one"),
        (lambda d: d.StackDataset(X, y=Y), ValueError, "either all named or none"),
        (lambda d: d.StackDataset(X, Y[:2]), ValueError, "equal length, not of [7, 2]"),
        (lambda d: d.ConcatDataset([]), ValueError, "at least one dataset"),
        (lambda d: d.ConcatDataset([Count(2)]), ValueError, "use ChainDataset"),
        (lambda d: list(d.ChainDataset([[1, 2]])), TypeError, "use ConcatDataset"),
        (lambda d: d.random_split(X, [3, 3]), ValueError, "sum to 6, and the dataset has 7 rows"),
        (lambda d: d.random_split(X, [1.5, -0.5]), ValueError, "numbers in [0, 1]"),
        (lambda d: d.Dataset()[0], NotImplementedError, "a method __getitem__"),
        (lambda d: iter(d.IterableDataset()), NotImplementedError, "a method __iter__"),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error) as caught:
        make(gg.data)
    assert message in str(caught.value)
