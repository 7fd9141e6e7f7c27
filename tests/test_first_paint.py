"""The page that the browser gets first has the style sheet; every other answer passes as it is."""

from __future__ import annotations

import re

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient

from ui.compressed import Compressed
from ui.first_paint import CHUNKS, FIRST, IMPORTED, NEEDED, SCRIPTS, STYLE, FirstPaint, preloads

PAGE = "<html><head></head><body><div id='root'></div></body></html>" + " " * 2000


def page(request: Request) -> Response:
    if request.headers.get("if-none-match"):
        return Response(status_code=304)
    return HTMLResponse(PAGE, headers={"etag": "old", "cache-control": "max-age=60"})


def pieces(request: Request) -> Response:
    return StreamingResponse(iter([PAGE[:50], PAGE[50:]]), media_type="text/html")


def answers(request: Request) -> Response:
    return JSONResponse({"text": "</body>"})


CLIENT = TestClient(
    Starlette(
        routes=[Route("/", page), Route("/train", page), Route("/pieces", pieces), Route("/json", answers)],
        middleware=[Middleware(FirstPaint), Middleware(GZipMiddleware)],
    )
)
BROWSER = {"accept": "text/html,application/xhtml+xml", "accept-encoding": "gzip", "if-none-match": "old"}


def test_the_page_comes_with_the_style_after_its_own() -> None:
    style = STYLE.read_text(encoding="utf-8")
    for path in ("/", "/pieces"):
        answer = CLIENT.get(path, headers=BROWSER)
        assert answer.status_code == 200
        assert answer.text == PAGE.replace(
            "</body>", f"<style>{style}</style><script>{SCRIPTS.decode()}</script></body>"
        )
        assert b"</script" not in SCRIPTS
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert answer.headers["cache-control"] == "no-cache"
        assert "etag" not in answer.headers


def test_a_page_names_the_code_that_it_will_need() -> None:
    links = preloads("train").decode()
    files = re.findall(r'<link rel="modulepreload" crossorigin href="\./static/js/([^"]+)">', links)
    assert links.count("<link") == len(set(files)) == len(files)
    for part in NEEDED["train"]:
        assert any(f.startswith(f"{part}.") for f in files), part
    assert all((CHUNKS / f).is_file() and f not in FIRST for f in files)
    whole = b"".join((CHUNKS / f).read_bytes() for f in files)
    needed = {f.decode() for f in IMPORTED.findall(whole) if f.decode() not in FIRST}
    assert needed <= {*files, *(f.decode() for f in re.findall(rb"import\([^)]*?([\w.-]+\.js)", whole))}
    assert preloads("no page") == b""
    assert links in CLIENT.get("/train", headers=BROWSER).text


def test_code_of_streamlit_comes_compressed_and_is_the_same() -> None:
    code = max(CHUNKS.glob("PlotlyChart.*.js"))
    at = f"/base/static/js/{code.name}"
    client = TestClient(Starlette(routes=[Mount("/base/static", StaticFiles(directory=CHUNKS.parent))],
                                  middleware=[Middleware(Compressed)]))  # fmt: skip
    answer = client.get(at, headers={"accept-encoding": "gzip, br"})
    assert answer.headers["content-encoding"] == "gzip" and answer.content == code.read_bytes()
    assert int(answer.headers["content-length"]) < code.stat().st_size / 2
    assert client.get(at, headers={"accept-encoding": "gzip", "if-none-match": answer.headers["etag"]}).content == b""
    for headers in ({"accept-encoding": "br"}, {"accept-encoding": "gzip", "range": "bytes=0-9"}):
        plain = client.get(at, headers=headers)
        assert "content-encoding" not in plain.headers and code.read_bytes().startswith(plain.content)
    assert client.get("/base/static/js/..%2f..%2findex.html", headers=BROWSER).status_code == 404


def test_other_answers_pass() -> None:
    assert CLIENT.get("/json", headers=BROWSER).json() == {"text": "</body>"}
    assert CLIENT.get("/", headers={"accept": "*/*"}).text == PAGE
    assert CLIENT.get("/missing", headers=BROWSER).status_code == 404
    assert "content-length" in CLIENT.head("/", headers={"accept": "text/html"}).headers
