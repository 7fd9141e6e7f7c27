"""A study's zip as one small file, for where it is too much to carry: JPEG files have most of their headers in common.

``python benchmarks/pack.py STUDY.zip STUDY.tar.gz``; ``tar -xzf STUDY.tar.gz -C FOLDER`` makes a folder of it again.
"""

from __future__ import annotations

import argparse
import tarfile
import zipfile
from pathlib import Path


def pack(source: Path, packed: Path) -> None:
    """Every file of the zip, with its path."""
    with zipfile.ZipFile(source) as archive, tarfile.open(packed, "w:gz") as joined:
        for name in archive.namelist():
            if not name.endswith("/"):
                one = tarfile.TarInfo(name)
                one.size = archive.getinfo(name).file_size
                with archive.open(name) as content:
                    joined.addfile(one, content)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("packed", type=Path)
    wanted = parser.parse_args()
    pack(wanted.source, wanted.packed)


if __name__ == "__main__":
    main()
