"""The browser's JavaScript: joined into one module, and its constants the same as Python's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from starlette.routing import BaseRoute, Mount

from ltnet_core.explore.decided import BOOKMARK, OPEN, SECOND_OPINION, SET_ASIDE, SKIPPED
from ltnet_core.explore.facets import KNOWN, NETWORK, TRUTH
from ltnet_core.explore.wish import ANYTHING, MOST_CORNERS, NOTHING, SIDE
from ui import gallery, gallery_routes, map_routes, saved_views, thumbnails, upload_frames, upload_routes
from ui.browser_modules import joined
from ui.wording import ISOLATE

ASSETS = Path(__file__).resolve().parent.parent / "assets"


def constants(component: str) -> dict[str, object]:
    """Read a constants.js: numbers as products and powers, texts in quotes."""
    text = (ASSETS / component / "constants.js").read_text(encoding="utf-8")
    lines = re.findall(r"^export const (\w+) = (.+?);", text, re.M)
    return {name: json.loads(value) if value[0] == '"' else _number(value) for name, value in lines}


def _number(text: str) -> int:
    """A whole number, or a product of numbers and powers."""
    product = 1
    for factor in re.split(r" \* ", text):
        base, _, power = factor.partition(" ** ")
        product *= int(base) ** int(power or 1)
    return product


def prefix(routes: list[BaseRoute]) -> str:
    mount = routes[0]
    assert isinstance(mount, Mount)
    return mount.path


def test_the_gallery_knows_what_python_knows() -> None:
    shared = constants("gallery")
    assert str(shared.pop("TOKEN_HEADER")).lower() == gallery_routes.TOKEN
    assert shared.pop("OPEN") == OPEN
    assert shared.pop("SKIPPED") == SKIPPED
    assert shared.pop("ANYTHING") == ANYTHING
    assert shared.pop("NOTHING") == NOTHING
    assert [shared.pop(name) for name in ("TRUTH", "NETWORK", "KNOWN")] == [TRUTH, NETWORK, KNOWN]
    assert [shared.pop(name) for name in ("BOOKMARK", "SET_ASIDE", "SECOND_OPINION")] == [
        BOOKMARK,
        SET_ASIDE,
        SECOND_OPINION,
    ]
    assert json.loads(f'"{shared.pop("ISOLATE")}"') == ISOLATE
    assert [shared.pop(name) for name in ("BY_LABELS", "BY_CONFIDENCE")] == [map_routes.LABELS, map_routes.CONFIDENCE]
    assert [shared.pop(name) for name in ("MAP_SIDE", "MOST_CORNERS")] == [SIDE, MOST_CORNERS]
    longest = ".".join([f"{SIDE}_{SIDE}"] * MOST_CORNERS)
    assert len(longest) <= gallery.LONGEST
    assert shared.pop("THUMBNAIL") in thumbnails.SIZES
    assert shared.pop("VIEW_NAME") == saved_views.LONGEST
    assert 0 < int(str(shared.pop("BLOCK"))) <= gallery_routes.MOST_ROWS
    assert not shared, "compare these too"


def test_the_upload_knows_what_python_knows() -> None:
    shared = constants("upload")
    assert prefix(upload_routes.routes()) == f"/{shared.pop('ROUTE')}"
    assert str(shared.pop("TOKEN_HEADER")).lower() == upload_routes.TOKEN
    sizes = {name: int(str(shared.pop(name))) for name in ("CHUNK", "BATCH_BYTES", "BATCH_FILES", "NAMES")}
    assert not shared, "compare these too"
    assert sizes["CHUNK"] + upload_frames.MAX_HEADER <= upload_routes.MAX_BODY
    assert sizes["BATCH_BYTES"] + sizes["BATCH_FILES"] * upload_frames.MAX_HEADER <= upload_routes.MAX_BODY
    assert sizes["BATCH_FILES"] <= upload_frames.MAX_FRAMES
    assert sizes["NAMES"] * 2000 <= upload_routes.MAX_NAMES  # a path of 2,000 bytes each


def test_modules_are_joined_once_and_in_the_order_of_use(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("// A\nexport const A = 1;\n")
    (tmp_path / "b.js").write_text('import { A } from "./a.js";\n\nexport function b() {\n  return A;\n}\n')
    main = tmp_path / "main.js"
    main.write_text('import {\n  A,\n} from "./a.js";\nimport { b } from "./b.js";\n\nexport default () => A + b();\n')
    text = joined(main)
    assert text == "// A\nconst A = 1;\n\n\nfunction b() {\n  return A;\n}\n\n\nexport default () => A + b();\n"


@pytest.mark.parametrize(
    "line",
    [
        'import A from "./a.js";',
        'import * as all from "./a.js";',
        'import { A as B } from "./a.js";',
        'import "./a.js";',
        'import { A } from "elsewhere";',
        'export { A } from "./a.js";',
        'export * from "./a.js";',
        'import { A } from "./main.js";',
    ],
)
def test_what_cannot_be_joined_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.js").write_text("export const A = 1;\n")
    (tmp_path / "main.js").write_text(f"{line}\n")
    with pytest.raises(ValueError, match=r"main\.js"):
        joined(tmp_path / "main.js")


@pytest.mark.parametrize("component", ["gallery", "upload"])
def test_every_module_is_used(component: str) -> None:
    text = joined(ASSETS / component / "main.js")
    assert len(re.findall(r"^export ", text, re.M)) == 1
    for path in (ASSETS / component).glob("*.js"):
        first = path.read_text(encoding="utf-8").splitlines()
        assert first[0] == "// @ts-check", path.name
        assert first[1] in text, f"{path.name} is imported by none"
