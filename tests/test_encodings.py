"""The encoding of a short table of labels is found by its letters."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from conftest import Command
from lab_faces import FACES, N, faces, inspected

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.tables.encodings import as_utf8, guessed

WORDS = [
    ("fröhlich;Jörg", "cp1252"), ("„müde“ – fröhlich", "cp1252"), ("STRASSE;ÄRGER", "cp1252"), ("Straße", "cp1252"),
    ("colère;Élodie;François", "cp1252"), ("l’été;d’où", "cp1252"), ("João;Inês;Emoção", "cp1252"),
    ("alegría;Begoña;José", "cp1252"), ("città;perché;Nicolò", "cp1252"), ("glæde;tør", "cp1252"), ("sjø", "cp1252"),
    ("förvånad;å", "cp1252"), ("Zoë", "cp1252"), ("12 °C", "cp1252"), ("złość;radość;Łukasz", "cp1250"),
    ("štěstí;překvapení", "cp1250"), ("düh;öröm;szomorúság;meglepődés", "cp1250"),
    ("İpek;Şule;Çağrı;kızgın;üzgün", "cp1254"), ("džiaugsmas;liūdesys", "cp1257"), ("гнев;Анна;радость", "cp1251"),
    ("НОРМА;ОПУХОЛЬ", "cp1251"), ("гнев;Анна;радость", "koi8_r"), ("гнів;щастя", "cp1251"),
    ("χαρά;λύπη;Άννα", "cp1253"), ("שמח;עצוב;דן;כועס", "cp1255"), ("غضب;سعادة;محايد;أحمد", "cp1256"),
    ("โกรธ;ดีใจ", "cp874"), ("怒り;喜び;田中;画像", "cp932"), ("愤怒;高兴;中性;张三", "gb18030"),
    ("憤怒;高興;中性;悲傷", "big5"), ("분노;기쁨;김민수", "cp949"), ("müde;fröhlich", "mac_roman"),
    ("colère;élève", "mac_roman"), ("häuser;müde", "cp850"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "encoding"), WORDS)
def test_a_short_table_is_read_in_its_encoding(text: str, encoding: str) -> None:
    table = "image;coder;label\n" + "".join(f"f{i}.png;{text}\n" for i in range(9))
    assert as_utf8(table.encode(encoding), "t.csv") == (table.encode(), guessed(table.encode(encoding)))


def test_classes_keep_their_accents(tmp_path: Path, ltnet: Command) -> None:
    rows = "".join(f"{x};Zoé;{('colère', 'joie')[i % 2]}\n" for i, x in enumerate(FACES))
    (faces(tmp_path) / "etiquettes.csv").write_bytes(("Fichier;Annotatrice;Émotion\n" + rows).encode("cp1252"))
    report = inspected(ltnet, tmp_path)
    assert report["classes"] == ["colère", "joie"]
    assert list(report["coders"]) == ["Zoé"]
    assert "was read as cp1252" in str(report["problems"])


@pytest.mark.parametrize(("mark", "encoding"), [(codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be")])
def test_four_bytes_for_each_letter(mark: bytes, encoding: str, tmp_path: Path) -> None:
    rows = "".join(f"{x},{('müde', 'wach')[i % 2]}\n" for i, x in enumerate(FACES))
    (faces(tmp_path) / "labels.csv").write_bytes(mark + ("image,label\n" + rows).encode(encoding))
    study = load_dataset(tmp_path)
    assert study.table.classes == ("müde", "wach")
    assert study.table.annotations_per_coder().tolist() == [N]
