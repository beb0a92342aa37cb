"""Folders of images, one for each class; needs Pillow (`pip install 'glassgrad[images]'`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..tensors.creation import tensor
from ..tensors.tensor import Tensor
from .collate import stacked
from .dataset import Dataset, TensorDataset

ENDINGS = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


class ImageFolder(Dataset):
    """Images in folders that are named as their classes: cats/1.png, dogs/7.jpg.

    A row is (image, number of the class); the image is a tensor [channels, height, width] of
    numbers from 0 to 1, or what `transform` makes of the Pillow image.

    root      the folder of the classes' folders, which may have folders themselves
    size      (height, width) to bring all images to; as they are unless given
    channels  1 for grey, 3 for red, green, blue, 4 with opacity

    classes, class_to_idx, samples and targets are as in torchvision.
    """

    def __init__(
        self,
        root: Any,
        transform: Callable | None = None,
        *,
        size: tuple[int, int] | None = None,
        channels: int = 3,
    ) -> None:
        _pillow()
        if channels not in MODES:
            raise ValueError(f"ImageFolder: channels is 1, 3 or 4, not {channels}")
        self.root, self.transform, self.size, self.channels = Path(root), transform, size, channels
        if not self.root.is_dir():
            raise FileNotFoundError(f"ImageFolder: there is no folder {self.root}")
        self.classes = sorted(folder.name for folder in self.root.iterdir() if folder.is_dir())
        self.class_to_idx = {name: number for number, name in enumerate(self.classes)}
        self.samples = [
            (str(path), number)
            for name, number in self.class_to_idx.items()
            for path in sorted((self.root / name).rglob("*"))
            if path.suffix.lower() in ENDINGS
        ]
        self.targets = [number for _, number in self.samples]
        empty = set(self.classes) - {self.classes[number] for number in self.targets}
        if empty or not self.classes:
            where = f"in {', '.join(sorted(empty))} of" if empty else "in folders of"
            raise FileNotFoundError(
                f"ImageFolder: there are no images {where} {self.root}; images end in "
                f"{', '.join(sorted(ENDINGS))}, and each class has a folder"
            )

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        path, label = self.samples[index]
        image = self._opened(path)
        return self._tensor(image) if self.transform is None else self.transform(image), label

    def in_memory(self) -> TensorDataset:
        """All images and labels as tensors; all images have one size then."""
        return TensorDataset(
            stacked([self[row][0] for row in range(len(self))]), tensor(self.targets)
        )

    def _opened(self, path: str) -> Any:
        pillow = _pillow()
        try:
            with pillow.open(path) as image:
                return image.convert(MODES[self.channels])
        except (OSError, SyntaxError, ValueError) as error:
            raise ValueError(f"{path} cannot be read as an image: {error}") from error

    def _tensor(self, image: Any) -> Tensor:
        if self.size is not None:
            height, width = self.size
            image = image.resize((width, height))
        array = np.asarray(image, np.float32) / 255
        array = array[:, :, None] if array.ndim == 2 else array
        return Tensor.lift(np.ascontiguousarray(array.transpose(2, 0, 1)))


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise ImportError("images are read by Pillow: pip install 'glassgrad[images]'") from None
    return Image
