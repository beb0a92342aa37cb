"""Where values are: on the CPU, for now."""

from __future__ import annotations

from typing import Any


class device:  # noqa: N801  (PyTorch's name)
    """`gg.device("cpu")`; any other device is an error that says so."""

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        name, _, number = str(type).partition(":")
        if name != "cpu":
            raise RuntimeError(
                f"there is no device {str(type)!r}: glassgrad computes on the CPU; write "
                'device = "cuda" if gg.cuda.is_available() else "cpu"'
            )
        self.type, self.index = name, int(number) if number else index

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        facts = f"type={self.type!r}" + ("" if self.index is None else f", index={self.index}")
        return f"device({facts})"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, (str, device)) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))


CPU = device("cpu")


def checked_device(name: Any) -> device:
    """`name` as a device; RuntimeError unless it is the CPU."""
    return device(name)
