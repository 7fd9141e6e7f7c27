"""The encoding of a text file: said by its first bytes, UTF-8, or guessed by the letters that it would hold."""

from __future__ import annotations

import codecs
import re
from functools import cache
from itertools import chain

from charset_normalizer import from_bytes

from ...errors import DatasetError

HEAD = 65_536
CHUNK = 16 * 1024**2
SAMPLE, LAST_OF_ASCII, TWO, TOGETHER = 16 * HEAD, 127, 2, 0.75
BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The letters beside a to z of one language each, by the code pages in which it is written, in the order of asking.
WESTERN = (
    *("äöüß", "àâæçèéêëîïôœùûüÿ", "áéíïñóúüç", "àáèéìíîòóùú", "àáâãçéêíóôõúü", "áàäéèëïíóöüĳ", "åäöé", "æøåéä"),
    "áðéíóúýþæö",
)
EASTERN = ("ąćęłńóśźż", "áäčďéěíĺľňóôŕřšťúůýž", "áéíóöőúüű", "ăâîşţșț", "čćđšž")
RUSSIAN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
ALPHABETS = {
    "cp1252": WESTERN,
    "cp1250": EASTERN,
    "cp1254": ("çğıöşüâîİ",),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "äöõüšž"),
    "cp1255": ("אבגדהוזחטיךכלםמןנסעףפץצקרשת",),
    "cp1251": (RUSSIAN, "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя"),
    "cp1253": ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",),
    "koi8_r": (RUSSIAN,),
    "cp1256": ("ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيًٌٍَُِّْپچژگ،؛؟ـ",),
}
LAST = {
    "cp874": ("".join(map(chr, (*range(0x0E01, 0x0E3B), *range(0x0E40, 0x0E5C)))),),
    "mac_roman": WESTERN,
    "cp850": WESTERN,
}
LATIN = frozenset({"cp1252", "cp1250", "cp1254", "cp1257", "mac_roman", "cp850"})
FINAL = frozenset("ךםןףץ")  # letters of Hebrew that end a word
# Two bytes for each sign: the code page, and the first bytes of the signs that are usual, one range or more.
SIGNS = {
    "cp932": ((0x81, 0x84), (0x88, 0x98)),
    "cp949": ((0xA1, 0xA3), (0xB0, 0xC8)),
    "gb18030": ((0xA1, 0xA3), (0xB0, 0xD7)),
    "big5": ((0xA1, 0xC6),),
}
MARKS = frozenset("–—‘’“”„…€°§«»·•¡¿²³µ×ªº\xa0")
WITHIN = frozenset("’·-ªº")


def as_utf8(data: bytes, name: str, whole: bool = True) -> tuple[bytes, str | None]:
    """The text as UTF-8 without a mark, and the encoding where it had to be guessed.

    ``whole`` is false where the data may be cut within a character.

    Raises
    ------
    DatasetError
        it is no text.
    """
    for mark, encoding in BOMS:
        if data.startswith(mark):
            if encoding == "utf-8-sig":
                return data[len(mark) :], None
            width = 4 if encoding == "utf-32" else 2
            return _decoded(data[: len(data) // width * width], encoding, "strict" if whole else "ignore"), None
    if b"\0" in data[:HEAD]:
        raise DatasetError("is not text; expected a CSV file.", file=name)
    try:
        _require_utf8(data)
        return data, None
    except UnicodeDecodeError as e:
        if not whole and e.start > len(data) - 4:  # the cut went through a character
            return data[: e.start], None
        guess = guessed(data[:SAMPLE])
        row = data[: e.start].count(b"\n") + 1
        if guess is None:
            raise DatasetError("is neither UTF-8 nor any other known text encoding.", file=name, row=row) from e
        try:
            return _decoded(data, guess, "strict" if whole else "ignore"), guess
        except UnicodeDecodeError as wrong:
            row = data[: wrong.start].count(b"\n") + 1
            raise DatasetError("is not UTF-8 text; save it as UTF-8.", file=name, row=row) from wrong


def _require_utf8(data: bytes) -> None:
    """Raise UnicodeDecodeError unless the data are UTF-8; the text itself could take four times as much memory."""
    begin = 0
    while begin < len(data):
        end = begin + CHUNK
        while begin < end < len(data) and data[end] & 0xC0 == 0x80:  # not within a character
            end -= 1
        try:
            data[begin:end].decode()
        except UnicodeDecodeError as e:
            raise UnicodeDecodeError(e.encoding, data, begin + e.start, begin + e.end, e.reason) from None
        begin = end if end > begin else begin + CHUNK


def _decoded(data: bytes, encoding: str, errors: str = "strict") -> bytes:
    """Text of another encoding as UTF-8, in pieces for the same reason."""
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    parts = [decoder.decode(data[i : i + CHUNK], i + CHUNK >= len(data)).encode() for i in range(0, len(data), CHUNK)]
    return b"".join(parts)


def guessed(data: bytes) -> str | None:
    """The encoding in which a text that is not UTF-8 holds the letters of one language; else the most probable one.

    >>> guessed("colère, Élodie".encode("cp1252")), guessed("złość".encode("cp1250"))
    ('cp1252', 'cp1250')
    """
    usual, last = ((e for e, alphabets in of.items() if _holds(data, e, alphabets)) for of in (ALPHABETS, LAST))
    found = next(chain(usual, (e for e in SIGNS if _usual_signs(data, e)), last), None)
    if found is None and (best := from_bytes(data).best()) is not None:
        return best.encoding
    return found


def _text(data: bytes, encoding: str) -> str | None:
    """The text in an encoding; None where it is none."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data)  # the last character may be cut
    except UnicodeDecodeError:
        return None


@cache
def _letters(alphabet: str) -> frozenset[str]:
    return frozenset((*alphabet, *alphabet.upper()))


def _holds(data: bytes, encoding: str, alphabets: tuple[str, ...]) -> bool:
    """Whether all letters beside a to z are of one alphabet, and letters and marks stand where they may."""
    text = _text(data, encoding) or ""
    used = {c for c in set(text) if ord(c) > LAST_OF_ASCII}
    letters = used - MARKS
    if not used or not any(letters <= _letters(a) for a in alphabets):
        return False
    found = re.finditer("[" + re.escape("".join(sorted(used))) + "]", text)
    latin = encoding in LATIN
    return all(
        _may_stand(text[max(0, f.start() - 1) : f.start()], f[0], text[f.end() : f.end() + 1], latin) for f in found
    )


def _may_stand(before: str, sign: str, after: str, latin: bool) -> bool:
    """No mark is within a word, no capital behind a small letter, and no letter of another script beside one of it."""
    if sign in MARKS:
        return sign in WITHIN or not (before.isalpha() and after.isalpha())
    if sign in FINAL and after.isalpha():
        return False
    mixed = not latin and any(c.isascii() and c.isalpha() for c in (before, after))
    return not mixed and not (sign.isupper() and before.islower())


def _usual_signs(data: bytes, encoding: str) -> bool:
    """Whether all signs of two bytes are usual ones of an encoding of East Asia, and most of them stand together."""
    text = _text(data, encoding) or ""
    used = {c for c in set(text) if ord(c) > LAST_OF_ASCII}
    known = (c.encode(encoding) for c in used)
    if not used or not all(len(s) == TWO and any(a <= s[0] <= b for a, b in SIGNS[encoding]) for s in known):
        return False
    runs = re.findall("[" + re.escape("".join(sorted(used))) + "]+", text)
    return sum(len(r) for r in runs if len(r) > 1) >= TOGETHER * sum(map(len, runs))
