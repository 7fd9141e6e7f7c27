"""Names that the columns of a table of labels usually have."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from ..names.languages import elsewhere, phrases


def short(name: str) -> str:
    """A column's name without case, blanks, dashes, dots and underscores.

    >>> short("Image Name"), short("true_label")
    ('imagename', 'truelabel')
    """
    return re.sub(r"[\s_.\-:/]+", "", unicodedata.normalize("NFC", name).casefold())


ROLES = {
    "image": (
        "image",
        "file_name",
        "filename",
        "file",
        "image_path",
        "image_name",
        "image name",
        "filepath",
        "file_path",
        "path",
        "img",
        "item",
        "item_id",
        "task",
        "task_id",
        "image_id",
        "id",
    ),
    "coder": (
        "coder",
        "worker",
        "annotator",
        "rater",
        "labeler",
        "labeller",
        "reader",
        "coder_id",
        "worker_id",
        "annotator_id",
        "rater_id",
        "user",
        "user_id",
    ),
    "label": (
        "label",
        "class",
        "category",
        "annotation",
        "response",
        "answer",
        "emotion",
        "expression",
        "class_name",
        "label_name",
        "rating",
    ),
    "count": ("count", "votes", "n_votes"),
    "split": ("split", "usage", "subset", "partition"),
}

# Further names, without blanks, dashes and underscores; the usual ones above are asked first.
MORE = {
    "image": phrases(
        "imagename, imagefile, imagefilename, imagepath, imgname, imgpath, imgid, imgfile, imageurl, imageuri, "
        "imgurl, photo, photoid, picture, pictureid, pic, picname, imagepair, stimulus, stimulusid, question, "
        "questionid, sampleid, itemname, objectid, pth, fname, fpath, filenames, imageid, images, taskid, "
        "instanceid, exampleid, isicid, fileid, unitid"
    ),
    "coder": phrases(
        "workerid, annotatorid, raterid, coderid, userid, readerid, labelerid, labellerid, username, annotatorname, "
        "ratername, readername, codername, workername, labeledby, labelledby, labeler, annotatedby, completedby, "
        "ratedby, readby, radid, turker, turkerid, grader, graderid, assessor, judge, judgeid, reviewer, radiologist, "
        "pathologist, physician, doctor, oracle, observer, observerid, participant, participantid, subj, subject, "
        "subjectid, subjid, player, volunteer, expertid, email, person, personid, contributor, contributorid, "
        "initials, createdby, taggedby, reviewedby, gradedby, classifiedby, scoredby, tagger, codedby, "
        "participantprivateid, participantpublicid, prolificpid, prolificid, respondent, respondentid, responseid"
    ),
    "label": phrases(
        "dx, diagnosis, finding, grade, species, sentiment, verdict, choice, judgment, judgement, objectresponse, "
        "decision, classname, labelname, categoryname, emotionlabel, emotionname, tag, expressionlabel, classlabel, "
        "classification, score, labels, classes, target, y, severity, classid, labelid, categoryid, emotionid, "
        "expressionid, imagelabel, annotations, answerlabel, opinion, reading, vote, selection, labeltext, "
        "assignedlabel, givenlabel, subjectresponse"
    ),
    "count": ("votes", "nvotes", "n", "numvotes", "votecount", "times", "answers"),
    "split": ("datasplit", "splitname", "dataset_split", "traintest", "trainvaltest", "splits", "set", "phase", "part"),
    "truth": phrases(
        "truth, truelabel, trueclass, truecategory, trueemotion, groundtruth, groundtruthlabel, gt, gtlabel, gold, "
        "goldlabel, golden, goldenlabel, goldstandard, correct, correctlabel, actual, correctanswer, "
        "correctresponse, correctclass, actuallabel, actualclass, referencelabel, expected, expectedlabel, "
        "trueanswer, trueresponse, knownlabel, knowntruth, cleanlabel, ytrue"
    ),
    "confidence": phrases(
        "confidence, conf, certainty, probability, prob, likelihood, score, sureness, confidences, confidencescore, "
        "labelconfidence, howsure, sure, self_confidence, selfconfidence, weight"
    ),
    "source": ("source", "dataset", "datasetlabel", "datasetname", "origin", "collection", "database", "corpus", "db"),
    "fold": ("fold", "folds", "kfold", "cvfold", "foldid"),
    "agreed": phrases(
        "consensus, majority, majorityvote, majoritylabel, finallabel, adjudicated, agreed, final, maximum, mean, "
        "average, avg, median, mode, worst, tiebreaker, adjudicator, referee"
    ),
}
MORE = {what: (*names, *map(short, elsewhere(what))) for what, names in MORE.items()}
# Words in longer names: emotion_gold, reference_standard, Ann_conf.
TRUTH_WORDS = frozenset({"truth", "gold", "golden", "gt", "groundtruth", "reference"}).union(elsewhere("truth"))
LABEL_WORDS = frozenset(phrases("label, labels, class, category, diagnosis, emotion, expression, species")).union(
    elsewhere("label")
)
AGREED_WORDS = frozenset(
    phrases(
        "consensus, majority, adjudicated, adjudication, agreed, resolved, resolution, arbitrated, arbitration, "
        "tiebreak, final, aggregated, sum, total, mean, average, avg, median, mode, modal, sd, std, stdev, "
        "variance, range, difference, diff, kappa, rounded, entropy"
    )
).union(elsewhere("agreed"))
# Those of numbers alone; Sum and Mean may be people who wrote words.
COMPUTED = frozenset({"sum", "total", "mean", "average", "avg", "median", "sd", "std", "range", "difference", "diff"})
# Beside them these change nothing: final_label is what was agreed on, Ann_final is not.
ANSWER_WORDS = LABEL_WORDS | {"vote", "votes", "grade", "score", "rating", "decision", "dx", "answer", "result"}
# A person in a longer name, beside words that say how the person is named: rater_initials. Reader 2 is no such name.
CODER_WORDS = frozenset(
    phrases(
        "coder, worker, annotator, rater, labeler, labeller, reader, grader, assessor, judge, reviewer, radiologist, "
        "pathologist, physician, doctor, observer, respondent, contributor, tagger, turker, expert"
    )
).union(elsewhere("coder"))
NAMING = frozenset(
    phrases(
        "crowd, id, ids, uid, name, no, nr, num, number, code, initials, email, mail, key, hash, pseudonym, username"
    )
)
# What people also call their labels; a column of such a name that could be the only one is the label.
LIKELY_LABELS = frozenset(
    phrases(
        "impression, call, outcome, result, assessment, identification, taxon, genus, family, breed, variety, bird, "
        "animal, plant, object, value, option, mood, feeling, affect, pathology, disease, stage, level, gesture, "
        "action, activity, kind, material, defect, damage, style, genre, topic, scene, crop, digit, letter, shape, "
        "decision, opinion, tag, what, said, chosen, assigned, given, answer, response, annotation, rating, grade, "
        "choice, verdict, judgment, judgement, finding, sentiment, classification"
    )
).union(LABEL_WORDS)
SURE_WORDS = frozenset({"conf", "confidence", "certainty", "sureness"})
# A subject may be who answers or who is shown, a score the label or how sure somebody was: the other columns tell.
WEAK_CODERS = frozenset(
    {"subj", "subject", "subjectid", "subjid", "person", "personid", "email", "player", "user", "userid"}
)
# A single word in a column's name that says it describes the image, the person or the work, and is no label.
ABOUT = frozenset(
    phrases(
        "age, sex, gender, race, ethnicity, site, hospital, center, centre, clinic, patient, patientid, lesion, "
        "lesionid, study, scanner, device, camera, width, height, bbox, box, xmin, ymin, xmax, ymax, lat, lon, "
        "latitude, longitude, localization, localisation, location, anatomy, date, datetime, time, timestamp, "
        "created, updated, duration, seconds, rt, latency, trial, session, block, condition, comment, comments, "
        "note, notes, remark, remarks, description, title, link, license, licence, author, md5, sha1, sha256, hash, "
        "index, idx, row, valence, arousal, view, modality, laterality, side, filesize, size, area, iscrowd, "
        "status, version, type, batch, country, language, education, phototype, intensity, landmarks, pixels, "
        "resolution, format, channels, reward, metadata, timestamps, complete, completed, progress, recorded, "
        "finished, trials, corr, correct, incorrect, plate, well, slide, tile, slice, frame, position, order, nr, "
        "number, agree, agrees, agreement, disagree, disagreement, match, matches, conflict, smoker, smoking, bmi, "
        "ethnic, skin, fitzpatrick, histo, technician, operator, visit"
    )
)
ABOUT_ELSEWHERE = frozenset((*elsewhere("about"), *map(short, elsewhere("about"))))
# Words of these that mean something else in English, where they stand among others: label_data.
ENGLISH = frozenset(phrases("data, not, note, local, land, fall"))
WHOLE = ABOUT | ABOUT_ELSEWHERE

COUNTS = frozenset({"count", "counts", "votes", "nvotes", "numvotes", "votecount", "votescount"})


def words(name: str) -> list[str]:
    """The words of a column's name in lower case, without numbers and marks.

    >>> words("AnnGrade_conf2")
    ['ann', 'grade', 'conf']
    """
    return re.findall(r"[^\W\d_]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", unicodedata.normalize("NFC", name)).lower())


def role(columns: Sequence[str], name: str) -> str | None:
    """The column that has a role, None where there is none; the most usual name comes first."""
    usual = next((c for c in ROLES.get(name, ()) if c in columns), None)
    return usual or next(iter(named(columns, name)), None)


def named(columns: Sequence[str], what: str) -> list[str]:
    """All columns that may have a role by their name, the most usual names first."""
    usual = [c for c in ROLES.get(what, ()) if c in columns]
    by_short: dict[str, list[str]] = {}
    for column in columns:
        if what != "coder" or not re.search(r"\w{2}[\s_.\-]\w$", column):  # Lector A is no Spanish *lectora*
            by_short.setdefault(short(column), []).append(column)
    plain = [c for n in ROLES.get(what, ()) for c in by_short.get(short(n), ())]
    more = [c for n in MORE.get(what, ()) for c in by_short.get(n, ())]
    if what == "truth":
        more += [c for c in columns if TRUTH_WORDS & set(parts := words(c)) and parts[-1] not in ("id", "ids")]
        more += [c for c in columns if "true" in words(c)[:1] + words(c)[-1:] and len(words(c)) > 1]
    if what == "agreed":
        said = {c: set(words(c)) for c in columns}
        more += [c for c, w in said.items() if AGREED_WORDS & w and w <= AGREED_WORDS | ANSWER_WORDS]
    if what == "coder":
        said = {c: set(words(c)) for c in columns if not re.search(r"\d", c)}
        more += [c for c, w in said.items() if CODER_WORDS & w and NAMING & w and w <= CODER_WORDS | NAMING]
    if what == "confidence":
        more += [c for c in columns if SURE_WORDS & set(words(c))]
    return list(dict.fromkeys([*usual, *plain, *more]))


def labels(columns: Sequence[str]) -> list[str]:
    """The columns that may be labels by their name, or else the only one whose last word may, as in Finding Labels."""
    labels = named(columns, "label")
    if "x" in map(short, columns):
        labels = [c for c in labels if short(c) != "y"]  # a place in the image, or the spacing of its pixels
    ends = [] if labels else [c for c in columns if LABEL_WORDS & set(words(c)[-1:])]
    return ends if len(ends) == 1 else labels


def about(name: str) -> bool:
    """Whether a column's name says that it describes the image, the person or the work.

    >>> about("age_group"), about("Reader1")
    (True, False)
    """
    parts = words(name)
    if set(parts[-1:]) & CODER_WORDS:
        return False  # hospital_1_reader
    return (
        not ABOUT.isdisjoint(parts)
        or short(name) in WHOLE
        or (len(parts) > 1 and not (ABOUT_ELSEWHERE - ENGLISH).isdisjoint(parts))
        or bool(parts and parts[-1] in ("id", "ids") and len(parts) > 1)
    )


def without(columns: Iterable[str], used: Iterable[str | None]) -> list[str]:
    """The columns that have no role yet."""
    taken = set(used)
    return [c for c in columns if c not in taken and not c.startswith("unnamed") and c]


KNOWN = frozenset(short(n) for names in (*ROLES.values(), *MORE.values()) for n in names)
