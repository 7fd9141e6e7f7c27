"""Names of tables matched with images: by one rule after the other, as long as it is one to one."""

from __future__ import annotations

import unicodedata

import pytest

from ltnet_core.datasets.names.image_names import match_names, nearest
from ltnet_core.datasets.sources.entry_names import forward


@pytest.mark.parametrize(
    ("name", "image", "rule"),
    [
        ("images/a.jpg", "images/a.jpg", "exact"),
        ("a.jpg", "images/a.jpg", "separators and folders"),
        (r".\images\a.jpg", "images/a.jpg", "separators and folders"),
        (r"C:\Users\x\a.jpg", "images/a.jpg", "base name"),
        ("/home/x/a.jpg", "a.jpg", "separators and folders"),
        (unicodedata.normalize("NFC", "Müller.jpg"), unicodedata.normalize("NFD", "images/Müller.jpg"), "Unicode form"),
        ("A.JPG", "images/a.jpg", "case"),
        ("https://x.org/s/a.jpg?sig=ab%2Fc&n=1", "images/a.jpg", "base name"),
        ("s3://bucket/set/M%C3%BC%20x.jpg", "images/Mü x.jpg", "base name"),
        ("/data/upload/1/0a1b2c3d-a.jpg", "images/a.jpg", "a tool's prefix"),
        ("a_jpg.rf.00000000000000000000000000000010.jpg", "train/a.jpg", "a tool's prefix"),
        ("a", "images/a.jpg", "without ending"),
        ("a.png", "images/a.jpg", "without ending"),
        ("7.png", "images/00007.png", "leading zeros"),
        ("Müller.jpg", "images/" + "Müller.jpg".encode().decode("cp437"), "code page of the archive"),
        ("表情.jpg", "images/" + "表情.jpg".encode("gbk").decode("cp437"), "code page of the archive"),
    ],
)
def test_a_name_in_another_form_is_its_image(name: str, image: str, rule: str) -> None:
    matched = match_names([name], [image, "images/other-7a.bmp"])
    assert matched.images == [image]
    assert matched.rules == {rule: 1}
    assert matched.ambiguous == {}


@pytest.mark.parametrize(
    ("names", "images"),
    [
        (["a.jpg"], ["A/a.jpg", "B/a.jpg"]),
        (["a"], ["a.jpg", "a.png"]),
        (["x/a.JPG"], ["A/a.jpg", "B/a.jpg"]),
    ],
)
def test_a_name_of_two_images_is_ambiguous(names: list[str], images: list[str]) -> None:
    matched = match_names(names, images)
    assert matched.images == names
    assert matched.ambiguous == {names[0]: images}


def test_an_image_that_has_its_name_is_not_taken_for_another() -> None:
    """a.png is missing: a.jpg is somebody else's."""
    assert match_names(["a.jpg", "a.png"], ["a.jpg"]).images == ["a.jpg", "a.png"]
    assert match_names(["b.bmp", "b.png"], ["b.jpg"]).images == ["b.bmp", "b.png"]
    assert match_names(["A.jpg", "a.JPG"], ["a.jpg"]).images == ["A.jpg", "a.JPG"]


def test_one_image_may_have_several_addresses() -> None:
    names = ["http://x/a.jpg?sig=1", "http://x/a.jpg?sig=2"]
    assert match_names(names, ["i/a.jpg"]).images == ["i/a.jpg", "i/a.jpg"]


def test_folders_tell_images_of_one_name_apart() -> None:
    images = ["train/x/a.jpg", "val/x/a.jpg"]
    assert match_names(["VAL/x/A.jpg", "TRAIN/x/a.jpg"], images).images == ["val/x/a.jpg", "train/x/a.jpg"]


def test_nothing_outside_is_matched() -> None:
    assert match_names(["../../a.jpg"], ["images/a.jpg"]).images == ["../../a.jpg"]


def test_the_nearest_name_is_told() -> None:
    assert (
        nearest("images/face_17.jpg", ["images/face_1.jpg", "images/tree.jpg"])
        == " The nearest is 'images/face_1.jpg'."
    )
    assert nearest("gone.jpg", ["images/a.jpg"]) == ""


def test_a_tools_long_prefix_and_the_decimals_of_a_number_are_left_out() -> None:
    uuid = "0a1b2c3d-1234-5678-9abc-def012345678-f1.png"
    matched = match_names([uuid, "17.0", "1.0"], ["a/f1.png", "a/17.png", "a/1.png"])
    assert matched.images == ["a/f1.png", "a/17.png", "a/1.png"]
    assert matched.rules == {"a tool's prefix": 1, "decimals of a number": 2}


def test_a_backslash_may_be_half_of_a_letter() -> None:
    so = "ソ".encode("shift_jis").decode("cp437")
    assert forward(f"images/{so}a.png", slashes=True) == f"images/{so}a.png"
    assert forward("images\\a.png", slashes=True) == "images/a.png"
    assert forward(f"images\\{so[0]}\\a.png", slashes=False) == f"images/{so[0]}/a.png"
    assert match_names(["ソa.png"], [f"images/{so}a.png"]).rules == {"code page of the archive": 1}
