"""Sentences and letters that the pages show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import Command
from page_driver import ROOT

from ltnet_core.annotations import MACHINE_PREFIX
from ltnet_core.datasets import load_dataset
from ltnet_core.errors import DatasetError
from ltnet_core.labels.intervals import difference_of_shares, wilson
from ui import (
    compare,
    gallery,
    markup,
    wording,
)


def test_letters_are_short_and_unique() -> None:
    assert gallery.letters(["Human", "RAF", "machine:RAF"]) == {"Human": "H", "RAF": "R", "machine:RAF": "mR"}
    assert gallery.letters(["FER2013", "FERPlus"]) == {"FER2013": "F2013", "FERPlus": "FP"}
    assert gallery.letters(["<script>", "\u202e[x]", "***"]) == {"<script>": "S", "\u202e[x]": "X1", "***": "X2"}
    many = gallery.letters([f"coder {i}" for i in range(120)] + ["LT", "Ltd", "a", "A", "é"])
    assert len(set(many.values())) == 125
    assert [gallery.letters([f"w{n}" for n in range(59)])[w] for w in ("w1", "w10", "w58")] == ["W1", "W10", "W58"]
    assert "LT" not in many.values()


@pytest.mark.parametrize(
    ("coders", "tags"),
    [
        (["w10", "w20", "w21"], ["W10", "W20", "W21"]),
        (["w1", "w12", "w3"], ["W1", "W12", "W3"]),
        (["Jo", "jo", "j1"], ["Jo", "J2", "J1"]),
        (["w10", "W10", "w010", "w1"], ["W10", "W10-1", "W010", "W1"]),
        (["1", "2", "10", "01"], ["1", "2", "10", "01"]),
        (["100001234", "200001234"], ["…1234", "…001234"]),
    ],
)
def test_the_number_of_a_tag_is_that_of_the_coders_name(coders: list[str], tags: list[str]) -> None:
    assert gallery.letters(coders) == dict(zip(coders, tags, strict=True))


@pytest.mark.parametrize(
    ("table", "fact", "by_flag", "here"),
    [
        ("a;b\nx;y\n", "labels.csv has 'a', 'b'.", "--columns image=…,coder=…,label=…", "image, coder and label"),
        (
            "image,coder,label,split\n0.png,A,x,test\n1.png,A,y,test\n",
            "nothing to learn from.",
            "--split train=NAMES",
            "“train”",
        ),
        ("nothing\n", "Add a table with the columns image,coder,label.", "--format says", "“How a dataset looks”"),
    ],
)
def test_a_refusal_tells_a_page_of_no_flag(
    tmp_path: Path, ltnet: Command, table: str, fact: str, by_flag: str, here: str
) -> None:
    (tmp_path / "labels.csv").write_text(table)
    outside = ltnet("inspect", tmp_path)
    assert outside.returncode == 2 and f"{fact} {by_flag}" in outside.stderr
    with pytest.raises(DatasetError) as refused:
        load_dataset(tmp_path)
    text = wording.refusal(refused.value)
    assert fact in text and here in text and "--" not in text


def test_sentences() -> None:
    t = [[0.9, 0.1, 0.0], [0.31, 0.69, 0.0], [0.0, 0.05, 0.95]]
    assert (
        wording.confusions_sentence("FER2013", t, ["neutral", "sadness", "fear"])
        == "FER2013 says neutral for 31 % of sadness and sadness for 10 % of neutral."
    )
    ends = np.array([[0.0, 0.05, 0.0], [0.2, 0.6, 0.0], [0.0, 0.0, 0.9]]), np.ones((3, 3)) * 0.45
    first, _ = wording.top_confusions(t, ["neutral", "sadness", "fear"], interval=ends)
    assert first == "neutral for 31 % (20 to 45) of sadness"
    assert "no two classes" in wording.confusions_sentence("A", [[1.0, 0.0], [0.0, 1.0]], ["x", "y"])
    assert wording.duration(600) == "10 minutes"
    methods = {"mixture": {"accuracy": 0.8}, "ltnet": {"accuracy": 0.75}, "majority": {"accuracy": None}}
    assert compare.sentence(methods).startswith("LTNet is right on 75.0 % of the images, 5.0 points fewer")
    few = {"mixture": {"accuracy": 0.8, "items": 100}, "ltnet": {"accuracy": 0.85, "items": 100}}
    assert compare.sentence(few).endswith("between −5.6 and +15.6 points: too wide to say which of the two is better.")
    many = {m: {**v, "items": 10_000} for m, v in few.items()}
    assert compare.sentence(many).endswith("With 95 % confidence the difference is between +3.9 and +6.1 points.")
    np.testing.assert_allclose(wilson(0.8, 100), (0.7111, 0.8666), atol=1e-4)  # by the formula in the paper
    assert wilson(1.0, 10)[1] == 1.0
    # Newcombe's table II, method 10.
    np.testing.assert_allclose(difference_of_shares(56 / 70, 70, 48 / 80, 80), (0.0524, 0.3339), atol=1e-4)
    np.testing.assert_allclose(difference_of_shares(1.0, 10, 0.0, 10), (0.6075, 1.0), atol=1e-4)


@pytest.mark.parametrize(
    "phrase",
    [
        "by how often the network meets",
        "starts next to the identity",
        "truth sides with",
        "trust them fully",
        "learn how they err",
        "labels are green",
    ],
)
def test_what_readers_could_not_decode_is_said_nowhere(phrase: str) -> None:
    folders = ("ui", "pages", "assets", "ltnet_core")
    files = [f for folder in folders for f in (ROOT / folder).rglob("*.*") if f.suffix in (".py", ".js", ".html")]
    assert len(files) > 100
    assert [f.name for f in files if phrase in " ".join(f.read_text(encoding="utf-8").split())] == []


def test_english_around_a_right_to_left_name_runs_from_left_to_right() -> None:
    """A browser takes the direction of a text from its first letter, also where that is of an isolated name."""
    assert markup.esc(wording.coder_name(f"{MACHINE_PREFIX}سعيد")).startswith('<bdi dir="ltr">')
    assert markup.esc(wording.method_name("coder:سعيد")).startswith('<bdi dir="ltr">')
    assert markup.esc("سعيد") == "<bdi>سعيد</bdi>"
