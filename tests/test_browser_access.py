"""Coming in, in a real browser: with the token, and as one of a team behind a proxy that names the user."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from app_server import Server, free_port, holds
from conftest import write_csv, write_image
from header_proxy import proxy
from playwright.sync_api import Browser, BrowserContext, Page, expect
from test_browser_gallery import RUN, hears_no_news, prepare, shown, store

from ltnet_core.datasets.demo import write_demo
from ui.wording import PAGES

TOKEN = "correct-horse-battery"
SECRET = "only-the-proxy-knows"
expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces") / "faces"
    write_demo(folder, items=160, seed=2)
    return folder


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(60_000)
    yield context
    context.close()


def start(workspace_path: Path, faces: Path, **settings: str) -> Server:
    prepare(workspace_path / "workspace", faces)
    app = Server(workspace_path, free_port(), settings={"LTNET_ROOTS": str(faces), **settings})
    app.start()
    return app


def watched(context: BrowserContext) -> tuple[Page, list[str]]:
    """A tab, and what it was kept from by the content security policy, or stumbled over."""
    tab = context.new_page()
    troubles: list[str] = []
    tab.on("console", lambda m: troubles.append(m.text) if "Content Security Policy" in m.text else None)
    tab.on("pageerror", lambda e: troubles.append(str(e)))
    return tab, troubles


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Another site on this machine, and its folder."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    site = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{site.server_port}", folder
    site.shutdown()
    site.server_close()
    thread.join()


ATTACK = """<body><iframe id=frame src="URL/"></iframe><img id=image src="URL/favicon.png"><script>
window.seen = {};
fetch("URL/_stcore/health", {credentials: "include"}).then(() => (seen.fetch = "in"), () => (seen.fetch = "out"));
fetch("URL/api/runs/RUN/decisions", {method: "POST", mode: "no-cors", credentials: "include", body: "{}"})
  .then(() => (seen.post = "in"), () => (seen.post = "out"));
