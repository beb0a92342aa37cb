"""Accelerators: none yet, and a program may ask."""


def is_available() -> bool:
    """Whether tensors can be moved to a CUDA device: not yet."""
    return False


def device_count() -> int:
    """How many CUDA devices there are."""
    return 0


def manual_seed_all(seed: int) -> None:
    """Seed the generators of all CUDA devices, of which there are none."""


manual_seed = manual_seed_all


def empty_cache() -> None:
    """Give back the memory kept for CUDA devices, of which there are none."""
