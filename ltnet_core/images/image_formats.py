"""The image formats that are read, and the names of those that are not.

Only the decoders listed here are ever handed a file. Pillow has some forty more; one of them (EPS) starts
Ghostscript, which runs whatever program the file holds, and many are seldom tested against damaged files.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
    features,
)


@dataclass(frozen=True)
class ImageFormat:
    """A format that is read.

    Attributes
    ----------
    name : as people call it. decoder : Pillow's name. suffixes : of its files, in lower case.
    overhead : bytes per pixel that decoding takes at most besides the pixels themselves, measured.
    """

    name: str
    decoder: str
    suffixes: tuple[str, ...]
    overhead: int = 0


# Importing a plugin registers its decoder; Pillow then need not import all others to know it.
_PLUGINS = (
    (ImageFormat("JPEG", "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif")), JpegImagePlugin.JpegImageFile),
    (ImageFormat("PNG", "PNG", (".png",)), PngImagePlugin.PngImageFile),
    (ImageFormat("BMP", "BMP", (".bmp",), 4), BmpImagePlugin.BmpImageFile),
    (ImageFormat("GIF", "GIF", (".gif",)), GifImagePlugin.GifImageFile),
    (ImageFormat("WebP", "WEBP", (".webp",), 16), WebPImagePlugin.WebPImageFile),
    (ImageFormat("TIFF", "TIFF", (".tif", ".tiff"), 4), TiffImagePlugin.TiffImageFile),
    (ImageFormat("PGM and PPM", "PPM", (".pgm", ".ppm", ".pbm", ".pnm"), 8), PpmImagePlugin.PpmImageFile),
    (ImageFormat("AVIF", "AVIF", (".avif",), 12), AvifImagePlugin.AvifImageFile),
)
_OPTIONAL = {"WEBP": "webp", "AVIF": "avif"}

FORMATS = tuple(f for f, _ in _PLUGINS)
SUFFIXES = frozenset(s for f in FORMATS for s in f.suffixes)
NAMES = ", ".join(f.name for f in FORMATS)
DECODERS = tuple(f.decoder for f in FORMATS if f.decoder not in _OPTIONAL or features.check(_OPTIONAL[f.decoder]))
OVERHEAD = {f.decoder: f.overhead for f in FORMATS}

# How a file of another format begins, and what to call it. The first that fits counts.
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\xc5\xd0\xd3\xc6", "an EPS file"),
    (b"%PDF", "a PDF file"),
    (b"8BPS", "a Photoshop file"),
    (b"icns", "an ICNS icon"),
    (b"\0\0\1\0", "an ICO icon"),
    (b"\0\0\2\0", "a CUR cursor"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 file"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 file"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL file"),
    (b"\xff\x0a", "a JPEG XL file"),
    (b"DDS ", "a DDS texture"),
    (b"BLP1", "a BLP texture"),
    (b"BLP2", "a BLP texture"),
    (b"FTEX", "an FTEX texture"),
    (b"qoif", "a QOI file"),
    (b"gimp xcf", "a GIMP file"),
    (b"SIMPLE  =", "a FITS file"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"GRIB", "a GRIB file"),
    (b"BUFR", "a BUFR file"),
    (b"\x01\xda", "an SGI image"),
    (b"\x59\xa6\x6a\x95", "a Sun raster image"),
    (b"\xd7\xcd\xc6\x9a", "a WMF drawing"),
    (b"\x01\0\0\0", "an EMF drawing"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a Microsoft compound document"),
    (b"DanM", "an MSP image"),
    (b"LinS", "an MSP image"),
    (b"\x80\xe8\0\0", "a PIXAR image"),
    (b"/* XPM */", "an XPM icon"),
    (b"#define", "an XBM icon"),
    (b"P7 332", "an XV thumbnail"),
    (b"\x0a\x05\x01", "a PCX image"),
    (b"\x0a\x02\x01", "a PCX image"),
    (b"\x0a\x03\x01", "a PCX image"),
    (b"\x0a\0\x01", "a PCX image"),
    (b"\xb1\x68\xde\x3a", "a DCX image"),
    (b"Image type:", "an IM image"),
    (b"\0\0\1\xb3", "an MPEG film"),
    (b"\x1a\x45\xdf\xa3", "a Matroska film"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML or SVG file"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
)
# Files of the ISO base media family say at byte 8 what they are.
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "a HEIC file"),
    b"crx ": "a Canon raw file",
}
HEAD = 512
MAX_IMAGE_BYTES = 256 * 1024**2  # of a file


def other_format(data: bytes) -> str | None:
    """What a file is that no decoder here reads, ``an EPS file``; None where its beginning tells nothing."""
    head = data[:HEAD].removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n") if data[:1] in b"\xef \t\r\n<%" else data[:HEAD]
    if head.startswith(b"%!"):
        return "an EPS file" if b"EPSF" in head.split(b"\n", 1)[0] else "a PostScript file"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "a film")
    if head[128:132] == b"DICM":
        return "a DICOM file"
    if head[:4] == b"RIFF":
        return "a sound or a film"
    return next((name for start, name in _STARTS if head.startswith(start)), None)
