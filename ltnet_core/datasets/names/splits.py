"""The part of a dataset that a folder, a file or a value of a split column is, by its name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..coded_columns import mapped
from ..corrections import Corrections
from ..questions import Answer, Question, flag, listed
from .languages import elsewhere, phrases
from .missing import ABSENT, plain

TRAIN_ELSEWHERE, TEST_ELSEWHERE = frozenset(elsewhere("train")), frozenset(elsewhere("test"))
TRAIN = TRAIN_ELSEWHERE | {"train", "training", "trainset", "tr", "trn", "learn", "fit", "developmenttrain"}
TEST = TEST_ELSEWHERE.union(
    phrases(
        "test, testing, tests, tst, te, testset, val, valid, validate, validation, validating, vali, dev, devel, "
        "development, eval, evaluation, evaluate, holdout, heldout, public, private, publictest, privatetest"
    )
)
UNLABELLED = frozenset({"unlabelled", "unlabeled", "nolabel", "nolabels"})
FORM = frozenset({"sample", "submission", "submissions", "submit", "example", "template"})
TRUTH = frozenset((*phrases("truth, groundtruth, gt, gold, golden, goldstandard, reference"), *elsewhere("truth")))
AGREED = frozenset(
    phrases(
        "consensus, majority, adjudicated, adjudication, agreed, resolved, tiebreak, tiebreaker, arbitrated, "
        "arbitration, final"
    )
).union(elsewhere("agreed"))
FEW = 4
# What pieces of one dataset are called: fold1, batch_2.
PIECE = re.compile(
    r"(?:\w+[ _\-])?(?:k?fold|cv|part|batch|chunk|piece|session|shard|volume|subset|split|set|group)"
    r"(?:[ _\-]?\d+|[ _\-][a-d])"
)
# Parts of which one is for training, by no rule which.
PAIRED = frozenset(phrases("seen, unseen, known, unknown, gallery, probe, query, support, base, novel, holdin"))
# Words of these, and of models, that people and teams have in their names, and words beside them that change nothing.
OF_PEOPLE = frozenset({"gold", "golden", "reference", "final", "model", "machine", "auto", "ai", "bot", "network"})
BESIDE = frozenset(
    phrases(
        "label, labels, standard, answer, answers, vote, votes, v, version, decision, class, category, diagnosis, "
        "emotion, expression, species, annotation, annotations, annotator, rater, reader, coder, rating, grade, "
        "score, data, dataset, set, list, file, panel"
    )
)
# Endings of a part in one word: Trainingsdaten, testimages.
CONTENT = re.compile(
    r"(\w{3,}?)s?(?:daten(?:satz)?|bild(?:er)?|menge|satz|data(?:set)?|images?|imgs?|pictures|photos|faces|labels?|"
    r"annotations|samples|files|list|split|part|set)"
)
# The same in writings without blanks: 训练数据, 検証用, 훈련데이터.
CONTENT_BEHIND = re.compile(
    r"(\w{2,}?)(?:用|데이터(?:셋|세트)?|이미지|용)?(?:用|集|画像|图片|图像|圖片|数据集?|數據集?|資料集?|データ(?:セット)?|데이터(?:셋|세트)?|이미지|용)"
)
# Words beside them that change nothing: train_images, Val_Aligned_Faces, FER2013Train, test_set.
WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+")


def words(name: str) -> list[str]:
    """The words of a name in lower case: ``FER2013Train`` → fer, 2013, train.

    >>> words("Val_Aligned_Faces")
    ['val', 'aligned', 'faces']
    """
    return [w.lower() for w in WORD.findall(unicodedata.normalize("NFC", name))]


def bare_words(name: str) -> list[str]:
    """The words of a name, each without what it says of its content.

    >>> bare_words("Testdaten_2"), bare_words("trainset")
    (['test', '2'], ['trainset'])
    """
    return [w if w in TRAIN | TEST else _bare(w) for w in words(name)]


def _bare(word: str) -> str:
    ends = CONTENT.fullmatch(word) or CONTENT_BEHIND.fullmatch(word)
    return word if ends is None else ends[1]


def part_of(name: str) -> str | None:
    """train or test where a name says so, alone or among other words; None where it says neither or both.

    >>> part_of("PublicTest"), part_of("Train_Aligned_Faces"), part_of("happy"), part_of("train_test_split")
    ('test', 'train', None, None)
    """
    parts = bare_words(name)
    together = "".join(parts)
    if together in TRAIN or together in TEST:
        return "train" if together in TRAIN else "test"
    train, test = not TRAIN.isdisjoint(parts), not TEST.isdisjoint(parts)
    return None if train == test else ("train" if train else "test")


def is_form(name: str) -> bool:
    """Whether a file is a form to be filled in, such as ``sample_submission.csv``."""
    parts = words(name.rsplit("/", 1)[-1].rsplit(".", 1)[0])
    return not FORM.isdisjoint(parts) and bool({"submission", "submissions", "submit", "template"} & set(parts))


def is_truth(name: str) -> bool:
    """Whether a file holds known truth by its name: ``truth.csv``, ``gt.csv``, ``ground_truth.csv``, ``golden.csv``."""
    bare = name.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return (is_called(bare, TRUTH) and len(words(bare)) <= 3) or "".join(words(bare)) in TRUTH


def is_agreed(name: str) -> bool:
    """Whether a file is a consensus by its name: made of others' labels, or the labels of another coder."""
    return is_called(name.rsplit("/", 1)[-1].rsplit(".", 1)[0], AGREED)


