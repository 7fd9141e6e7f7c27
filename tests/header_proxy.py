"""A reverse proxy that names the user, as one that asks for passwords does; websockets go through it too."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Mapping


@contextlib.contextmanager
def proxy(port: int, headers: Mapping[str, str]) -> Iterator[int]:
    """Pass everything on to that port of this machine, with these headers in place of the sender's; yields its port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    starting = asyncio.start_server(lambda r, w: _pass_on(r, w, port, headers), "127.0.0.1", 0)
    server = asyncio.run_coroutine_threadsafe(starting, loop).result(10)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        loop.call_soon_threadsafe(server.close)
        asyncio.run_coroutine_threadsafe(_end(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _end() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0.1)  # connections close in the loop's next rounds


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, headers: Mapping[str, str]
) -> None:
    ignored = (OSError, asyncio.IncompleteReadError, asyncio.CancelledError)  # one side has gone, or the test is over
    with contextlib.suppress(*ignored), contextlib.closing(writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").removesuffix("\r\n\r\n")
        there, out = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.closing(out):
            out.write(_named(head, headers).encode("latin-1"))
            await asyncio.gather(_pipe(reader, out), _pipe(there, writer))


def _named(head: str, headers: Mapping[str, str]) -> str:
    """The head of a request with these headers in place of the sender's."""
    request, *lines = head.split("\r\n")
    more = dict(headers)
    if not any(line.lower().startswith("upgrade:") for line in lines):
        more["Connection"] = "close"  # one request per connection: each head goes through here
    dropped = {name.lower() for name in more}
    kept = [line for line in lines if line.partition(":")[0].lower() not in dropped]
    return "\r\n".join([request, *kept, *(f"{name}: {value}" for name, value in more.items())]) + "\r\n\r\n"


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.closing(writer):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
