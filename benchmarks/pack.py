"""A study's images as one file of joined bytes, for where many small files or a whole zip are too much to carry.

``python benchmarks/pack.py STUDY.zip PACKED``            make the folder PACKED
``python benchmarks/pack.py --unpack PACKED FOLDER``      make the study's folder of it
"""

from __future__ import annotations

import argparse
import gzip
import json
import zipfile
from pathlib import Path

IMAGES = (".jpg", ".jpeg", ".png")


def pack(source: Path, packed: Path) -> None:
    """Join the images; compress the tables."""
    packed.mkdir(parents=True, exist_ok=True)
    index = []
    with zipfile.ZipFile(source) as archive, (packed / "images.bin").open("wb") as joined:
        for name in archive.namelist():
            if name.lower().endswith(IMAGES):
                content = archive.read(name)
                joined.write(content)
                index.append((name, len(content)))
            elif not name.endswith("/"):
                (packed / f"{Path(name).name}.gz").write_bytes(gzip.compress(archive.read(name)))
    (packed / "images.json.gz").write_bytes(gzip.compress(json.dumps(index).encode()))


def unpack(packed: Path, folder: Path) -> None:
    """Write every image and table as a file."""
    folder.mkdir(parents=True)
    for table in packed.glob("*.gz"):
        if table.name != "images.json.gz":
            (folder / table.stem).write_bytes(gzip.decompress(table.read_bytes()))
    made = set()
    with (packed / "images.bin").open("rb") as joined:
        for name, size in json.loads(gzip.decompress((packed / "images.json.gz").read_bytes())):
            path = folder / name
            if path.parent not in made:
                path.parent.mkdir(parents=True, exist_ok=True)
                made.add(path.parent)
            path.write_bytes(joined.read(size))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--unpack", action="store_true")
    wanted = parser.parse_args()
    (unpack if wanted.unpack else pack)(wanted.source, wanted.out)


if __name__ == "__main__":
    main()
