"""Questions about coders: whether they are any, and whether they speak of the same classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from ...annotation_rows import MACHINE_PREFIX
from ...annotations import ADJUDICATOR
from ..corrections import Corrections
from ..names.class_numbers import all_numbers
from ..names.splits import AGREED, PAIRED, TRAIN_ELSEWHERE, TRUTH, bare_words, is_called, part_of, words
from ..questions import Answer, Question, flag, listed
from ..reading import Rows
from .row_questions import MODELS

SHOWN, FEWEST = 8, 5
GIVEN_NAMES = frozenset({"Val", "Dev"})


def called_like_parts(labels: Sequence[Rows], own: set[str], corrections: Corrections) -> list[Question]:
    """The question whether coders are parts of one dataset: their folders or files are named test, val or similar.

    ``own`` are coders that have the name of their table; where there are some, other names come from the cells. Val and
    Dev are people where others have labelled the same images.
    """
    rows = [r for r in labels if "coder" in r.frame and "split" not in r.frame]
    names = sorted({str(c) for r in rows for c in r.frame["coder"].unique()})
    held = [n for n in names if part_of(n) == "test" and (not own or n in own)]
    if not held and any(called_train(n) and (not own or n in own) for n in names):
        held = [n for n in names if not called_train(n)]
    paired = not held and all("".join(bare_words(n)) in PAIRED and (not own or n in own) for n in names)
    held = names if paired else held
    if held and GIVEN_NAMES.issuperset(held) and _share_images(rows, held):
        return []
    if len(names) < 2 or not held or corrections.annotators or any(corrections.part(n) for n in names):
        return []
    ways = [Answer(flag("--annotators", listed(names)), "each is a coder")]
    if len(held) < len(names):
        ways.insert(
            0, Answer(flag("--split", f"test={listed(held)}"), f"{', '.join(held)} is evaluated, not learned from")
        )
    else:
        for train in names[:4]:
            out = [n for n in names if n != train]
            flags = f"{flag('--split', 'train=' + listed([train]))} {flag('--split', 'test=' + listed(out))}"
            ways.append(Answer(flags, f"{train} is trained on, {', '.join(out)} is evaluated"))
    called, part = (held, "the test part") if part_of(held[0]) == "test" else (held, "parts")
    if not paired and part == "parts":
        called, part = list(filter(called_train, names)), "the training part"
    sentence = (
        f"{', '.join(map(repr, names[:SHOWN]))} are read as coders, but {', '.join(map(repr, called[:SHOWN]))} "
        f"{'is' if len(called) == 1 else 'are'} called like {part} of a dataset."
    )
    return [Question("coder called like a part", sentence, tuple(held), tuple(ways))]


def called_train(name: str) -> bool:
    """Whether a name is that of a training part and of nothing else; a Dr. Train may be a coder."""
    return (
        "".join(words(name)) in ("train", "training", "trainset", "trainingset") or name.casefold() in TRAIN_ELSEWHERE
    )


def _share_images(rows: Sequence[Rows], coders: Collection[str]) -> bool:
    """Whether half of the images of these coders are also another coder's."""
    images: dict[bool, set[str]] = {False: set(), True: set()}
    for r in rows:
        theirs = r.frame["coder"].isin(coders)
        for whose in images:
            images[whose].update(map(str, r.frame["image"][theirs == whose].unique()))
    return 2 * len(images[True] & images[False]) >= len(images[True])


def other_base(by_coder: Mapping[str, Mapping[str, float]], corrections: Corrections) -> list[Question]:
    """The question whether some coders counted classes from 0 and others from 1: as many numbers, from 0 and from 1."""
    if len(by_coder) < 2 or corrections.annotators or corrections.classes:
        return []
    used = {c: sorted({int(v) for v in counts}) for c, counts in by_coder.items() if all_numbers(list(counts))}
    many = max((len(v) for v in used.values()), default=0)
    zero = [c for c, v in used.items() if v == list(range(many))]
    one = [c for c, v in used.items() if v == list(range(1, many + 1))]
    if many < 3 or not zero or not one or len(zero) + len(one) < len(by_coder):
        return []
    a, b = ", ".join(map(repr, zero[:3])), ", ".join(map(repr, one[:3]))
    sentence = (
        f"the numbers of {a} run from 0 to {many - 1} and those of {b} from 1 to {many}: counted from 0 and from 1?"
    )
    ways = (
        Answer(flag("--annotators", listed(by_coder)), "a number is the same class for everybody"),
        Answer(flag("--ignore", listed(one)), f"{', '.join(one[:3])} is left out"),
    )
    return [Question("base of class numbers", sentence, tuple([*zero, *one][:SHOWN]), ways)]


