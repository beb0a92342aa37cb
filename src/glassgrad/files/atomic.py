"""Files that are whole or not there: written aside in the same folder, synced, then renamed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from .errors import FileError, reason


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """A binary stream whose content takes the place of `path` when the block ends well.

    When the block or the disk fails, the file that was there before stays as it was.

    Raises:
        FileError: The folder is missing or cannot be written, `path` is a folder, the disk is full.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    aside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
    stream = opened(aside, target, path)
    try:
        with stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(aside, target)
        sync_folder(target.parent)
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path} cannot be written: {reason(error)}") from None
    finally:
        with suppress(OSError):
            aside.unlink()  # it is there only if something failed


def opened(aside: Path, target: Path, path: Any) -> BinaryIO:
    """The file aside, new, with the rights of the file that it will replace."""
    if target.is_dir():
        raise FileError(f"{path} is a folder; give the name of a file in it")
    if not target.parent.is_dir():
        raise FileError(f"{path} cannot be written: there is no folder {Path(path).parent}")
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        return os.fdopen(os.open(aside, flags, mode), "wb")
    except OSError as error:
        raise FileError(f"{path} cannot be written: {reason(error)}") from None


def sync_folder(folder: Path) -> None:
    """Make the renaming itself last through a loss of power, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
