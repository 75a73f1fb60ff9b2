"""Serve the pages: ``python -m alframe.label_sources.web.server``, started by the label source itself.

It reads lines of JSON from standard input: first the configuration, then phases and published states. It ends when
this input ends, so it never runs longer than the campaign. It writes its address to standard output.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import uvicorn

from alframe.errors import AlframeError
from alframe.kit.files import replace_atomically
from alframe.label_sources.web.server.addresses import open_sockets, page_addresses
from alframe.label_sources.web.server.app import make_app
from alframe.label_sources.web.server.config import ServerConfig
from alframe.label_sources.web.server.context import ServerContext
from alframe.label_sources.web.server.live import PhaseStatus, PublishedState

_STATE_INTERVAL = 0.5  # seconds between two looks whether the pages should be told of a change


class ServerIgnoringSignals(uvicorn.Server):
    """A server that ignores signals: it ends when its input ends."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def main() -> None:
    """Serve until standard input ends."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    config = ServerConfig.from_json(sys.stdin.readline())
    try:
        sockets, port = open_sockets(config.source.port, config.last_port(), config.source.lan)
        with replace_atomically(config.port_file) as temporary:
            temporary.write_text(str(port))
        context = ServerContext(config, port)
    except (AlframeError, OSError, ValueError) as error:
        write_message({"error": str(error)})
        sys.exit(1)
    try:
        server = ServerIgnoringSignals(
            uvicorn.Config(
                make_app(context),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=60,
                timeout_graceful_shutdown=1,
                h11_max_incomplete_event_size=1 << 15,
            )
        )
        asyncio.run(serve(server, context, sockets))
    finally:
        context.writer.close()
        context.reader.close()
        context.lists.close()


async def serve(server: uvicorn.Server, context: ServerContext, sockets: list[Any]) -> None:
    """Serve, read the messages of the campaign, and send changes to the pages."""
    loop = asyncio.get_running_loop()

    def follow_input() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(handle_message, context, json.loads(line))
        loop.call_soon_threadsafe(end_server)

    def end_server() -> None:
        context.events.end_streams()
        server.should_exit = True

    async def tell_of_changes() -> None:
        while True:
            await asyncio.sleep(_STATE_INTERVAL)
            if context.state_has_changed:
                context.state_has_changed = False
                context.send_state()

    threading.Thread(target=follow_input, name="input", daemon=True).start()
    telling = asyncio.create_task(tell_of_changes())
    addresses = page_addresses(context.port, context.tokens, context.config.source.lan)
    write_message({"port": context.port, "addresses": addresses})
    await server.serve(sockets=sockets)
    telling.cancel()


def handle_message(context: ServerContext, message: dict[str, Any]) -> None:
    """Process a message of the campaign: a phase or a published state."""
    if "phase" in message:
        context.phase = PhaseStatus(**message["phase"])
        context.send_state()
    if "published" in message:
        context.publish(PublishedState(**message["published"]))


def write_message(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
