"""Datasets with damage at random: they are read, or refused with an error of this library."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from miniatures import MINIATURES
from miniatures_exports import EXPORTS
from miniatures_layouts import LAYOUTS

from ltnet_core.datasets import load_dataset
from ltnet_core.datasets.checkup import check_up, listing_csv
from ltnet_core.errors import InputError


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A file with some of its bytes changed, moved, cut or repeated."""
    content = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 30))):
        at = rng.randrange(len(content) + 1)
        kind = rng.randrange(6)
        if kind == 0 and content:
            content[at % len(content)] = rng.randrange(256)
        elif kind == 1:
            del content[at : at + rng.choice((1, 4, 100))]
        elif kind == 2:
            content[at:at] = content[at : at + rng.choice((1, 20, 500))]
        elif kind == 3:
            content[at:at] = rng.choice(
                (
                    b"\0",
                    b'"',
                    b",",
                    b"\n",
                    b"\r",
                    b"\xff\xfe",
                    b"-1",
                    b"1e999",
                    b"nan",
                    b"[[[[",
                    b"{}",
                    b"\xf0\x9f\x99\x82",
                )
            )
        elif kind == 4:
            content = content[:at]
        else:
            content[at : at + 8] = rng.randbytes(8)
    return bytes(content)


def fuzz(folder: Path, seconds: float, seed: int) -> int:
    """Damage miniatures and read them for so long; whatever is not our own error is raised."""
    rng, count = random.Random(seed), 0
    originals = {}
    everything = MINIATURES | EXPORTS | LAYOUTS
    for name, (make, *_) in everything.items():
        at = folder / "originals" / name
        at.mkdir(parents=True)
        make(at)
        originals[name] = {p.relative_to(at).as_posix(): p.read_bytes() for p in at.rglob("*") if p.is_file()}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        name = rng.choice(list(originals))
        at = folder / f"{count}"
        victims = set(rng.sample(sorted(originals[name]), min(len(originals[name]), rng.choice((1, 1, 2)))))
        for file, data in originals[name].items():
            (at / file).parent.mkdir(parents=True, exist_ok=True)
            (at / file).write_bytes(mutated(data, rng) if file in victims else data)
        try:
            study = load_dataset(at, rng.choice((None, None, everything[name][1])))
            listing_csv(check_up(study))
        except InputError:
            pass
        except Exception as e:
            raise AssertionError(f"seed {seed}, number {count}, {name}, {sorted(victims)}: kept in {at}") from e
        for path in sorted(at.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        at.rmdir()
        count += 1
    return count


def test_damaged_files_raise_our_own_errors_alone(tmp_path: Path) -> None:
    """Five seconds here; ``LTNET_FUZZ_SECONDS=600`` for longer."""
    seconds = float(os.environ.get("LTNET_FUZZ_SECONDS", "5"))
    seed = int(os.environ.get("LTNET_FUZZ_SEED", "0"))
    count = fuzz(tmp_path, seconds, seed)
    print(f"{count:,} damaged datasets read or refused in {seconds:.0f} s")
    assert count > 0
