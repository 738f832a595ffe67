"""A loopback proxy that hangs up instead of handing on every third answer: the server acted, nobody knows.

with dropping("http://127.0.0.1:8080", every=3) as proxy: Access(proxy.address, …)
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

_NOT_HANDED_ON = ("transfer-encoding", "connection", "content-encoding", "content-length")


@dataclass
class Proxy:
    """Where it listens, and which requests were left without their answer, such as "POST /api/…".

    ``only``: those that end with this are counted and dropped, no others.
    """

    target: str
    every: int
    only: str = ""
    port: int = 0
    dropped: list[str] = field(default_factory=list)
    _asked: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def address(self) -> str:
        """Its address, to be used in place of the server's."""
        return f"http://127.0.0.1:{self.port}"

    def drops(self, request: str) -> bool:
        """Count a request; whether its answer is dropped."""
        if not request.endswith(self.only):
            return False
        with self._lock:
            self._asked += 1
            drop = self._asked % self.every == 0
            if drop:
                self.dropped.append(request)
            return drop


@contextmanager
def dropping(target: str, every: int = 3, only: str = "") -> Iterator[Proxy]:
    """Run the proxy before ``target`` on a free port of loopback."""
    proxy = Proxy(target, every, only)
    with httpx.Client(base_url=target, timeout=300, trust_env=False) as client:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(proxy, client))
        server.daemon_threads = True
        proxy.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield proxy
        finally:
            server.shutdown()
            server.server_close()


def _handler(proxy: Proxy, client: httpx.Client) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            answer = client.request(self.command, self.path, headers=headers, content=body)
            if proxy.drops(f"{self.command} {self.path.partition('?')[0]}"):
                self.close_connection = True
                return
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in _NOT_HANDED_ON:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            with suppress(ConnectionError):  # who asked was killed
                self.end_headers()
                self.wfile.write(answer.content)

        do_GET = do_POST = do_PATCH = do_DELETE = _pass_on

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    return Handler
