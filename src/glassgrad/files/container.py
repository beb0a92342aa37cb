"""The safetensors container: named arrays and a note; sizes are checked before anything is read.

Everything that glassgrad has to say about a file stands in one entry of the header, `glassgrad`, as
JSON, so that equal contents give equal bytes.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save as packed

from ..arguments import PATH, check_arguments
from .atomic import replacing
from .errors import FileError, NoFileError, reason

ENTRY = "glassgrad"
FILE = PATH._replace(words=f"{PATH.words}, or a binary stream")
LARGEST_HEADER = 100_000_000  # bytes, as in the safetensors format
DTYPES = {
    "F64": "f8", "F32": "f4", "F16": "f2", "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1",
    "U64": "u8", "U32": "u4", "U16": "u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
OTHERS = {  # how files of other kinds begin
    b"PK": "a zip archive, as torch.save and numpy.savez write",
    b"\x80": "a pickle",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy file",
    b"GGUF": "a GGUF file",
    b"PAR1": "a Parquet table",
    b"\x1f\x8b": "a gzip file",
}


def write(target: Any, arrays: dict[str, np.ndarray], note: dict | None = None) -> None:
    """Write arrays and a note to a path, whole or not at all, or to a binary stream."""
    contiguous = {name: np.ascontiguousarray(a).reshape(a.shape) for name, a in arrays.items()}
    text = None if note is None else {ENTRY: json.dumps(note, ensure_ascii=False)}
    content = packed(contiguous, text)
    if hasattr(target, "write"):
        target.write(content)
        return
    check_arguments({"path": target}, path=FILE)
    with replacing(target) as stream:
        stream.write(content)


def read(source: Any) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays of a file, and the texts in its header.

    Raises:
        FileError: There is no such file, or it is empty, truncated, corrupt or of another kind.
    """
    name = named(source)
    content, size = begun(source, name, whole=True)
    texts = texts_of(content, size, name)
    try:
        found = deserialize(content)
    except SafetensorError as error:
        text = str(error).removeprefix("Error while deserializing: ")
        raise FileError(f"{name} is corrupt: {text}") from None
    return {key: array_of(view, key, name) for key, view in found}, texts


def read_texts(source: Any) -> dict[str, str]:
    """The texts in the header of a file; its arrays are not read."""
    name = named(source)
    return texts_of(*begun(source, name, whole=False), name)


def named(source: Any) -> str:
    """What a message calls the file."""
    return getattr(source, "name", "the stream") if hasattr(source, "read") else str(source)


def begun(source: Any, name: str, *, whole: bool) -> tuple[bytes, int]:
    """The header, or the whole content, and the size of the file, if it can be one of ours."""
    if hasattr(source, "read"):
        content = source.read()
        header_length(content[:16], len(content), name)
        return content, len(content)
    check_arguments({"path": source}, path=FILE)
    try:
        path = Path(source)
        if path.is_dir():
            raise FileError(f"{name} is a folder; give the model file in it")
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            length = header_length(peek(stream), size, name)
            return stream.read(-1 if whole else length), size
    except FileNotFoundError:
        raise NoFileError(f"there is no file {name}") from None
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{name} cannot be read: {reason(error)}") from None


def peek(stream: BinaryIO) -> bytes:
    """The first bytes, with the stream back at the beginning."""
    start = stream.read(16)
    stream.seek(0)
    return start


def header_length(start: bytes, size: int, name: str) -> int:
    """The number of bytes before the arrays, from the first bytes of a file of `size` bytes."""
    if not size:
        raise FileError(f"{name} is empty")
    length = int.from_bytes(start[:8], "little")
    if len(start) < 10 or start[8:9] != b"{" or length > LARGEST_HEADER:
        kinds = [kind for magic, kind in OTHERS.items() if start.startswith(magic)]
        what = f"{name} is {kinds[0]}, not a model file" if kinds else f"{name} is not a model file"
        raise FileError(f"{what}: glassgrad reads safetensors, as gg.save writes; {advice(start)}")
    if 8 + length > size:
        raise FileError(f"{name} is truncated: the header has {length:,} bytes, the file {size:,}")
    return 8 + length


def advice(start: bytes) -> str:
    """What to do about a file of another kind."""
    if start.startswith((b"PK", b"\x80")):
        return "in PyTorch write safetensors.torch.save_file(model.state_dict(), path)"
    return "write the model again by gg.save(model, path); of a table glassgrad train makes one"


def array_of(view: dict, key: str, name: str) -> np.ndarray:
    """An array of the file, writable; bfloat16 becomes float32, which holds it exactly."""
    if view["dtype"] == "BF16":
        high = np.frombuffer(view["data"], "<u2").astype(np.uint32) << 16
        return high.view(np.float32).reshape(view["shape"])
    if view["dtype"] not in DTYPES:
        raise FileError(
            f"{name}: {key} has elements of type {view['dtype']}, which no tensor here holds"
        )
    return np.frombuffer(view["data"], DTYPES[view["dtype"]]).reshape(view["shape"])


def texts_of(content: bytes, size: int, name: str) -> dict[str, str]:
    """The texts in the header, if the arrays that it tells of fill a file of `size` bytes."""
    length = 8 + int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8:length])
        texts = header.pop("__metadata__", None) or {}
        needed = length + max((entry["data_offsets"][1] for entry in header.values()), default=0)
    except (ValueError, RecursionError, AttributeError, KeyError, IndexError, TypeError):
        raise FileError(f"{name} is corrupt: its header cannot be read") from None
    if needed > size:
        raise FileError(f"{name} is truncated: it should have {needed:,} bytes and has {size:,}")
    if not isinstance(texts, dict) or not all(isinstance(t, str) for t in texts.values()):
        raise FileError(f"{name} is corrupt: the notes in its header are no texts")
    return texts
