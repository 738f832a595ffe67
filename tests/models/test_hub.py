"""Versions go to a folder or a hub, without what tells of single rows, and come back verified."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub import constants

from xundan.errors import BadInput, Refused
from xundan.models.hub import PushPlan, fetch, push
from xundan.models.manifest import Manifest

NAME = "shop/xundan-attention"
COMMIT = "a" * 40
Make = Callable[..., Path]


@dataclass
class Hub:
    """A hub with one repository: its files, and whether it is private (None: there is none yet)."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    private: bool | None = None
    broken: bool = False
    requests: list[str] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)


def handler_of(hub: Hub) -> type[BaseHTTPRequestHandler]:
    """The few answers of a hub that pushing and fetching need."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            self._note()
            if hub.private is None:
                self._send(404, b"", {"X-Error-Code": "RepoNotFound"})
            elif hub.broken:
                self._send(400, b"", {})
            elif self.path.startswith(f"/api/models/{NAME}"):
                self._json(200, {"id": NAME, "private": hub.private, "sha": COMMIT, "siblings": []})
            elif (file := self.path.rpartition("/")[2]) in hub.files:
                self._send(200, hub.files[file], {"ETag": f'"{hashlib.sha1(hub.files[file]).hexdigest()}"'})
            else:
                self._send(404, b"", {"X-Error-Code": "EntryNotFound"})

        def do_POST(self) -> None:
            self._note()
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path == "/api/repos/create":
                hub.private = json.loads(body)["visibility"] == "private"
                self._json(200, {"url": f"{hub.url}/{NAME}"})
            elif "/preupload/" in self.path:
                files = [
                    {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None}
                    for f in json.loads(body)["files"]
                ]
                self._json(200, {"files": files})
            elif "/commit/" in self.path:
                for line in map(json.loads, body.splitlines()):
                    if line["key"] == "file":
                        hub.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                self._json(200, {"commitUrl": f"{hub.url}/{NAME}/commit/{COMMIT}", "commitOid": COMMIT})

        def _note(self) -> None:
            hub.requests.append(f"{self.command} {self.path}")
            hub.tokens.add(self.headers.get("authorization"))

        def _json(self, status: int, answer: object) -> None:
            self._send(status, json.dumps(answer).encode(), {"Content-Type": "application/json"})

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "X-Repo-Commit": COMMIT, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    return Handler


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub on this machine, and no other."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("HF_TOKEN", "hf_kept_for_another_hub")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(hub))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield hub
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path, make: Make) -> Path:
    """A version to push."""
    return make(tmp_path / "registry")


@pytest.fixture
def key(folder: Path) -> str:
    """The fingerprint of the key that signed it."""
    return Manifest.read(folder).key


def quiet(_: PushPlan) -> None:
    """Nobody looks."""


def test_a_version_goes_to_a_hub_and_comes_back(hub: Hub, folder: Path, key: str, tmp_path: Path) -> None:
    address = push(folder, NAME, {key}, quiet, endpoint=hub.url + "/")
    assert address == f"{hub.url}/{NAME}"
    assert hub.private is True
    assert set(hub.files) == {path.name for path in folder.iterdir()} - {"rows.txt", "out_of_fold.npz"}
    got = fetch(NAME, {key}, cache=tmp_path / "cache", endpoint=hub.url)
    assert (got / "model.bin").read_bytes() == (folder / "model.bin").read_bytes()
    assert {path.name for path in got.iterdir()} == set(hub.files)


def test_a_token_kept_for_one_hub_is_not_sent_to_another(
    hub: Hub, folder: Path, key: str, tmp_path: Path
) -> None:
    push(folder, NAME, {key}, quiet, endpoint=hub.url)
    fetch(NAME, {key}, cache=tmp_path / "cache", endpoint=hub.url)
    assert hub.tokens == {None}
    push(folder, NAME, {key}, quiet, endpoint=hub.url, token="hf_given")
    assert "Bearer hf_given" in hub.tokens


def test_nothing_leaves_before_it_is_listed(hub: Hub, folder: Path, key: str) -> None:
    def no(plan: PushPlan) -> None:
        assert hub.requests == []
        assert f"to {hub.url}/{NAME}, for those you let in" in str(plan)
        assert f"  model.bin  {(folder / 'model.bin').stat().st_size:,} bytes" in str(plan)
        assert "rows.txt" not in str(plan)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        push(folder, NAME, {key}, no, endpoint=hub.url)
    assert hub.requests == []


@pytest.mark.parametrize(
    ("name", "endpoint"), [(NAME, None), (NAME, ""), ("./copy", "http://127.0.0.1:1"), ("copy", None)]
)
def test_without_an_endpoint_nothing_is_pushed_to_a_hub(
    folder: Path, key: str, name: str, endpoint: str | None
) -> None:
    with pytest.raises(BadInput, match=r"not clear where to push to.*--endpoint"):
        push(folder, name, {key}, quiet, endpoint=endpoint)


def test_a_public_repository_is_refused_unless_it_shall_be(hub: Hub, folder: Path, key: str) -> None:
    hub.private = False
    with pytest.raises(Refused, match=f"{NAME} is public: anyone would see the model"):
        push(folder, NAME, {key}, quiet, endpoint=hub.url)
    assert hub.files == {}
    push(folder, NAME, {key}, quiet, endpoint=hub.url, public=True)
    assert "model.bin" in hub.files


def test_what_the_hub_changed_is_refused(hub: Hub, folder: Path, key: str, tmp_path: Path) -> None:
    push(folder, NAME, {key}, quiet, endpoint=hub.url)
    hub.files["model.bin"] = b"other weights"
    with pytest.raises(Refused, match=r"model\.bin was changed"):
        fetch(NAME, {key}, cache=tmp_path / "cache", endpoint=hub.url)


def test_of_an_unknown_signer_nothing_but_the_manifest_is_fetched(
    hub: Hub, folder: Path, key: str, tmp_path: Path
) -> None:
    push(folder, NAME, {key}, quiet, endpoint=hub.url)
    hub.requests.clear()
    with pytest.raises(Refused, match=f"not trusted here; got {key}; expected one of \\(none\\)"):
        fetch(NAME, (), cache=tmp_path / "cache", endpoint=hub.url)
    assert all(request.endswith("/manifest.json") for request in hub.requests)


def test_an_unknown_repository_and_a_foreign_one_are_named(hub: Hub, key: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=f"the hub has no repository {NAME}, or you may not see it"):
        fetch(NAME, {key}, cache=tmp_path, endpoint=hub.url)
    hub.private = True
    with pytest.raises(BadInput, match=f"{NAME} lacks a file of a model version"):
        fetch(NAME, {key}, cache=tmp_path, endpoint=hub.url)
    with pytest.raises(BadInput, match="not a repository's name; got xundan"):
        fetch("xundan", {key}, cache=tmp_path, endpoint=hub.url)


def test_a_hub_that_answers_otherwise_is_named(hub: Hub, folder: Path, key: str, tmp_path: Path) -> None:
    hub.private, hub.broken = True, True
    with pytest.raises(BadInput, match=f"{hub.url}: the hub could not be used: "):
        push(folder, NAME, {key}, quiet, endpoint=hub.url)
    with pytest.raises(BadInput, match=f"{hub.url}: the hub could not be used: "):
        fetch(NAME, {key}, cache=tmp_path, endpoint=hub.url)


def test_a_version_goes_to_a_folder_and_is_read_there(folder: Path, key: str, tmp_path: Path) -> None:
    target = tmp_path / "share" / "attention"
    assert push(folder, str(target), {key}, quiet) == str(target)
    assert not (target / "rows.txt").exists()
    assert fetch(str(target), {key}) == target
    with pytest.raises(BadInput, match="the folder exists already"):
        push(folder, str(target), {key}, quiet)
    (target / "model.bin").write_bytes(b"")
    with pytest.raises(Refused, match=r"model\.bin was changed"):
        fetch(str(target), {key})
    with pytest.raises(BadInput, match="no such folder"):
        fetch(str(tmp_path / "none"), {key})


def test_a_changed_version_is_not_pushed(folder: Path, key: str, tmp_path: Path) -> None:
    (folder / "model.bin").write_bytes(b"")
    with pytest.raises(Refused, match=r"model\.bin was changed"):
        push(folder, str(tmp_path / "copy"), {key}, quiet)