const socket = new WebSocket("URL/_stcore/stream".replace("http", "ws"));
socket.onopen = () => (seen.socket = "in");
socket.onerror = () => (seen.socket = "out");
const image = new Image();
image.onload = () => (seen.image = "in");
image.onerror = () => (seen.image = "out");
image.src = "URL/favicon.png";
</script><a id=link href="URL/train?run=RUN">a link</a></body>"""


def test_the_token_way(tmp_path: Path, faces: Path, context: BrowserContext, elsewhere: tuple[str, Path]) -> None:
    server = start(tmp_path, faces, LTNET_TOKEN=TOKEN)
    try:
        page, troubles = watched(context)
        # A deep link asks for the token first, and then goes where it leads.
        page.goto(f"{server.url}/disagreements?run={RUN}&sort=name")
        page.get_by_label("Token").fill("not the token at all")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("This is not the token of this server.")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".lt-head h1")).to_have_text("Disagreements")
        assert TOKEN not in page.url
        expect(shown(page).first).to_be_visible()
        page.locator(".ga-card").first.click()
        page.locator('input[name="reviewer"]').fill("Ada")
        page.locator('input[name="reviewer"]').press("Enter")
        page.keyboard.press("1")
        expect(page.locator(".ga-state")).to_have_text("all saved")
        assert [d.reviewer for d in store(server).log()] == ["Ada"]
        # Every page works under the content security policy.
        for text in PAGES:
            page.goto(f"{server.url}/{text.path}?run={RUN}")
            expect(page.locator(".lt-head h1")).to_have_text(text.title)
            expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        page.goto(f"{server.url}/transitions?run={RUN}")
        expect(page.locator(".js-plotly-plot .heatmaplayer image").first).to_be_visible()
        # A folder comes in by a component's own requests.
        write_image(tmp_path / "mine" / "a.png")
        write_csv(
            tmp_path / "mine" / "annotations.csv",
            ("image", "coder", "label"),
            [("a.png", "X", "cat"), ("a.png", "Y", "dog")],
        )
        page.goto(f"{server.url}/dataset")
        page.get_by_text("Bring another dataset", exact=True).click()
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Choose a folder").click()
        chooser.value.set_files(str(tmp_path / "mine"))
        expect(page.locator(".lt-crumbs")).to_contain_text("mine")
        assert troubles == []
        # Another site's page, in the same browser, gets nothing; a link on it leads in.
        url, folder = elsewhere
        (folder / "index.html").write_text(ATTACK.replace("URL", server.url).replace("RUN", RUN))
        other = context.new_page()
        other.goto(url)
        holds(other, "Object.keys(window.seen).length === 4")
        assert other.evaluate("window.seen") == {"fetch": "out", "post": "out", "socket": "out", "image": "out"}
        assert len(store(server).log()) == 1
        assert "LTNet" not in other.frames[1].content()
        other.locator("#link").click()
        expect(other.locator(".lt-head h1")).to_have_text("Train")
        # The link that the start prints is enough.
        fresh = context.browser.new_context() if context.browser else context
        link = fresh.new_page()
        link.goto(f"{server.url}/enter?token={TOKEN}&next=/train")
        expect(link.locator(".lt-head h1")).to_have_text("Train")
        fresh.close()
    finally:
        server.kill()


def test_the_team_behind_a_proxy(tmp_path: Path, faces: Path, context: BrowserContext) -> None:
    server = start(
        tmp_path,
        faces,
        LTNET_TEAM="proxy",
        LTNET_USER_HEADER="X-User",
        LTNET_PROXY_SECRET=SECRET,
        FORWARDED_ALLOW_IPS="",
    )
    secret = {"X-LTNet-Proxy-Secret": SECRET}
    try:
        with (
            proxy(server.port, {**secret, "X-User": "Ada Lovelace"}) as adas,
            proxy(server.port, {**secret, "X-User": "Bob <b>"}) as bobs,
            proxy(server.port, secret) as nobodys,
        ):
            pages = []
            for port, name in ((adas, "Ada Lovelace"), (bobs, "Bob <b>")):
                page, troubles = watched(context)
                page.goto(f"http://127.0.0.1:{port}/disagreements?run={RUN}&sort=name")
                expect(page.get_by_test_id("stSidebar")).to_contain_text(f"Signed in as {name}")
                expect(shown(page).first).to_be_visible()
                page.locator(".ga-card").first.click()
                reviewer = page.locator('input[name="reviewer"]')
                expect(reviewer).to_have_value(name)
                expect(reviewer).not_to_be_editable()
                pages.append((page, troubles))
            (ada, _), (bob, _) = pages
            hears_no_news(bob)
            ada.evaluate("document.querySelectorAll('input[name=reviewer]').forEach((e) => (e.value = 'Mallory'))")
            ada.keyboard.press("1")
            expect(ada.locator(".ga-state")).to_have_text("all saved")
            bob.keyboard.press("2")
            expect(bob.locator(".ga-conflicts")).to_contain_text("Ada Lovelace settled it")
            assert [d.reviewer for d in store(server).log()] == ["Ada Lovelace"]
            assert [t for _, t in pages] == [[], []]
            # A path opens only what lies below LTNET_ROOTS.
            ada.bring_to_front()  # a tab that another one hides draws little
            ada.goto(f"http://127.0.0.1:{adas}/dataset")
            ada.get_by_text("Bring another dataset", exact=True).click()
            path = ada.get_by_role("textbox", name="Path of a folder or zip")
            path.fill(str(faces.parent))
            path.press("Enter")
            expect(ada.get_by_role("alert")).to_contain_text("does not lie below")
            # Past the proxy, or without a name, nobody comes in.
            stranger = context.new_page()
            stranger.goto(server.url)
            expect(stranger.get_by_role("alert")).to_have_text("This server is reached through its proxy only.")
            stranger.goto(f"http://127.0.0.1:{nobodys}/train")
            expect(stranger.get_by_role("alert")).to_contain_text("named no user")
            for page in (ada, bob, stranger):
                page.close()
    finally:
        server.kill()