def strangers(by_coder: Mapping[str, Mapping[str, float]], corrections: Corrections) -> list[Question]:
    """The question whether coders who share no class with any other, or hardly any, are coders."""
    if len(by_coder) < 2 or corrections.annotators or corrections.classes:
        return []
    used: Counter[str] = Counter(v for counts in by_coder.values() for v in counts)
    alone = [
        c
        for c, counts in by_coder.items()
        if all(used[v] == 1 for v in counts) and sum(counts.values()) >= FEWEST and len(counts) > 1
    ]
    others = [c for c in by_coder if c not in alone]
    if not alone or (not others and len(alone) < 2):
        return _other_words(by_coder, used)
    if others and sum(sum(by_coder[c].values()) for c in others) < FEWEST:
        return []
    shown = "; ".join(f"{c!r} says {', '.join(list(by_coder[c])[:4])}" for c in alone[:3])
    sentence = f"{shown}: such a coder shares no class with any other and may be no annotator, or use other names."
    ways = [Answer(flag("--annotators", listed(by_coder)), "all are coders, and the classes are different")]
    if len({v for c in others for v in by_coder[c]}) > 1:
        ways.insert(0, Answer(flag("--ignore", listed(alone)), f"{', '.join(alone[:3])} is left out"))
    elif not others:
        ways += [Answer(flag("--annotators", listed([c])), f"only {c} is a coder") for c in alone[:4]]
    return [Question("coder that shares no class", sentence, tuple(alone[:SHOWN]), tuple(ways))]


def _other_words(by_coder: Mapping[str, Mapping[str, float]], used: Counter[str]) -> list[Question]:
    """The question whether coders use other words for the classes of the others, as in another language.

    Such a coder says in half of the labels what nobody else says, and never what the others say in half of theirs.
    """
    total: dict[str, float] = {}
    for counts in by_coder.values():
        for label, n in counts.items():
            total[label] = total.get(label, 0) + n
    odd = []
    for coder, counts in by_coder.items():
        own = [v for v in counts if used[v] == 1]
        if len(own) < 2:
            continue
        unsaid = set(total) - set(counts)
        said, mine, theirs = sum(counts.values()), sum(counts[v] for v in own), sum(total[v] for v in unsaid)
        by_others = sum(total.values()) - said
        several = len(unsaid) > 1 and min(said, by_others) >= FEWEST
        if several and 2 * mine >= said and 2 * theirs >= by_others:
            odd.append((coder, own, sorted(unsaid)))
    if not odd:
        return []
    shown = "; ".join(f"{c!r} says {', '.join(o[:3])} and never {', '.join(u[:3])}" for c, o, u in odd[:3])
    sentence = f"{shown}, unlike the others: such a coder may use other words for the same classes."
    ways = [Answer(flag("--annotators", listed(by_coder)), "all are coders, and the classes are different")]
    ways += [Answer(flag("--ignore", listed([c])), f"{c} is left out") for c, *_ in odd[:4]]
    return [Question("coder of other words", sentence, tuple(c for c, *_ in odd[:SHOWN]), tuple(ways))]


def called_like_truth(
    by_coder: Mapping[str, Mapping[str, float]], own: Collection[str], corrections: Corrections
) -> list[Question]:
    """The question whether coders called gold, consensus or model are coders beside the people.

    ``own`` are coders that have the name of their table, of which the tables are asked about.
    """
    if len(by_coder) < 2 or corrections.annotators:
        return []

    def says(name: str) -> str:
        if name.startswith(MACHINE_PREFIX) or name == ADJUDICATOR:
            return ""  # refused by `fit`, which says why
        if is_called(name, MODELS | {"pred", "preds"}):
            return "model"
        return "agreed" if is_called(name, AGREED | TRUTH) and name not in own else ""

    kinds = {c: says(c) for c in by_coder}
    odd = [c for c, kind in kinds.items() if kind]
    if not odd or len(odd) == len(by_coder):
        return []
    what = "a model" if all(kinds[c] == "model" for c in odd) else "known truth, or what the coders agreed on"
    sentence = f"{', '.join(map(repr, odd[:SHOWN]))} among the coders is called like {what}, which is no annotator."
    ways = (
        Answer(flag("--ignore", listed(odd)), f"{', '.join(odd[:3])} is left out"),
        Answer(flag("--annotators", listed(by_coder)), "it is a coder like the others"),
    )
    return [Question("coder called like no person", sentence, tuple(odd[:SHOWN]), ways)]
