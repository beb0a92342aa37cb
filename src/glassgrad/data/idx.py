"""IDX files, the format of MNIST: arrays with a short header, often compressed by gzip.

Two zero bytes, a byte for the element type, a byte for the number of axes, four bytes for the
length of each axis, then the elements; all numbers have their highest byte first.
"""

from __future__ import annotations

import gzip
import math
import zlib
from os import PathLike
from typing import Any

import numpy as np

from ..arguments import check_arguments
from ..tensors.tensor import Tensor

ELEMENTS = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | PathLike) -> Tensor:
    """The array in an IDX file, compressed or not: images are uint8 [n, 28, 28], labels uint8 [n].

    ValueError for a file that is no IDX file, is shorter or longer than its header says, or whose
    compressed data are damaged.
    """
    check_arguments(locals())
    with open(path, "rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if compressed else open(path, "rb") as file:
            return _read(file, path)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path}: the compressed data are damaged or cut off ({error})") from error


def _read(file: Any, path: Any) -> Tensor:
    zeros, kind, axes = _bytes(file, 2, path), *_bytes(file, 2, path)
    if zeros != b"\0\0" or kind not in ELEMENTS:
        raise ValueError(
            f"{path} is not an IDX file: it begins with {(zeros + bytes([kind, axes])).hex(' ')}"
        )
    shape = np.frombuffer(_bytes(file, 4 * axes, path), ">u4").astype(int).tolist()
    element = np.dtype(ELEMENTS[kind])
    size = math.prod(shape) * element.itemsize
    content = file.read()
    if len(content) != size:
        raise ValueError(
            f"{path}: the header says {element.name} {shape}, that is {size} bytes, and there are "
            f"{len(content)}"
        )
    array = np.frombuffer(content, element).reshape(shape)
    return Tensor.lift(array.astype(element.newbyteorder("=")))


def _bytes(file: Any, count: int, path: Any) -> bytes:
    content = file.read(count)
    if len(content) < count:
        raise ValueError(f"{path} is cut off in its header")
    return content
