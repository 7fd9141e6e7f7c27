"""The short way of a plain JPEG: the pixels of the long one, and every other file left to that."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ltnet_core.errors import DatasetError
from ltnet_core.images import image_decoding
from ltnet_core.images.image import square
from ltnet_core.images.plain_jpeg import plain_jpeg

NOISE = np.asarray(
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (9, 7, 3), dtype=np.uint8)).resize((61, 47))
)


def jpeg(mode: str = "RGB", size: tuple[int, int] = (61, 47), **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(NOISE).resize(size).convert(mode).save(out, "JPEG", **options)
    return out.getvalue()


def decoded(data: bytes, size: int = 20, channels: int = 3) -> np.ndarray | str:
    try:
        return image_decoding.decode_bytes(data, "a.jpg", lambda n: True, lambda d: square(d, size, channels))[2]
    except DatasetError as e:
        return str(e)


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return jpeg(exif=exif)


PLAIN = {
    "colour": jpeg(),
    "grey": jpeg("L"),
    "one pixel": jpeg(size=(1, 1)),
    "finely coded": jpeg(quality=100, subsampling=0),
    "coarsely coded": jpeg(quality=5, subsampling=2),
    "with a comment": jpeg(comment=b"x" * 3000),
    "with restarts": jpeg(restart_marker_blocks=1),
    "with own tables": jpeg(optimize=True),
    "with a tail": jpeg() + b"tail",
}
OTHERS = {
    "progressive": jpeg(progressive=True),
    "four inks": jpeg("CMYK"),
    "turned": turned(),
    "with a profile": jpeg(icc_profile=b"x" * 40),
    "two frames": jpeg()[: (at := jpeg().index(b"\xff\xc0"))] + jpeg()[at : at + 19] + jpeg()[at:],
    "no height": jpeg()[: at + 5] + b"\0\0" + jpeg()[at + 7 :],
    "a PNG": b"\x89PNG\r\n\x1a\n" + bytes(60),
    "the start alone": b"\xff\xd8\xff",
    "endless segments": b"\xff\xd8" + b"\xff\xfe\0\x02" * 1000,
    "a length of nothing": b"\xff\xd8\xff\xfe\0\0" + jpeg()[2:],
    "nothing": b"",
}


@pytest.mark.parametrize("what", PLAIN)
def test_the_short_way_gives_the_pixels_of_the_long_one(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = plain_jpeg(PLAIN[what])
    assert picture is not None
    with Image.open(io.BytesIO(PLAIN[what])) as image:
        assert picture == (image.mode, image.size)
    with monkeypatch.context() as patch:
        patch.setattr(image_decoding, "_open", lambda *a: pytest.fail("it went the long way"))
        short = [decoded(PLAIN[what], size, c) for size in (20, 61) for c in (1, 3)]
    monkeypatch.setattr(image_decoding, "plain_jpeg", lambda data: None)
    for mine, long in zip(short, [decoded(PLAIN[what], size, c) for size in (20, 61) for c in (1, 3)], strict=True):
        np.testing.assert_array_equal(mine, long)


@pytest.mark.parametrize("what", OTHERS)
def test_every_other_file_goes_the_long_way(what: str) -> None:
    assert plain_jpeg(OTHERS[what]) is None


def test_damage_is_said_as_the_long_way_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut anywhere, or with any byte changed."""
    data, rng = jpeg(), np.random.default_rng(1)
    damaged = [data[:n] for n in range(0, len(data), 37)]
    for _ in range(150):
        changed = bytearray(data)
        changed[rng.integers(0, len(data))] = rng.integers(0, 256)
        damaged.append(bytes(changed))
    short = [decoded(d) for d in damaged]
    monkeypatch.setattr(image_decoding, "plain_jpeg", lambda data: None)
    long = [decoded(d) for d in damaged]
    for mine, other in zip(short, long, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert sum(isinstance(s, str) for s in short) > 20


def test_a_plain_jpeg_waits_for_room_too() -> None:
    asked: list[int] = []
    done, *_ = image_decoding.decode_bytes(jpeg(), "a.jpg", lambda n: bool(asked.append(n)), lambda d: 0)
    assert not done
    assert asked[0] >= 61 * 47 * 4
