"""A reverse proxy that puts a page below a path, as nginx does with ``location /labels/``: it says the inner name in Host."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "host", "content-length"}


class PathProxy:
    """A proxy on a free port of this machine; to be used as a context.

    Args:
        prefix: path of the page, with '/' at both ends; nothing else is there.
    """

    def __init__(self, prefix: str = "/labels/") -> None:
        self.target = ""
        self.refused: list[str] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if not self.path.startswith(prefix):
                    proxy.refused.append(self.path)
                    self.send_error(404)
                    return
                inner = http.client.HTTPConnection(urlsplit(proxy.target).netloc, timeout=20)
                passed = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
                inner.request(self.command, "/" + self.path.removeprefix(prefix), body or None, passed)
                answer = inner.getresponse()
                content = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _HOP_BY_HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                inner.close()

            do_GET = do_POST = answer  # noqa: N815 - the library calls them so

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}{prefix}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> PathProxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
