"""Folders of images, by Pillow."""

import sys

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.data import DataLoader, ImageFolder

pytest.importorskip("PIL.Image")
from PIL import Image

RED = np.zeros((4, 6, 3), np.uint8)
RED[..., 0] = 255


@pytest.fixture
def folder(tmp_path):
    """Two red images of dogs, one in a folder of its own, and a dark one of a cat."""
    for name, pixels in {"dogs/b.png": RED, "dogs/more/a.PNG": RED, "cats/1.bmp": RED // 5}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    (tmp_path / "dogs/notes.txt").write_text("no image")
    return tmp_path


def test_images_and_classes(folder):
    images = ImageFolder(folder)
    assert images.classes == ["cats", "dogs"]
    assert images.class_to_idx == {"cats": 0, "dogs": 1}
    assert images.targets == [0, 1, 1]
    assert len(images) == 3
    image, label = images[1]
    assert (label, image.dtype, image.shape) == (1, gg.float32, (3, 4, 6))
    assert image[0].tolist() == np.ones((4, 6)).tolist()
    assert image[1:].sum().item() == 0
    assert images[0][0][0, 0, 0].item() == pytest.approx(0.2)


def test_size_and_channels(folder):
    assert ImageFolder(folder, size=(2, 5))[0][0].shape == (3, 2, 5)
    grey = ImageFolder(folder, channels=1)[1][0]
    assert grey.shape == (1, 4, 6)
    assert grey[0, 0, 0].item() == pytest.approx(76 / 255)
    assert ImageFolder(folder, channels=4)[0][0].shape == (4, 4, 6)


def test_transform_gets_the_pillow_image(folder):
    assert ImageFolder(folder, transform=lambda image: image.size)[2] == ((6, 4), 1)


def test_batches(folder):
    batches = list(DataLoader(ImageFolder(folder), batch_size=2))
    assert [(x.shape, y.tolist()) for x, y in batches] == [
        ((2, 3, 4, 6), [0, 1]),
        ((1, 3, 4, 6), [1]),
    ]
    x, y = ImageFolder(folder).in_memory().tensors
    np.testing.assert_array_equal(x, np.concatenate([batch[0] for batch in batches]))
    assert y.tolist() == [0, 1, 1]


def test_a_damaged_image_is_named(folder):
    path = folder / "cats/2.png"
    path.write_bytes((folder / "dogs/b.png").read_bytes()[:50])
    with pytest.raises(ValueError, match=r"2\.png cannot be read as an image"):
        ImageFolder(folder)[1]


def test_images_of_several_sizes_need_one(folder):
    Image.fromarray(RED[:2]).save(folder / "cats/2.png")
    with pytest.raises(RuntimeError, match=r"row 0 has \[3, 4, 6\] and row 1 \[3, 2, 6\]"):
        ImageFolder(folder).in_memory()


@pytest.mark.parametrize(
    "place, message",
    [("nowhere", "there is no folder"), ("dogs/more", "no images in folders of"), ("dogs", None)],
)
def test_folders_without_images(folder, place, message):
    if message is None:
        assert ImageFolder(folder / place).classes == ["more"]
        return
    with pytest.raises(FileNotFoundError, match=message):
        ImageFolder(folder / place)


def test_an_empty_class_is_named(folder):
    (folder / "birds").mkdir()
    with pytest.raises(FileNotFoundError, match="no images in birds of"):
        ImageFolder(folder)


def test_without_pillow(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"pip install 'glassgrad\[images\]'"):
        ImageFolder(folder)
