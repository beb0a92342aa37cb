"""A folder of small files that may vanish at any time: written whole, read only if sound.

Other processes use it at once.  What is damaged, belongs to somebody else or may be written by
others is as if it were not there; where the folder cannot be used nothing is kept.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import time
from contextlib import suppress
from pathlib import Path

MAGIC = b"glassgrad code 1\n"
LIMIT = 256 << 20  # bytes of all files together
FORGOTTEN = 3600  # seconds after which a file that was never finished is removed


def cache_folder() -> Path | None:
    """The user's folder for what can be made again; None where there is none."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(given) if os.path.isabs(given) else Path.home() / ".cache"
    except RuntimeError:  # there is no home
        return None
    return base / "glassgrad" / "code" if base.is_absolute() else None


class Store:
    """Files by name, at most `limit` bytes of them; those that were not used longest go first."""

    def __init__(self, folder: Path | None, limit: int = LIMIT) -> None:
        self.folder, self.limit = folder, limit

    def get(self, name: str) -> bytes | None:
        """What was kept under a name, if it is there and sound."""
        if self.folder is None:
            return None
        try:
            content = read_own(self.folder / name)
        except OSError:
            return None
        start = len(MAGIC) + 32
        data = content[start:]
        sound = content[: len(MAGIC)] == MAGIC
        if not sound or hashlib.sha256(data).digest() != content[len(MAGIC) : start]:
            return None
        return data

    def put(self, name: str, data: bytes) -> None:
        """Keep it, if that can be done."""
        content = MAGIC + hashlib.sha256(data).digest() + data
        if self.folder is None or len(content) > self.limit:
            return
        with suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if is_private(os.stat(self.folder)):
                write_whole(self.folder / name, content)
                self.remove_oldest()

    def remove_oldest(self) -> None:
        """Make room."""
        assert self.folder is not None
        found = []
        for entry in os.scandir(self.folder):
            with suppress(OSError):
                known = entry.stat(follow_symlinks=False)
                if entry.name.endswith(".part") and known.st_mtime < time.time() - FORGOTTEN:
                    os.unlink(entry.path)
                elif not entry.name.endswith(".part"):
                    found.append((known.st_mtime_ns, known.st_size, entry.path))
        size = sum(n for _, n, _ in found)
        for _, n, path in sorted(found):
            if size <= self.limit:
                return
            with suppress(OSError):
                os.unlink(path)
            size -= n


def is_private(known: os.stat_result) -> bool:
    """Whether a file or folder is ours, and nobody else may write it."""
    if not hasattr(os, "getuid"):
        return True
    return known.st_uid == os.getuid() and not known.st_mode & 0o022


def read_own(path: Path) -> bytes:
    """The content of a plain file of ours, which is noted as used."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags | getattr(os, "O_NONBLOCK", 0)), "rb") as stream:
        known = os.fstat(stream.fileno())
        ours = is_private(known) and is_private(os.stat(path.parent))
        if not stat.S_ISREG(known.st_mode) or not ours:
            raise PermissionError(f"{path} is not ours alone")
        with suppress(OSError):
            os.utime(path)
        return stream.read()


def write_whole(path: Path, content: bytes) -> None:
    """The file is whole or not there; the checksum tells if the machine stops before it is."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(beside, flags, 0o600), "wb") as stream:
            stream.write(content)
        os.replace(beside, path)
    finally:
        with suppress(OSError):
            beside.unlink()  # it is there only if something failed
