"""A fake as a real HTTP server on loopback, for tests and benchmarks of the whole way out."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import parse_qsl, urlsplit

from integrations.sandbox.wire import Reply, Request

Answer = Callable[[Request], Reply]


@contextmanager
def serving(answer: Answer, *, port: int = 0, latency: float = 0.0) -> Iterator[str]:
    """The base URL, without a path. One request at a time changes the state; waiting is done side by side."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(answer, latency))
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(answer: Answer, latency: float) -> type[BaseHTTPRequestHandler]:
    lock = Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def _handle(self) -> None:
            request = self._request()
            with lock:
                given = answer(request)
            time.sleep(latency + given.seconds)
            if given.drop:
                self.close_connection = True
                return
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            self.wfile.write(given.body)

        def _request(self) -> Request:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            return Request(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815

        def log_message(self, *args: object) -> None:
            pass

    return Handler
