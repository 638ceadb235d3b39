"""The address that the web server listens on, taken before anything long is done."""

import errno
import socket


class PortRefused(Exception):
    """The port cannot be had; the sentence says why and how to go on."""


def reserve(host: str, port: int) -> socket.socket:
    """Bind now, listen later: until the web server runs, callers are refused instead of kept waiting."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
    except (OSError, OverflowError) as error:
        taken.close()
        raise PortRefused(_why(error, host, port)) from None
    return taken


def _why(error: Exception, host: str, port: int) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return f"Port {port} is in use by another program. Choose another one: make run PORT={port + 1}"
    if number == errno.EACCES:
        return f"Port {port} may be opened by root only. Choose one above 1023: make run PORT=8000"
    if number is None:
        return f"{port} is not a port number: use one between 1024 and 65535."
    return f"Cannot listen on {host} port {port}: {error}"
