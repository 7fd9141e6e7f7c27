"""A page, driven without a browser."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from PIL import Image
from streamlit.testing.v1 import AppTest

from ltnet_core.files.writing import write_json
from ui.wording import EVERY_PAGE

ROOT = Path(__file__).resolve().parent.parent


HOSTILE = ("<script>alert(1)</script>", "=1+1", "\u202e[x](http://y) **b** :smile:", "عربي")


def link(workspace_path: Path, dataset: Path, name: str = "faces") -> None:
    folder = workspace_path / "datasets" / "faces"
    folder.mkdir(parents=True)
    write_json(folder / "link.json", {"path": str(dataset)})
    write_json(folder / "about.json", {"name": name})


def open_page(path: str, **params: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "ui" / "router.py"), default_timeout=120)
    for key, value in params.items():
        at.query_params[key] = value
    file = next(p.file for p in EVERY_PAGE if p.path == path)
    at.switch_page(f"../pages/{file}").run()
    assert not at.exception, at.exception
    return at


def seen(at: AppTest) -> str:
    return " ".join(e.body for e in at.html)


def as_markdown(at: AppTest) -> list[str]:
    """What Streamlit renders as Markdown: texts, and the labels and help of widgets."""
    texts = [getattr(e, name, None) for e in at._tree for name in ("label", "help", "placeholder")]
    texts += [e.proto.label for e in at.get("page_link")]
    texts += [option for e in at.radio for option in e.options]
    texts += [e.value for kind in ("markdown", "caption", "title", "header", "subheader") for e in at.get(kind)]
    return [t for t in texts if isinstance(t, str) and t]


def component_data(at: AppTest) -> dict[str, Any]:
    """What the page gave to its component, such as the gallery."""
    (element,) = at.get("bidi_component")
    content = element.proto.mixed.json if element.proto.mixed.json else element.proto.json
    return dict(json.loads(content))


def hostile_dataset(folder: Path) -> Path:
    (folder / "images").mkdir(parents=True)
    first, formula, markdown, arabic = HOSTILE
    rows = []
    for i in range(40):
        name = f"images/{'<b>' if i % 2 else '=cmd'}{i}.png"
        Image.new("L", (12, 12), i).save(folder / name)
        rows += [
            (name, first, [formula, markdown, arabic][i % 3]),
            (name, markdown, [formula, markdown, arabic][i % 2]),
        ]
    with open(folder / "annotations.csv", "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([("image", "coder", "label"), *rows])
    return folder
