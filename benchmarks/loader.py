"""Batches per epoch: our DataLoader, PyTorch's, and plain slicing of arrays, in one run.

python benchmarks/loader.py     prints milliseconds per epoch and microseconds per batch
"""

import time

import numpy as np

import glassgrad as gg

CASES = [  # rows, shape of a row, batch size
    (10_000, (10,), 32),
    (60_000, (784,), 32),
    (60_000, (784,), 1000),
    (1_797, (8, 8), 100),
]


def dataset_of(package, features, labels):
    """The dataset of the lecture: rows of an array and its labels."""

    class CSV(package.utils.data.Dataset):
        def __init__(self, features, labels):
            self.features, self.labels = features, labels

        def __getitem__(self, item):
            return self.features[item, :], self.labels[item]

        def __len__(self):
            return len(self.labels)

    return CSV(features, labels)


def sliced(features, labels, batch_size):
    """What the fastest loop by hand does: gather by a permutation."""
    order = np.random.permutation(len(labels))
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        yield features[rows], labels[rows]


def seconds(epoch, repeat=5):
    """The best time of an epoch."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        for _batch in epoch():
            pass
        times.append(time.perf_counter() - start)
    return min(times)


def loaders(package, features, labels, batch_size):
    """The loader of a TensorDataset and of the lecture's dataset, shuffled."""
    data = package.utils.data
    tensors = data.TensorDataset(package.from_numpy(features), package.from_numpy(labels))
    for name, dataset in (("tensors", tensors), ("CSV", dataset_of(package, features, labels))):
        yield name, data.DataLoader(dataset, batch_size=batch_size, shuffle=True)


def packages():
    """Ours, and PyTorch if it is installed."""
    try:
        import torch
    except ImportError:
        return {"glassgrad": gg}
    torch.set_num_threads(1)
    return {"glassgrad": gg, "torch": torch}


def main():
    print(f"{'rows':>7} {'row':>8} {'batch':>6}  {'loader':<20} {'ms/epoch':>9} {'us/batch':>9}")
    for rows, shape, batch_size in CASES:
        features = np.random.default_rng(0).normal(size=(rows, *shape)).astype(np.float32)
        labels = np.arange(rows) % 10
        epochs = {"slicing": lambda f=features, y=labels, b=batch_size: sliced(f, y, b)}
        for name, package in packages().items():
            for kind, loader in loaders(package, features, labels, batch_size):
                epochs[f"{name} {kind}"] = loader.__iter__
        for name, epoch in epochs.items():
            found = seconds(epoch)
            each = found / -(-rows // batch_size) * 1e6
            case = f"{rows:>7} {'x'.join(map(str, shape)):>8} {batch_size:>6}"
            print(f"{case}  {name:<20} {found * 1e3:>9.2f} {each:>9.2f}")


if __name__ == "__main__":
    main()
