"""Real faces: every method on FER2013's and FER+'s labels, ``python benchmarks/fer_study.py fer_study.zip --out DIR``.

The taggers' votes are used to measure only: where they have a single winner it is the known truth of a training
face, for the columns of T and of the learned truth, and for the upper bound.
"""

from __future__ import annotations

from pathlib import Path

import harness


def study(source: Path, folder: Path) -> Path:
    """The study as a folder whose truth.csv also has the training faces that the crowd agrees on."""
    if (folder / "truth.csv").exists():
        return folder
    root = harness.opened(source)
    annotations = harness.read_csv(root / "annotations.csv")
    known = [(r["image"], r["label"], "test") for r in harness.read_csv(root / "truth.csv")]
    harness.copy_images(root, sorted(f"images/{path.name}" for path in (root / "images").iterdir()), folder)
    harness.write_csv(folder / "annotations.csv", list(annotations[0]), (list(r.values()) for r in annotations))
    for row in harness.read_csv(root / "votes_FERPlus_train.csv"):
        votes = sorted(((int(v), k) for k, v in row.items() if k != "image"), reverse=True)
        if votes[0][0] > votes[1][0]:
            known.append((row["image"], votes[0][1], "train"))
    harness.write_csv(folder / "truth.csv", ("image", "label", "split"), known)
    return folder


def main() -> None:
    wanted = harness.arguments(__doc__ or "", epochs=16).parse_args()
    folder = study(wanted.study, wanted.out / "study")
    alone = ("--no-comparisons", "--no-machine-coders")
    ours = [
        harness.Row("ours", alone, "ltnet"),
        # Machine coders are networks of their own: with them the whole takes twice the passes.
        harness.Row("ours with machine coders", ("--no-comparisons",), "ltnet"),
    ]
    harness.run(folder, wanted, harness.rows(["FER2013", "FERPlus"], ours))


if __name__ == "__main__":
    main()
