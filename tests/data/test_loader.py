"""The loader: whole batches where these are the same as rows, and PyTorch's choices."""

import copy
import pickle
import random
import warnings

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

N = 50
FEATURES = np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32)
LABELS = np.arange(N) % 3


class CSV(Dataset):
    """The lecture's dataset; counts how often it is asked for single rows."""

    def __init__(self, features, labels):
        self.features, self.labels = features, labels
        self.single = 0

    def __getitem__(self, item):
        self.single += isinstance(item, int)
        return self.features[item, :], self.labels[item]

    def __len__(self):
        return len(self.labels)


def epoch(loader):
    """All batches of an epoch, joined."""
    batches = list(loader)
    return [np.concatenate([np.asarray(batch[i]) for batch in batches]) for i in (0, 1)]


@pytest.mark.parametrize("kind", [np.asarray, gg.from_numpy], ids=["arrays", "tensors"])
def test_the_dataset_of_the_lecture_is_read_by_whole_batches(kind):
    dataset = CSV(kind(FEATURES), kind(LABELS))
    loader = DataLoader(dataset, batch_size=5, shuffle=True)
    features, labels = epoch(loader)
    assert dataset.single == 5 * 5, "batches 0, 1, 2, 4 and 8 are checked"
    order = [int(np.flatnonzero((row == FEATURES).all(1))[0]) for row in features]
    assert sorted(order) == list(range(N))
    assert labels.tolist() == LABELS[order].tolist()
    epoch(loader)
    assert dataset.single == 5 * 5 + 5, "later epochs are checked on one batch"
    for batch_features, batch_labels in loader:
        assert isinstance(batch_features, gg.Tensor)
        assert (batch_features.dtype, batch_labels.dtype) == (gg.float32, gg.int64)


def test_rows_are_read_one_by_one_when_asked_for():
    dataset = CSV(FEATURES, LABELS)
    epoch(DataLoader(dataset, batch_size=5, collate_fn=gg.data.default_collate))
    assert dataset.single == N


class Flattened(CSV):
    """Of many rows this would make one."""

    def __getitem__(self, item):
        self.single += isinstance(item, int)
        return self.features[item].reshape(-1), self.labels[item]


class Centered(CSV):
    """The mean of many rows is not that of each."""

    def __getitem__(self, item):
        self.single += isinstance(item, int)
        return self.features[item] - self.features[item].mean(), self.labels[item]


class Branching(CSV):
    """`if` refuses many truth values."""

    def __getitem__(self, item):
        self.single += isinstance(item, int)
        return self.features[item] * (2 if self.labels[item] else 1), self.labels[item]


class Integer(CSV):
    """int() refuses an array."""

    def __getitem__(self, item):
        self.single += isinstance(item, int)
        return self.features[item], int(self.labels[item])


class Noisy(CSV):
    """Draws random numbers, so that no two readings are the same."""

    def __getitem__(self, item):
        self.single += isinstance(item, int)
        return self.features[item] + 0 * random.random(), self.labels[item]


class OwnNoise(CSV):
    """Draws from a source that only it knows."""

    source = None

    def __init__(self, features, labels):
        super().__init__(features, labels)
        self.source = np.random.default_rng(0)

    def __getitem__(self, item):
        self.single += isinstance(item, int)
        return self.features[item] + 0 * self.source.normal(), self.labels[item]


class Reduced(CSV):
    """Of one row this is the row, of many their mean."""

    def __getitem__(self, item):
        self.single += isinstance(item, int)
        x = self.features[item].reshape(-1, 4)
        return x.mean(0), self.labels[item]


def test_one_row_is_no_evidence():
    batches = [[0], [1], [2], [3, 4], [5, 6, 7]]
    loader = DataLoader(Reduced(FEATURES, LABELS), batch_sampler=batches)
    np.testing.assert_array_equal(epoch(loader)[0], FEATURES[:8])


def no_warning():
    return warnings.catch_warnings(action="error")


@pytest.mark.parametrize("kind", [Flattened, Centered, Branching, Integer, Noisy, OwnNoise])
def test_falls_back_to_rows(kind):
    dataset = kind(FEATURES, LABELS)
    with no_warning():
        found = epoch(DataLoader(dataset, batch_size=5))
    assert dataset.single == N
    rows = [dataset[row] for row in range(N)]
    np.testing.assert_array_equal(found[0], np.stack([row[0] for row in rows]))
    assert found[1].tolist() == LABELS.tolist()


def test_random_numbers_are_those_of_reading_row_by_row():
    drawn = []
    for collate in (None, gg.data.default_collate):
        random.seed(0)
        epoch(DataLoader(Noisy(FEATURES, LABELS), batch_size=5, collate_fn=collate))
        drawn.append(random.random())
    assert drawn[0] == drawn[1]


