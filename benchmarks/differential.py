"""Random programs on PyTorch and on glassgrad, and every one on which they disagree.

    python benchmarks/differential.py [first] [count]

Runs programs number `first` to `first + count - 1` (0 and 20,000 unless given) and prints those
that differ, as Python that can be run, and how many of each kind there are.  Needs PyTorch.
"""

import sys
import time
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))


def main(first=0, count=20_000):
    import torch

    import glassgrad as gg
    from differential import difference

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    kinds, start = Counter(), time.perf_counter()
    for seed in range(first, first + count):
        if found := difference(seed, torch, gg):
            kinds[found.what] += 1
            print(found, flush=True)
    print(f"{count:,} programs in {time.perf_counter() - start:.0f} s")
    for what, number in kinds.most_common():
        print(f"{number:7,}  {what}")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