def is_called(coder: str, kind: Collection[str]) -> bool:
    """Whether a coder is called like what is no person, by the words ``kind``.

    Some of these words are also in names of people and teams, beside other words, all with one capital letter.

    >>> [is_called(name, AGREED | TRUTH) for name in ("final_labels", "Final Fantasy", "Anna Gold", "ISIC_Gold")]
    [True, False, False, True]
    """
    parts = [
        w for w in WORD.findall(unicodedata.normalize("NFC", coder)) if not w.isdigit() and w.lower() not in BESIDE
    ]
    said = {w.lower() for w in parts if w.lower() in kind and w != "Ai"}
    others = [w for w in parts if w.lower() not in kind]
    named = all(w[0].isupper() for w in parts) and all(len(w) == 1 or not w.isupper() for w in others)
    return bool(said - OF_PEOPLE) or bool(said and not (others and named))


def are_splits(folders: Iterable[str], corrections: Corrections) -> bool:
    """Whether folders beside each other are parts of one dataset: each is one by name, and one is for training."""
    parts = [corrections.part(f) or part_of(f) for f in folders]
    return bool(parts) and None not in parts and "train" in parts


def parts_of_values(values: Sequence[str], corrections: Corrections) -> dict[str, str | None]:
    """Value of a split column → train, test, ignore; None where it is not clear. An absent cell is train."""
    out: dict[str, str | None] = {}
    for value in values:
        corrected = corrections.part(value)
        out[value] = corrected or ("train" if plain(value) in ABSENT else part_of(value))
    return out


@dataclass(frozen=True)
class SplitColumn:
    """A split column, read.

    Attributes
    ----------
    rows : (rows,) categorical: train, test, test:NAME or ignore.
    values : value → train, test or ignore.
    question : about unclear values, if any.
    """

    rows: pd.Categorical[Any]
    values: dict[str, str]
    question: Question | None


def read_split(column: pd.Series, title: str, file: str, corrections: Corrections, others: bool = False) -> SplitColumn:
    """Read a split column; a value that names no part is taken as train, with a question.

    ``others`` is whether other tables may name images to train on.
    """
    names = [str(c) for c in column.cat.categories]
    used = np.bincount(column.cat.codes[column.cat.codes >= 0], minlength=len(names)) > 0
    parts = parts_of_values(names, corrections)
    unclear = [n for n, u in zip(names, used, strict=True) if u and parts[n] is None]
    rows = mapped(column, [set_name(parts[n] or "train", n) for n in names])
    values = {n: parts[n] or "train" for n, u in zip(names, used, strict=True) if n and u}
    some_train = others or any(u and parts[n] == "train" for n, u in zip(names, used, strict=True))
    each = others or not some_train  # may be for training, and the other values not
    question = _unclear(unclear, title, file, some_train, each) if unclear else None
    return SplitColumn(rows, values, question)


def set_name(part: str, name: str) -> str:
    """The value of ``split`` for a part: train, ignore, test, or test:NAME where the set has a name of its own."""
    return part if part != "test" or name.lower() == "test" else f"test:{name}"


def _one_way(train: str, test: Sequence[str]) -> Answer:
    text = f"{flag('--split', 'train=' + listed([train]))} {flag('--split', 'test=' + listed(test))}"
    return Answer(text, f"{train} is trained on, {', '.join(test)} is evaluated")


def _unclear(values: Sequence[str], title: str, file: str, some_train: bool, each: bool) -> Question:
    shown = listed(values[:20])
    sentence = f"{file}: the split column {title!r} holds {', '.join(map(repr, values[:8]))}: to train on, or held out?"
    answers = [
        Answer(flag("--split", f"train={shown}"), "they are trained on"),
        Answer(flag("--ignore", listed([title])), f"{title} is no split"),
    ]
    if some_train:
        answers.insert(0, Answer(flag("--split", f"test={shown}"), "they are evaluated and never trained on"))
    if each and 1 < len(values) <= FEW:
        answers = [*(_one_way(v, [x for x in values if x != v]) for v in values), *answers]
    return Question("split values", sentence, (title,), tuple(answers))
