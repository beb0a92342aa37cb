"""IDX files: every element type, compressed or not; damaged files are named."""

import gzip
import struct

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.data import read_idx

KINDS = {"u1": 0x08, "i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}


def content(array):
    """The bytes of an IDX file."""
    kind = KINDS[array.dtype.str.replace("|", "")]
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, kind, array.ndim]) + shape + array.tobytes()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(5, 2, 3), (7,), (0, 28, 28)], ids=str)
def test_arrays_come_back(tmp_path, shape, kind, compressed):
    array = np.arange(np.prod(shape)).reshape(shape).astype(kind)
    path = tmp_path / "images"
    path.write_bytes(gzip.compress(content(array)) if compressed else content(array))
    read = read_idx(path)
    assert isinstance(read, gg.Tensor)
    assert read.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(read, array)
    read[...] = 0  # the tensor is the caller's own


IMAGES = content(np.arange(60, dtype="u1").reshape(5, 4, 3))


@pytest.mark.parametrize(
    "damaged, message",
    [
        (IMAGES[:-1], "uint8 [5, 4, 3], that is 60 bytes, and there are 59"),
        (IMAGES + b"x", "that is 60 bytes, and there are 61"),
        (IMAGES[:10], "is cut off in its header"),
        (b"", "is cut off in its header"),
        (b"\x89PNG\r\n", "is not an IDX file: it begins with 89 50 4e 47"),
        (b"\0\0\x07\x01\0\0\0\0", "is not an IDX file: it begins with 00 00 07 01"),
        (b"\0\0\x08\x02" + b"\xff" * 8, "uint8 [4294967295, 4294967295]"),
        (gzip.compress(IMAGES, mtime=0)[:-9], "the compressed data are damaged or cut off"),
        (
            gzip.compress(IMAGES, mtime=0)[:-6] + b"\0" * 6,
            "the compressed data are damaged or cut off",
        ),
    ],
    ids=map(str, range(9)),
)
def test_damaged_files(tmp_path, damaged, message):
    path = tmp_path / "damaged"
    path.write_bytes(damaged)
    with pytest.raises(ValueError) as caught:
        read_idx(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_idx(tmp_path / "nowhere")
