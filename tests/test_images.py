"""Pixels: every kind of image people have, and the broken ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ltnet_core.datasets.all_images import decode_all, look_at_all
from ltnet_core.datasets.sources.files import FolderFiles
from ltnet_core.errors import DatasetError
from ltnet_core.images.image import load_pixels, open_image, survey


def test_every_mode_becomes_grey_or_colour(tmp_path: Path) -> None:
    modes = {"L": "L", "1": "L", "P": "RGB", "RGB": "RGB", "RGBA": "RGB", "LA": "RGB"}
    for mode in modes:
        Image.new("RGB", (20, 10), (200, 30, 30)).convert("L" if mode == "LA" else "RGB").convert(mode).save(
            tmp_path / f"{mode}.png"
        )
    Image.new("CMYK", (20, 10), (0, 255, 255, 0)).save(tmp_path / "CMYK.jpg")
    Image.new("RGB", (20, 10), "red").save(
        tmp_path / "anim.gif", save_all=True, append_images=[Image.new("RGB", (20, 10))]
    )
    files = FolderFiles(tmp_path)
    for mode, expected in modes.items():
        assert open_image(files, f"{mode}.png").mode == expected, mode
    red = np.asarray(open_image(files, "CMYK.jpg"))[5, 5]
    assert red[0] > 200
    assert red[1] < 60
    assert open_image(files, "anim.gif").size == (20, 10)


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 32768], [65535, 16384]], dtype=np.uint16)).save(tmp_path / "deep.png")
    np.testing.assert_allclose(np.asarray(open_image(FolderFiles(tmp_path), "deep.png")), [[0, 127], [255, 63]], atol=1)


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (20, 10)).save(tmp_path / "r.jpg", exif=exif)
    assert open_image(FolderFiles(tmp_path), "r.jpg").size == (10, 20)


def test_pixels_have_the_size_and_channels_asked_for(tmp_path: Path) -> None:
    Image.new("RGB", (30, 10), "blue").save(tmp_path / "a.png")
    files = FolderFiles(tmp_path)
    assert load_pixels(files, "a.png", 8, 3).shape == (3, 8, 8)
    assert load_pixels(files, "a.png", 8, 1).shape == (1, 8, 8)


def test_broken_images_are_set_aside_and_the_rest_decoded(tmp_path: Path) -> None:
    Image.new("L", (12, 12), 77).save(tmp_path / "good.png")
    (tmp_path / "junk.png").write_bytes(b"not an image")
    (tmp_path / "empty.png").write_bytes(b"")
    whole = (tmp_path / "good.png").read_bytes()
    (tmp_path / "torn.png").write_bytes(whole[: len(whole) // 2])
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    files = FolderFiles(tmp_path)
    out = tmp_path.parent / f"{tmp_path.name}.npy"
    broken = decode_all(files, files.names, 8, 1, out)
    assert sorted(broken) == ["empty.png", "junk.png", "torn.png"]
    errors = {n: x.error for n, x in zip(files.names, look_at_all(files, files.names), strict=True) if x.error}
    assert sorted(errors) == sorted(broken)
    pixels = np.load(out, allow_pickle=False)
    assert pixels.shape == (4, 1, 8, 8)
    assert (pixels[files.names.index("good.png")] == 77).all()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")
    with pytest.raises(DatasetError, match=r"bomb\.png"):
        open_image(FolderFiles(tmp_path), "bomb.png")


def test_survey_tells_grey_from_colour(tmp_path: Path) -> None:
    Image.new("RGB", (48, 60), (90, 90, 90)).save(tmp_path / "grey-in-rgb.png")
    files = FolderFiles(tmp_path)
    assert survey(files, files.names) == (48, 1)
    Image.new("RGB", (48, 48), "red").save(tmp_path / "red.png")
    files = FolderFiles(tmp_path)
    assert survey(files, files.names) == (48, 3)
    large = tmp_path / "large"
    large.mkdir()
    Image.new("RGB", (900, 700), (90, 90, 90)).save(large / "a.jpg")
    assert survey(FolderFiles(large), ["a.jpg"]) == (700, 1)
