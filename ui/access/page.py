"""The few pages that are shown to who is not in: the token form, the button of the provider, a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

from starlette.responses import HTMLResponse, Response

MARK = (Path(__file__).resolve().parent.parent.parent / "assets" / "mark.svg").read_text(encoding="utf-8")
STYLE = """
:root { color-scheme: light dark; --ink: #1d2433; --quiet: #5b6577; --ground: #f4f5f8; --card: #fff; --line: #c9cfda;
  --blue: #3b5bdb; --red: #b42318; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9f0; --quiet: #a3adbd; --ground: #12151c; --card: #1c212b;
  --line: #4a5464; --blue: #4c6ef5; --red: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--ground);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 26rem; padding: 2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .75rem; }
svg { display: block; width: 2.5rem; height: 2.5rem; margin-bottom: 1rem; }
h1 { margin: 0 0 .25rem; font-size: 1.3rem; font-weight: 650; }
p { margin: 0 0 1.25rem; color: var(--quiet); overflow-wrap: anywhere; }
p.wrong { color: var(--red); }
label { display: block; margin-bottom: .35rem; font-weight: 600; font-size: .9rem; }
input { width: 100%; padding: .6rem .7rem; margin-bottom: 1rem; font: inherit; color: inherit; background: var(--card);
  border: 1px solid var(--line); border-radius: .5rem; }
button, a.button { display: block; width: 100%; padding: .65rem; margin-bottom: .5rem; border: 0; border-radius: .5rem;
  background: var(--blue); color: #fff; font: inherit; font-weight: 600; text-align: center; text-decoration: none;
  cursor: pointer; }
:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; }
"""


def _page(content: str, status: int, headers: Mapping[str, str] | None = None, head: str = "") -> Response:
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>LTNet Studio</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{head}<style>{STYLE}</style></head>'
        f"<body><main>{MARK}<h1>LTNet Studio</h1>{content}</main></body></html>"
    )
    return HTMLResponse(text, status, {"Referrer-Policy": "same-origin", **(headers or {})})


def token_page(
    action: str, next: str, wrong: str = "", *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """The form that asks for the token; after it the browser goes to ``next``."""
    note = f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else ""
    return _page(
        "<p>This server asks for its token. It was printed where the server was started.</p>"
        f'{note}<form method="post" action="{escape(action)}"><input type="hidden" name="next" value="{escape(next)}">'
        '<label for="token">Token</label><input id="token" name="token" type="password" required autofocus '
        'autocomplete="current-password" spellcheck="false"><button>Sign in</button></form>',
        status,
        headers,
    )


def provider_page(links: Mapping[str, str]) -> Response:
    """A button for each provider, by its name; ``default`` has none."""
    buttons = "".join(
        f'<a class="button" href="{escape(url)}">Sign in{"" if name == "default" else escape(f" with {name}")}</a>'
        for name, url in links.items()
    )
    return _page(f"<p>This server is for a team. Sign in to go on.</p>{buttons}", 401)


def refusal_page(status: int, sentence: str) -> Response:
    """Why the browser gets nothing."""
    return _page(f'<p role="alert">{escape(sentence)}</p>', status)


def moving_page(address: str) -> Response:
    """Go to an address of this server as if by a link of its own."""
    head = f'<meta http-equiv="refresh" content="0;url={escape(address)}">'
    return _page(f'<p>One moment. <a href="{escape(address)}">Go on</a></p>', 200, head=head)
