"""Files that are whole or not there: written aside in the same folder, synced, then renamed.

Devices and pipes, /dev/null say, are written to and never replaced.
"""

from __future__ import annotations

import os
import secrets
import stat
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
    written = straight if is_stream(path) else aside
    try:
        with written(path) as stream:
            yield stream
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{path} cannot be written: {reason(error)}") from None


def is_stream(path: str | os.PathLike) -> bool:
    """Whether this is a device or a pipe, and no file or folder."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def straight(path: str | os.PathLike) -> BinaryIO:
    """The device or pipe itself."""
    return open(path, "wb")


@contextmanager
def aside(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """A file beside the target, which takes its place when the block ends well."""
    target = Path(os.path.realpath(path))  # a link stays a link
    beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
    stream = opened(beside, target, path)
    try:
        with stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, target)
        sync_folder(target.parent)
    finally:
        with suppress(OSError):
            beside.unlink()  # it is there only if something failed


def opened(beside: Path, target: Path, path: Any) -> BinaryIO:
    """The file beside the target, new, with the rights of the file that it will replace."""
    if target.is_dir():
        raise FileError(f"{path} is a folder; give the name of a file in it")
    if not target.parent.is_dir():
        raise FileError(f"{path} cannot be written: there is no folder {Path(path).parent}")
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        return os.fdopen(os.open(beside, flags, mode), "wb")
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
