"""Images of 32 bits a pixel: their values become grey in their order, or the image is refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ltnet_core.datasets.sources.files import FolderFiles
from ltnet_core.errors import DatasetError
from ltnet_core.images.image import open_image


@pytest.mark.parametrize(
    ("pixels", "grey"),
    [
        (np.float32([0, 0.5, 1]), [0, 127, 255]),  # as scientific programs write images
        (np.float32([-1e-4, 0.5, 1.0001]), [0, 127, 255]),  # errors of rounding
        (np.float32([0, 100, 255]), [0, 100, 255]),
        (np.float32([0, 32768, 65535]), [0, 127, 255]),
        (np.int32([0, 1, 1]), [0, 1, 1]),
        (np.int32([0, 300, 65535]), [0, 1, 255]),
    ],
)
def test_values_of_32_bits_keep_their_order(pixels: np.ndarray, grey: list[int], tmp_path: Path) -> None:
    Image.fromarray(pixels[None]).save(tmp_path / "a.tif")
    assert np.asarray(open_image(FolderFiles(tmp_path), "a.tif"))[0].tolist() == grey


@pytest.mark.parametrize(
    ("pixels", "why"),
    [
        (np.int32([-1024, 3071]), "its values go from -1024 to 3071; save it with 8 or 16 bits"),
        (np.int32([0, 100_000]), "its values go from 0 to 100000; save it with 8 or 16 bits"),
        (np.float32([-0.5, 0.5]), "its values go from -0.5 to 0.5; save it with 8 or 16 bits"),
        (np.float32([np.nan, 200]), "some of its values are no finite numbers; save it with 8 or 16 bits"),
        (np.float32([np.inf, 200]), "some of its values are no finite numbers; save it with 8 or 16 bits"),
    ],
)
def test_values_that_would_be_clipped_are_no_image(pixels: np.ndarray, why: str, tmp_path: Path) -> None:
    Image.fromarray(pixels[None]).save(tmp_path / "a.tif")
    with pytest.raises(DatasetError, match=re.escape(why)):
        open_image(FolderFiles(tmp_path), "a.tif")
