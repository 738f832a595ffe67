"""What the server says to who signs in, and what becomes of a token, without a Label Studio.

pytest tests/labeling/test_studio_accounts.py
"""

from __future__ import annotations

import base64
import json
import socket
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.labeling.conftest import free_port
from xundan.errors import BadInput
from xundan.labeling.studio.access import Access
from xundan.labeling.studio.accounts import add_person, personal_token, token_works
from xundan.labeling.studio.client import Renewed, library


def test_a_server_that_refuses_or_is_silent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(BadInput, match=r"does not answer; got .*; run: xundan label up"):
        personal_token(address, "a@example.com", "secret")

    def broken(page: httpx.Client, path: str, **_: object) -> httpx.Response:
        return httpx.Response(500, text="no table", request=httpx.Request("GET", address))

    monkeypatch.setattr(httpx.Client, "get", broken)
    with pytest.raises(BadInput, match="refused a request; got 500 no table"):
        add_person(Access(address, "a@example.com", "secret"), "zhou@example.cn")


def test_a_proxy_of_the_machine_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as other:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        works = other.submit(token_works, address, "t")
        listening.settimeout(10)
        came, _ = listening.accept()
        with came:
            assert came.recv(100).startswith(b"POST /api/token/refresh/ ")
            came.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            assert works.result(timeout=10)


def test_a_token_that_ran_out_on_its_way_is_renewed() -> None:
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.headers["Authorization"], request.content))
        return httpx.Response(401 if len(seen) == 1 else 200)

    http = httpx.Client(transport=httpx.MockTransport(answer), auth=Renewed(lambda: "new"))
    headers = {"Authorization": "Bearer old"}
    assert http.post("http://studio/api", content=b"rows", headers=headers).status_code == 200
    assert seen == [("Bearer old", b"rows"), ("Bearer new", b"rows")]


def test_an_account_that_is_not_taken_names_what_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def page(self: httpx.Client, path: str, **_: object) -> httpx.Response:
        self.cookies.set("csrftoken", "x")
        return httpx.Response(200, request=httpx.Request("GET", "http://studio"))

    monkeypatch.setattr(httpx.Client, "get", page)
    monkeypatch.setattr(httpx.Client, "post", page)
    with pytest.raises(BadInput, match=r"does not take the account; .*label down, then xundan label up"):
        personal_token("http://127.0.0.1:1", "a@example.com", "secret")


def test_a_token_past_its_end_names_the_command() -> None:
    pytest.importorskip("label_studio_sdk")
    parts = ({"alg": "HS256", "typ": "JWT"}, {"token_type": "refresh", "exp": 1_600_000_000})
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    access = Access("http://127.0.0.1:1", "a@example.com", "secret", token=".".join([*coded, "c2ln"]))
    with pytest.raises(BadInput, match=r"token is no more good; got .*expired.*; run: xundan label up"):
        library(access)
