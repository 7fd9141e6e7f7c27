"""An OpenID Connect provider that knows one user, on a port of this machine."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from joserfc import jwt
from joserfc.jwk import RSAKey


class Provider(ThreadingHTTPServer):
    """``claims`` is what it says of its user; ``nonce`` is to be set to the one of the sign-in."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"})
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.claims: dict[str, object] = {"sub": "1", "email": "ada@lab.example", "email_verified": True}
        self.nonce = ""

    def answer(self, path: str) -> dict[str, object] | None:
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "response_types_supported": ["code"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        if path == "/keys":
            return {"keys": [self.key.as_dict(private=False)]}
        if path == "/token":
            now = int(time.time())
            claims = {"iss": self.url, "aud": "studio", "iat": now, "exp": now + 600, "nonce": self.nonce}
            token = jwt.encode({"alg": "RS256", "kid": "1"}, {**claims, **self.claims}, self.key)
            return {"access_token": "x", "token_type": "Bearer", "expires_in": 600, "id_token": token}
        return None


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        answer = self.server.answer(self.path)
        body = json.dumps(answer).encode()
        self.send_response(200 if answer else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def identity_provider() -> Iterator[Provider]:
    """Yield one that answers."""
    provider = Provider()
    thread = threading.Thread(target=provider.serve_forever)
    thread.start()
    try:
        yield provider
    finally:
        provider.shutdown()
        provider.server_close()
        thread.join()