def test_says_so_when_a_later_batch_differs():
    """Scaling by the largest value agrees as long as all rows have the same one."""

    class Scaled(CSV):
        def __getitem__(self, item):
            return self.features[item] / self.features[item].max(), self.labels[item]

    features = np.ones((N, 2), np.float32)
    features[20:] = np.arange(60).reshape(30, 2) + 1
    with pytest.warns(UserWarning, match=r"Scaled\[array of row numbers\] gave another batch"):
        found = epoch(DataLoader(Scaled(features, LABELS), batch_size=5))
    np.testing.assert_array_equal(found[0], features / features.max(1, keepdims=True))


def test_own_reading_is_respected():
    class Doubled(TensorDataset):
        def __getitem__(self, index):
            x, y = super().__getitem__(index)
            return 2 * x, y

    class Listed(TensorDataset):
        asked: list = []

        def __getitems__(self, rows):
            self.asked.append(rows)
            return [(self.tensors[0][row], 7) for row in rows]

    x, y = gg.from_numpy(FEATURES), gg.from_numpy(LABELS)
    np.testing.assert_array_equal(epoch(DataLoader(Doubled(x, y), 8))[0], 2 * FEATURES)
    assert set(epoch(DataLoader(Listed(x, y), 20))[1]) == {7}
    assert Listed.asked == [list(range(20)), list(range(20, 40)), list(range(40, 50))]


def test_batches_are_copies():
    x = gg.from_numpy(FEATURES.copy())
    for (batch,) in DataLoader(TensorDataset(x), N):
        batch.zero_()
    np.testing.assert_array_equal(x, FEATURES)


def test_gradients_flow_through_batches():
    x = gg.tensor(FEATURES[:4], requires_grad=True)
    for (batch,) in DataLoader(TensorDataset(x), 2):
        batch.sum().backward()
    assert x.grad.tolist() == np.ones((4, 4)).tolist()


class Stream(IterableDataset):
    def __iter__(self):
        return iter(np.arange(5.0))


class Measured(Stream):
    def __len__(self):
        return 5


@pytest.mark.parametrize(
    "options, batches",
    [
        ({"batch_size": 2}, [[0, 1], [2, 3], [4]]),
        ({"batch_size": 2, "drop_last": True}, [[0, 1], [2, 3]]),
        ({"batch_size": None}, [0, 1, 2, 3, 4]),
    ],
)
def test_streams(options, batches):
    loader = DataLoader(Measured(), **options)
    assert [batch.tolist() for batch in loader] == batches
    assert len(loader) == len(batches)
    with pytest.raises(TypeError):
        len(DataLoader(Stream()))


def test_choices():
    rows = gg.arange(10)
    assert [b.tolist() for b in DataLoader(rows, batch_size=None)] == list(range(10))
    assert [b.tolist() for b in DataLoader(rows, 4, drop_last=True)] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [b.tolist() for b in DataLoader(rows, 2, sampler=[3, 1, 2])] == [[3, 1], [2]]
    assert [b.tolist() for b in DataLoader(rows, batch_sampler=[[1], [2, 3]])] == [[1], [2, 3]]
    assert [b.tolist() for b in DataLoader(rows, 6, num_workers=2, pin_memory=True)][1] == [
        6,
        7,
        8,
        9,
    ]
    assert list(DataLoader(rows, 5, collate_fn=len)) == [5, 5]
    assert len(DataLoader(rows, 3)) == 4
    assert len(DataLoader(rows, 3, drop_last=True)) == 3
    assert gg.utils.data.get_worker_info() is None


def test_order_is_that_of_the_generator():
    rows = gg.arange(100)
    orders = []
    for _ in range(2):
        loader = DataLoader(rows, 7, shuffle=True, generator=gg.Generator().manual_seed(2))
        orders.append([np.concatenate(list(loader)).tolist() for _ in range(2)])
    assert orders[0] == orders[1]
    assert orders[0][0] != orders[0][1]
    assert sorted(orders[0][1]) == list(range(100))


def test_a_loader_can_be_copied_and_pickled():
    loader = DataLoader(Subset(gg.arange(10), [1, 2, 3]), 2)
    for other in (copy.deepcopy(loader), pickle.loads(pickle.dumps(loader))):
        assert [b.tolist() for b in other] == [[1, 2], [3]]


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda x: DataLoader(x, 0), ValueError, "batch_size is a positive integer, not 0"),
        (lambda x: DataLoader(x, num_workers=-1), ValueError, "at least 0"),
        (lambda x: DataLoader(x, prefetch_factor=2), ValueError, "need num_workers > 0"),
        (
            lambda x: DataLoader(x, sampler=[1], shuffle=True),
            ValueError,
            "either sampler or shuffle",
        ),
        (lambda x: DataLoader(x, 3, batch_sampler=[[1]]), ValueError, "batch_sampler excludes"),
        (lambda x: DataLoader(x, None, drop_last=True), ValueError, "no last batch to drop"),
        (lambda x: DataLoader(Stream(), shuffle=True), ValueError, "has its own order"),
        (lambda x: list(DataLoader(x, sampler=[99])), IndexError, "99 is out of bounds"),
        (lambda x: list(DataLoader(x + x, sampler=[99])), IndexError, "out of range for 20 rows"),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error) as caught:
        make(TensorDataset(gg.arange(10)))
    assert message in str(caught.value)
