"""Random programs by machine code and by NumPy, and every one on which they disagree.

    python benchmarks/fuzz.py [first] [count]

Runs programs number `first` to `first + count - 1` (0 and 1,000 unless given).  Those that differ
are made as small as can be and printed as Python.  Users' arrays lie between pages that no one may
touch: code that reads beyond them ends the process, and the last line says in which program.
"""

import faulthandler
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))


def main(first=0, count=1000, shrink=True):
    from fuzzing import difference, program, smallest

    faulthandler.enable()
    warnings.simplefilter("ignore")
    failed, start = 0, time.perf_counter()
    for seed in range(first, first + count):
        print(f"\r{seed} ", end="", flush=True)
        drawn = program(seed)
        if what := difference(drawn):
            failed += 1
            drawn = smallest(drawn) if shrink else drawn
            print(f"\n# {what}\n{drawn}\n", flush=True)
    print(f"\r{count:,} programs in {time.perf_counter() - start:.0f} s, {failed} differ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
