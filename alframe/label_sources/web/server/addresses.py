"""The addresses of the server: its sockets, and the links that people open."""

from __future__ import annotations

import socket
import sys
from contextlib import suppress

from alframe.errors import LabelError
from alframe.label_sources.web.server.security import OneTimeTokens

LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
EVERYWHERE = ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"))


def open_sockets(port: int | None, last_port: int | None, lan: bool) -> tuple[list[socket.socket], int]:
    """Return listening sockets for IPv4, and for IPv6 if the machine has it, and their port.

    If `port` is None, this function takes `last_port` if it is free, or else any port. Raises LabelError.
    """
    if port is not None:
        try:
            return _listen(port, lan), port
        except OSError as error:
            raise LabelError(
                f"label_source.port={port} cannot be used: {error.strerror}. Choose another one, or leave it out."
            ) from error
    if last_port is not None:
        with suppress(OSError):
            return _listen(last_port, lan), last_port
    for _ in range(20):  # a port that is free for IPv4 may be taken for IPv6
        with suppress(OSError):
            sockets = _listen(0, lan)
            return sockets, int(sockets[0].getsockname()[1])
    raise LabelError("No port is free for the server of the pages. Set one: label_source.port=NUMBER.")


def _listen(port: int, lan: bool) -> list[socket.socket]:
    opened: list[socket.socket] = []
    try:
        for family, address in EVERYWHERE if lan else LOOPBACK:
            if family == socket.AF_INET6 and not _has_ipv6():
                continue
            # Named as TCP, or asyncio does not switch Nagle's algorithm off, which holds each reply back for 40 ms.
            listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            opened.append(listener)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if sys.platform == "win32":  # where SO_REUSEADDR lets others listen in
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            else:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
            port = int(listener.getsockname()[1])
            listener.listen(128)
    except OSError:
        for listener in opened:
            listener.close()
        raise
    return opened


def _has_ipv6() -> bool:
    if not socket.has_ipv6:
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def page_addresses(port: int, tokens: OneTimeTokens, lan: bool) -> list[str]:
    """Return a link for this machine, and with `lan` another for other machines, each with its own token."""
    hosts = ["127.0.0.1"]
    if lan and (own := _lan_address()):
        hosts.append(own)
    # In the fragment, which browsers send to nobody: it is in no log, and no site learns it as the referrer.
    return [f"http://{host}:{port}/#token={tokens.make()}" for host in hosts]


def _lan_address() -> str | None:
    """Return this machine's address in its network. No packet is sent."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return None
