"""Data: datasets and their batches, splits, scaling, codes for labels and text, files.

Rows go from `dataset.py` through `sampler.py` (the order), `whole.py` or `collate.py` (to a batch)
into the loop over `loader.py`.  Tables stand in `tables/`.
"""

from .collate import default_collate, default_convert
from .dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from .encoding import alphabet_of, characters, one_hot
from .idx import read_idx
from .images import ImageFolder
from .loader import DataLoader, get_worker_info
from .sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    steps_per_epoch,
)
from .scaling import mean_and_sd, scaled
from .splits import folds, split

__all__ = [
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "ImageFolder",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "alphabet_of",
    "characters",
    "default_collate",
    "default_convert",
    "folds",
    "get_worker_info",
    "mean_and_sd",
    "one_hot",
    "random_split",
    "read_idx",
    "scaled",
    "split",
    "steps_per_epoch",
]
