"""DataLoader: batches of a dataset, epoch by epoch."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..arguments import TRUTH, check_arguments, optional
from ..tensors.generator import Generator
from .collate import default_collate, default_convert
from .dataset import IterableDataset
from .sampler import BatchSampler, RandomSampler, SequentialSampler, batches_of, steps_per_epoch
from .whole import Reader, random_state, reader_of, reads_the_same


class DataLoader:
    """Batches of a dataset; each `for` loop over it is an epoch.

    Whole batches are gathered at once from tensors, arrays and the datasets of this package.  For a
    dataset of your own `dataset[array of row numbers]` is tried: on the batches 0, 1, 2, 4, 8, ...
    of the first epoch and on the first of every later one it is compared with reading row by row,
    and rows are read one by one as soon as it fails, differs, or draws random numbers.  Giving a
    `collate_fn`, even `default_collate`, makes rows be read one by one from the start.

    Everything happens in this process: `num_workers` and what belongs to it is accepted, without
    effect.  Random order comes from `generator`, or the one behind `gg.manual_seed`.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable | None = None,
        batch_sampler: Iterable | None = None,
        num_workers: int = 0,
        collate_fn: Callable | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        given = {"num_workers": num_workers, "timeout": timeout, "shuffle": shuffle}
        check_arguments(given, shuffle=optional(TRUTH))
        if num_workers == 0 and (prefetch_factor is not None or persistent_workers):
            raise ValueError(
                "DataLoader: prefetch_factor and persistent_workers need num_workers > 0"
            )
        self.dataset, self.generator = dataset, generator
        self.num_workers, self.pin_memory, self.timeout = num_workers, pin_memory, timeout
        self.streams = isinstance(dataset, IterableDataset)
        _check_choices(self.streams, batch_size, shuffle, sampler, batch_sampler, drop_last)
        if batch_sampler is not None:
            batch_size = None
        if sampler is None and not self.streams:
            sampler = (
                RandomSampler(dataset, generator=generator)
                if shuffle
                else SequentialSampler(dataset)
            )
        if batch_size is not None and not self.streams:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)  # type: ignore[arg-type]
        self.batch_size, self.drop_last = batch_size, drop_last
        self.sampler, self.batch_sampler = sampler, batch_sampler
        batched = batch_size is not None or batch_sampler is not None
        self.tries_whole = batched and collate_fn is None
        self.collate_fn = collate_fn or (default_collate if batched else default_convert)
        self.epochs = 0

    def __len__(self) -> int:
        if self.streams:
            rows = len(self.dataset)
            return (
                rows
                if self.batch_size is None
                else steps_per_epoch(rows, self.batch_size, self.drop_last)
            )
        counted: Any = self.sampler if self.batch_sampler is None else self.batch_sampler
        return len(counted)

    def __iter__(self) -> Iterator[Any]:
        self.epochs += 1
        if self.streams:
            return self._stream()
        if self.batch_sampler is None:
            rows: Any = self.sampler
            return (self.collate_fn(self.dataset[row]) for row in rows)
        return self._batches(self.epochs == 1)

    def _stream(self) -> Iterator[Any]:
        rows = iter(self.dataset)
        if self.batch_size is None:
            yield from map(self.collate_fn, rows)
            return
        while batch := list(itertools.islice(rows, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield self.collate_fn(batch)

    def _batches(self, first_epoch: bool) -> Iterator[Any]:
        reader = reader_of(self.dataset) if self.tries_whole else None
        number = 0  # of the batches that could be read at once
        for rows in batches_of(self.batch_sampler):
            if reader is None or (len(rows) < 2 and not reader.certain):
                yield self._by_rows(rows)  # one row is no evidence of how many are read
                continue
            listed = np.asarray(rows, np.int64)
            due = number & (number - 1) == 0 and (first_epoch or number == 0)
            if reader.certain or not due:
                yield reader.read(listed)
            else:
                batch, same = self._compared(reader, listed)
                if not same:
                    self._give_up(number or not first_epoch)
                    reader = None
                yield batch
            number += 1

    def _by_rows(self, rows: Any) -> Any:
        listed = rows.tolist() if isinstance(rows, np.ndarray) else list(rows)
        if hasattr(self.dataset, "__getitems__"):
            return self.collate_fn(self.dataset.__getitems__(listed))
        return self.collate_fn([self.dataset[row] for row in listed])

    def _compared(self, reader: Reader, rows: np.ndarray) -> tuple[Any, bool]:
        """The batch row by row, and whether the reader gives the same."""
        before = random_state()
        batch = self._by_rows(rows)
        return batch, random_state() == before and reads_the_same(reader, rows, batch)

    def _give_up(self, late: Any) -> None:
        self.tries_whole = False
        if late:
            warnings.warn(
                f"{type(self.dataset).__name__}[array of row numbers] gave another batch than "
                "reading row by row, after giving the same before; rows are read one by one from "
                "now on.  Give collate_fn=default_collate to read so from the start",
                stacklevel=3,
            )


def _check_choices(
    streams: bool,
    batch_size: int | None,
    shuffle: bool | None,
    sampler: Iterable | None,
    batch_sampler: Iterable | None,
    drop_last: bool,
) -> None:
    """ValueError for choices that exclude each other."""
    if streams and (shuffle or sampler is not None or batch_sampler is not None):
        raise ValueError(
            "DataLoader: an IterableDataset has its own order; leave out shuffle, sampler and "
            "batch_sampler"
        )
    if sampler is not None and shuffle:
        raise ValueError("DataLoader: give either sampler or shuffle")
    if batch_sampler is not None and (
        batch_size != 1 or shuffle or sampler is not None or drop_last
    ):
        raise ValueError(
            "DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last"
        )
    if batch_size is None and drop_last:
        raise ValueError(
            "DataLoader: batch_size=None gives single rows; there is no last batch to drop"
        )


def get_worker_info() -> None:
    """None: data is loaded in the main process."""
