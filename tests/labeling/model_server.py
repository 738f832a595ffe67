"""A small OpenAI-compatible server on loopback that behaves as a test tells it to.

with serving(lambda asked, number: answer(["logistics_freight"])) as server: server.url
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "test-model-2026"


@dataclass(frozen=True)
class Said:
    """What the server does with one request: a status with a body, after ``wait`` is set, or ``broken``: the
    connection ends without a word."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: threading.Event | None = None
    broken: bool = False


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    body: dict[str, Any]
    headers: dict[str, str]
    path: str

    @property
    def user(self) -> str:
        """The last words to the model."""
        return str(self.body["messages"][-1]["content"])

    @property
    def text(self) -> str:
        """The message to label."""
        task = next(m["content"] for m in self.body["messages"] if m["role"] == "user").rpartition(
            "请标注\n"
        )[2]
        return str(json.loads(task)["消息"]) if task.startswith("{") else str(task)


Behaviour = Callable[[Asked, int], Said]
"""Told the request and its number, from 0."""


def completion(content: str | None, **changes: Any) -> Said:
    """A chat completion with this content."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    choice |= changes.pop("choice", {})
    usage = {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050}
    body = {"id": "c1", "object": "chat.completion", "created": 1, "model": MODEL, "choices": [choice]}
    return Said({**body, "usage": usage, **changes})


def answer(leaves: list[str], unsure: bool = False, **more: Any) -> Said:
    """A proper answer."""
    content = {"reason": "买家在问这个", "leaves": leaves, "unsure": unsure, **more}
    return completion(json.dumps(content, ensure_ascii=False))


def complaint(status: int, message: str, headers: Mapping[str, str] | None = None, code: str = "") -> Said:
    """An error in OpenAI's form."""
    return Said({"error": {"message": message, "code": code, "type": "error"}}, status, headers or {})


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is what some tests are about."""


class ModelServer:
    """The running server; ``asked``: every request in the order it came."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.asked: list[Asked] = []
        self._behaviour, self._lock = behaviour, threading.Lock()
        self._server = _Quiet(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def run(self) -> None:
        """Serve until closed."""
        self._server.serve_forever(poll_interval=0.05)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def _take(self, asked: Asked) -> Said:
        with self._lock:
            number = len(self.asked)
            self.asked.append(asked)
        return self._behaviour(asked, number)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                headers = {name.lower(): value for name, value in self.headers.items()}
                said = take(Asked(body, headers, self.path))
                if said.wait is not None:
                    said.wait.wait(30)
                if said.broken:
                    self.close_connection = True
                    return
                content = said.body if isinstance(said.body, str) else json.dumps(said.body)
                try:
                    self.send_response(said.status)
                    for name, value in said.headers.items():
                        self.send_header(name, value)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(content.encode())))
                    self.end_headers()
                    self.wfile.write(content.encode())
                except OSError:  # the client has gone, as some tests mean it to
                    self.close_connection = True

            def log_message(self, format: str, *args: Any) -> None:
                """Keep quiet."""

        return Handler


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[ModelServer]:
    """A server for the length of a test."""
    server = ModelServer(behaviour)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()
