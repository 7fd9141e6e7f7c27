"""One page about the run, to pass on."""

from __future__ import annotations

from ..finished_run import export_report
from ..kind import Export

EXPORT = Export(
    name="report",
    title="Report",
    text="One page with matrices and results, to pass on.",
    write=lambda source, out: export_report(source.run, out, source.title),
    suffixes={".html": "text/html"},
    flag=True,
    titled=True,
    rank=90,
)
