"""Tables whose columns, parts and cells are called in other languages than English are read as English ones are."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from conftest import Command, write_csv
from lab_faces import CLASSES, FACES, N, a, b, by_class, faces, found, inspected, labels

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.names.languages import WORDS, elsewhere, phrases
from ltnet_core.datasets.tables.columns import ABOUT, about, named

# language: image, coder, label, what was agreed on, known truth, patient, sex, hospital
TITLES = {
    "German": "Bilddatei, Gutachterin, Emotion, Konsens, Wahrheit, Patientennummer, Geschlecht, Krankenhaus",
    "French": "Fichier, Évaluateur, Émotion, Consensus, Vérité, N° patient, Sexe, Hôpital",
    "Spanish": "Imagen, Anotadora, Emoción, Consenso, Verdad, Paciente, Sexo, Centro",
    "Italian": "Immagine, Valutatore, Emozione, Consenso, Verità, Paziente, Sesso, Ospedale",
    "Portuguese": "Imagem, Avaliador, Emoção, Maioria, Verdade, Paciente, Sexo, Hospital",
    "Dutch": "Afbeelding, Beoordelaar, Emotie, Meerderheid, Waarheid, Patiënt, Geslacht, Ziekenhuis",
    "Polish": "Zdjęcie, Oceniający, Emocja, Większość, Prawda, Pacjent, Płeć, Szpital",
    "Turkish": "Görüntü, Değerlendirici, Duygu, Çoğunluk, Gerçek, Hasta, Cinsiyet, Hastane",
    "Russian": "Изображение, Разметчик, Эмоция, Консенсус, Истина, Пациент, Пол, Больница",
    "Chinese": "图片, 标注者, 情绪, 共识, 真值, 患者编号, 性别, 医院",
    "Japanese": "画像, 評価者, 感情, 合意, 正解, 患者ID, 性別, 病院",
    "Korean": "이미지, 평가자, 감정, 합의, 정답, 환자, 성별, 병원",
    "Arabic": "صورة, مقيم, تصنيف, إجماع, الحقيقة, مريض, الجنس, مستشفى",
}


@pytest.mark.parametrize("language", TITLES)
def test_a_row_for_each_annotation_is_read_without_a_question(language: str, tmp_path: Path) -> None:
    image, coder, label, *_ = phrases(TITLES[language])
    rows = [(said(i), who, x) for i, x in enumerate(FACES) for who, said in (("Ann", a), ("Ben", b))]
    for write in (str, str.upper, lambda text: unicodedata.normalize("NFD", text)):
        write_csv(faces(tmp_path) / "t.csv", [write(t) for t in (label, coder, image)], rows)
        study = load_dataset(tmp_path)
        assert study.reading.questions == ()
        assert found(study) == {"Ann": N, "Ben": N}


@pytest.mark.parametrize("language", TITLES)
def test_what_is_beside_the_annotators_columns_is_no_annotator(language: str, tmp_path: Path) -> None:
    image, _, _, agreed, truth, patient, sex, hospital = phrases(TITLES[language])
    rows = [(x, f"P{i // 2}", "mw"[i % 2], "AB"[i // 5 % 2], a(i), b(i), a(i), a(i)) for i, x in enumerate(FACES)]
    write_csv(faces(tmp_path) / "t.csv", (image, patient, sex, hospital, "Ann", "Ben", agreed, truth), rows)
    study = load_dataset(tmp_path)
    assert study.reading.questions == ()
    assert found(study) == {"Ann": N, "Ben": N}
    assert int((study.truth >= 0).sum()) == N


@pytest.mark.parametrize("none", ["nicht beurteilbar", "sans réponse", "no aplica", "non lo so", "pular", "geen antwoord",
                                  "pominięto", "нет ответа", "跳过", "スキップ", "건너뜀", "لا أعرف", "nevím",
                                  "(none)", "<skip>", "[skipped]"])  # fmt: skip
def test_no_answer_in_any_language_or_brackets_is_asked_about(none: str, tmp_path: Path) -> None:
    labels(tmp_path, ("image", "Ann", "Ben"), lambda i: (none if i % 8 == 3 else a(i), b(i)))
    (asked,) = load_dataset(tmp_path).reading.questions
    assert asked.about == (none,)


@pytest.mark.parametrize(
    ("train", "test"),
    [("entrenamiento", "pruebas"), ("addestramento", "verifica"), ("trainingsset", "testset"), ("trainset", "valset"), ("训练数据", "测试数据"),
     ("訓練用", "検証用"), ("훈련데이터", "테스트데이터"), ("egitim", "dogrulama"), ("uczenie", "walidacja")],
)  # fmt: skip
def test_parts_in_other_languages_and_with_what_they_hold_are_held_out(
    train: str, test: str, tmp_path: Path, ltnet: Command
) -> None:
    by_class(tmp_path)
    for name in CLASSES:
        for n, image in enumerate(sorted((tmp_path / name).iterdir())):
            (tmp_path / (test if n < 2 else train) / name).mkdir(parents=True, exist_ok=True)
            image.rename(tmp_path / (test if n < 2 else train) / name / image.name)
        (tmp_path / name).rmdir()
    report = inspected(ltnet, tmp_path)
    assert report["questions"] == []
    assert report["test_items"] == 2 * len(CLASSES)


def test_words_are_listed_once_and_mean_one_thing_in_their_language() -> None:
    for language, kinds in WORDS.items():
        assert set(kinds) <= {"image", "coder", "label", "truth", "agreed", "confidence", "source", "about", "train",
                              "test", "no answer", "none", "excluded", "yes", "no"}, language  # fmt: skip
        for text in kinds.values():
            assert len(set(phrases(text))) == len(phrases(text))
        roles = [w for kind in ("image", "coder", "label", "truth", "about") for w in phrases(kinds.get(kind, ""))]
        assert len(set(roles)) == len(roles), language


def test_words_are_known_without_their_accents() -> None:
    assert "evaluateur" in elsewhere("coder")
    assert "prufung" in elsewhere("test")
    assert "pruefung" in elsewhere("test")


@pytest.mark.parametrize(("name", "is_about"), [("Alter (Jahre)", True), ("fall_label", False), ("Geschlecht Patient", True),
                                                ("label_data", False), ("données du patient", True)])  # fmt: skip
def test_a_word_of_another_language_among_others(name: str, is_about: bool) -> None:
    assert about(name) is is_about
    assert "age" in ABOUT


def test_a_person_beside_how_the_person_is_named() -> None:
    for name in ("rater_initials", "labeler name", "AnnotatorEmail", "crowd_worker", "Gutachterin Name"):
        assert named([name], "coder") == [name]
    for name in ("Lector A", "Reader 2", "reader_name_2", "expert reader", "worker time"):
        assert named([name], "coder") == []
