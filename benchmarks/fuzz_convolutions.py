"""Random convolution networks by machine code and in float64, and every one that is not right.

    python benchmarks/fuzz_convolutions.py [first] [count]

Networks number `first` to `first + count - 1` (0 and 100 unless given): one or two axes, any
kernel, stride, padding, dilation and groups, batch norm and pooling, batches of 1 to 48 rows.  Each
takes two steps of gradient descent; what is more than a few roundings off is printed.
"""

import random
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

LARGEST = 3000  # features that a last dense layer may have


def convolution(draw, channels, size):
    """(layer, channels, size) of a convolution that fits, or None."""
    from glassgrad import nn

    outputs, kernel = draw.choice([1, 4, 6, 16, 18, 33]), draw.randint(1, min(5, *size, 5))
    stride, dilation = draw.choice([1, 1, 1, 2]), draw.choice([1, 1, 2])
    padding, groups = draw.randint(0, kernel), draw.choice([1, 1, 1, 2, 3])
    groups = 1 if channels % groups or outputs % groups else groups
    after = [(n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1 for n in size]
    if min(after) < 1:
        return None
    make = nn.Conv1d if len(size) == 1 else nn.Conv2d
    layer = make(channels, outputs, kernel, stride, padding, dilation, groups)
    return layer, outputs, after


def network(draw, batch):
    """(layers, shape of a row, classes), or None where the numbers drawn do not fit."""
    from glassgrad import nn

    axes, channels = draw.choice([1, 2, 2]), draw.choice([1, 2, 3, 5, 16, 17])
    size = [draw.randint(6, 14) for _ in range(axes)]
    shape, layers = (channels, *size), []
    norm, most, mean = (getattr(nn, f"{n}{axes}d") for n in ("BatchNorm", "MaxPool", "AvgPool"))
    for _ in range(draw.randint(1, 3)):
        if (found := convolution(draw, channels, size)) is None:
            continue
        layer, channels, size = found
        layers.append(layer)
        if draw.random() < 0.3 and batch > 1:
            layers.append(norm(channels))
        layers.append(draw.choice([nn.ReLU, nn.Tanh])())
        if draw.random() < 0.5 and min(size) >= 2:
            layers.append(draw.choice([most, mean])(2))
            size = [n // 2 for n in size]
    features, classes = channels * int(np.prod(size)), draw.choice([3, 20])
    if features > LARGEST or not layers:
        return None
    return [*layers, nn.Flatten(), nn.Linear(features, classes)], shape, classes


def wrong(seed):
    """What is wrong with a network; nothing if all is right."""
    import glassgrad as gg
    from natively import assert_right, trainer

    draw, numbers = random.Random(seed), np.random.default_rng(seed)
    gg.manual_seed(seed)
    batch = draw.choice([1, 2, 5, 15, 16, 17, 31, 32, 33, 48])
    if (found := network(draw, batch)) is None:
        return ""
    layers, shape, classes = found
    net = gg.nn.Sequential(*layers)
    batches = [
        [numbers.uniform(-1, 1, (batch, *shape)).astype("f"), numbers.integers(0, classes, batch)]
        for _ in range(2)
    ]
    try:
        assert_right(trainer(net), *batches)
    except Exception as error:
        return f"network {seed}, {batch} rows of {shape}\n{net}\n{type(error).__name__}: {error}"
    return ""


def main(first=0, count=100):
    started, failed = time.perf_counter(), 0
    for seed in range(first, first + count):
        if text := wrong(seed):
            failed += 1
            print(text, flush=True)
    seconds = time.perf_counter() - started
    print(f"{count} networks in {seconds:.0f} s, {failed} are not right")
    return failed


if __name__ == "__main__":
    sys.exit(bool(main(*map(int, sys.argv[1:]))))
