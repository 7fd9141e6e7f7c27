"""The learned truth: one row per image, with the label of every coder and the probability of every class."""

from __future__ import annotations

from ..finished_run import write_truth
from ..kind import Column, Export

EXPORT = Export(
    name="truth",
    adjudicated=True,
    title="Learned truth",
    text="One row per image: the learned truth, its confidence, and what every coder said.",
    write=lambda source, out: write_truth(source.run, out, source.set_aside),
    suffixes={".csv": "text/csv", ".parquet": "application/vnd.apache.parquet"},
    columns=(
        Column("image", "the image's name in the dataset"),
        Column("learned_truth", "the most probable class, given the image and its annotations"),
        Column("confidence", "the probability of the learned truth, from 0 to 1"),
        Column("network_truth", "the most probable class by the network alone, given the image and no annotation"),
        Column(
            "case",
            "how the first two labels of the image and the learned truth relate: 1 all agree, 2 all different, "
            "3 labels agree and the truth differs, 4 the truth is the first label, 5 the truth is the second; empty "
            "with fewer than two labels",
        ),
        Column(
            "<coder>",
            "the class that this coder said most often, empty where it said nothing; machine:NAME is the machine coder "
            "of NAME; the column is coder:NAME where the name is also that of another column",
        ),
        Column("p_<class>", "the probability of this class, given the image and its annotations"),
    ),
    rank=10,
)
