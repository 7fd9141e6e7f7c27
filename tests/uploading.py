"""What a browser does to upload, without one: frames in requests with a token."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgi import Reply, request

from ui import uploads, workspace
from ui.upload_routes import routes
from ui.uploads import Ticket
from ui.workspace import Dataset

MODIFIED = 1_700_000_000_123


def frame(path: object, content: bytes = b"", **more: object) -> bytes:
    header = json.dumps({"path": path, "size": len(content), "modified": MODIFIED, **more}).encode()
    return len(header).to_bytes(4, "big") + header + content


def frames(folder: Path) -> bytes:
    files = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    return b"".join(frame(p.relative_to(folder).as_posix(), p.read_bytes()) for p in files)


def totals(folder: Path) -> dict[str, int]:
    sizes = [p.stat().st_size for p in folder.rglob("*") if p.is_file()]
    return {"files": len(sizes), "bytes": sum(sizes)}


def http(method: str, path: str, token: str = "", body: Iterable[bytes] = (), *, torn: bool = False) -> Reply:
    """One request with a token."""
    return request(routes(), method, path, headers={"x-upload-token": token}, body=body, torn=torn)


@dataclass
class Client:
    """A browser with a ticket."""

    ticket: Ticket

    def __call__(self, method: str, rest: str = "", body: Iterable[bytes] = (), **more: Any) -> Reply:
        return http(method, f"/api/uploads/{self.ticket.id}{rest}", self.ticket.token, body, **more)

    def send(self, *body: bytes, **more: Any) -> Reply:
        return self("POST", "/files", body, **more)

    def finish(self, folder: Path) -> Reply:
        return self.finish_with(**totals(folder))

    def finish_with(self, files: int, bytes: int) -> Reply:
        return self("POST", "/finish", [json.dumps({"files": files, "bytes": bytes}).encode()])

    @property
    def folder(self) -> Path:
        return workspace.datasets_folder() / f".incoming-{self.ticket.id}"

    def written(self) -> list[str]:
        """Every file that came, wherever it lies."""
        names = {p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*") if p.is_file()}
        return sorted(names - {"about.json", "upload.json"})


def upload(files: Mapping[str, bytes], name: str) -> Reply:
    """The answer to everything that a browser sends for these files."""
    size = sum(map(len, files.values()))
    client = Client(uploads.begin(name, len(files), size))
    sent = client.send(*(frame(path, content) for path, content in files.items()))
    assert sent.json == {"written": len(files), "refused": {}}
    return client.finish_with(len(files), size)


def uploaded(files: Mapping[str, bytes], name: str) -> Dataset:
    """The dataset that they become."""
    reply = upload(files, name)
    assert reply.status == 200, reply.json
    return next(d for d in workspace.list_datasets() if d.id == reply.json["dataset"])
