"""A signed version is what was signed, or it is refused with the file that differs."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from xundan.errors import BadInput, Refused
from xundan.models.manifest import Facts, Manifest, seal, taxonomy_sha256, verify
from xundan.models.registry import promote
from xundan.models.signing import fingerprint, public_bytes, signing_key, trust, trusted_keys
from xundan.taxonomy.trees import load

Fill = Callable[..., None]
FACTS = Facts("d" * 64, 10, load("attention"), {"epochs": 1}, {"micro_f1": 0.6})


@pytest.fixture
def folder(tmp_path: Path, fill: Fill) -> Path:
    """A signed version."""
    home = tmp_path / "v1"
    home.mkdir()
    fill(home)
    return home


def own_key() -> str:
    return fingerprint(public_bytes(signing_key()))


def test_an_untouched_version_is_what_was_signed(folder: Path) -> None:
    manifest = verify(folder, {own_key()})
    taxonomy = load("attention")
    assert (manifest.tree, manifest.version) == ("attention", "attention-v1")
    assert (manifest.data_sha256, manifest.data_rows) == ("d" * 64, 100)
    assert manifest.taxonomy_version == taxonomy.version
    assert manifest.taxonomy_sha256 == taxonomy_sha256(taxonomy)
    assert manifest.settings == {"epochs": 7, "base": "shipped/encoder"}
    assert manifest.metrics == {"micro_f1": 0.6}
    assert manifest.code_version
    assert "manifest.json" not in manifest.files
    assert set(manifest.files) == {path.name for path in folder.iterdir()} - {"manifest.json"}


@pytest.mark.parametrize(
    "name",
    ["model.bin", "model.json", "tokenizer.json", "metrics.json", "settings.json", "card.md", "rows.txt"],
)
def test_one_flipped_byte_is_named(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(Refused, match=rf"{name} was changed after the version was made; restore the folder"):
        verify(folder, {own_key()})


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "model.bin").unlink()
    with pytest.raises(Refused, match=r"model\.bin is missing"):
        verify(folder, {own_key()})


def test_an_added_file_is_named(folder: Path) -> None:
    (folder / "inner").mkdir()
    (folder / "inner" / "plugin.py").write_text("", encoding="utf-8")
    with pytest.raises(Refused, match=r"inner/plugin\.py was added"):
        verify(folder, {own_key()})


def test_only_what_tells_of_single_rows_may_be_absent(folder: Path) -> None:
    (folder / "rows.txt").unlink()
    (folder / "out_of_fold.npz").unlink()
    assert "rows.txt" in verify(folder, {own_key()}).files


@pytest.mark.parametrize(
    ("field", "value"),
    [("metrics", {"micro_f1": 0.9}), ("data_rows", 10**6), ("version", "attention-v9"), ("key", "0" * 32)],
)
def test_an_edited_manifest_is_refused(folder: Path, field: str, value: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), field: value}))
    with pytest.raises(Refused, match=r"manifest\.json was changed after it was signed"):
        verify(folder, {own_key(), "0" * 32})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a manifest"),
        ("[]", "not a manifest"),
        ('{"files": {}}', "not a manifest"),
        ('{"metrics": NaN}', "the signature cannot be read"),
        (None, r"has no manifest\.json.*xundan train"),
    ],
)
def test_a_broken_manifest_is_refused(folder: Path, content: str | None, message: str) -> None:
    path = folder / "manifest.json"
    signed = json.loads(path.read_text(encoding="utf-8"))
    if content is None:
        path.unlink()
    elif "NaN" in content:
        path.write_text(json.dumps({**signed, **json.loads(content)}), encoding="utf-8")
    else:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(Refused, match=message):
        verify(folder, {own_key()})


def test_a_manifest_that_names_a_file_elsewhere_is_refused(folder: Path) -> None:
    manifest = Manifest.read(folder)
    outside = replace(manifest, files={"../../secret": "0" * 64})
    (folder / "manifest.json").write_text(json.dumps(vars(outside)), encoding="utf-8")
    with pytest.raises(Refused, match="names a file outside its folder"):
        verify(folder, {own_key()})


def test_a_foreign_key_is_refused_until_it_is_trusted(
    tmp_path: Path, make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = tmp_path / "registry"
    make(registry)
    mine = own_key()
    assert set(trusted_keys(registry) or ()) == {mine}
    monkeypatch.setenv("XUNDAN_SIGNING_KEY", str(tmp_path / "theirs.pem"))
    make(registry)
    theirs = own_key()
    monkeypatch.undo()
    with pytest.raises(
        Refused,
        match=rf"not trusted here; got {theirs}; expected one of {mine}; .*xundan models trust {theirs}",
    ):
        promote(registry, "attention", "v2")
    trust(registry, theirs, why="compared by phone")
    promote(registry, "attention", "v2")
    assert set(trusted_keys(registry) or ()) == {mine, theirs}


def test_only_a_fingerprint_can_be_trusted(tmp_path: Path) -> None:
    assert trusted_keys(tmp_path) is None
    with pytest.raises(BadInput, match="not a key's fingerprint; got Li's key; expected 32 digits"):
        trust(tmp_path, "Li's key")


def test_a_damaged_list_of_trusted_keys_is_named(tmp_path: Path) -> None:
    (tmp_path / "trusted_keys.json").write_text("{", encoding="utf-8")
    with pytest.raises(BadInput, match=r"trusted_keys\.json: the list of trusted keys is not JSON"):
        trusted_keys(tmp_path)


def test_the_key_is_made_once_and_for_its_owner_alone(key_file: Path) -> None:
    first = own_key()
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert own_key() == first
    assert [path.name for path in key_file.parent.iterdir()] == [key_file.name]


def test_without_the_variable_the_key_lies_in_the_users_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XUNDAN_SIGNING_KEY")
    monkeypatch.setattr("typer.get_app_dir", lambda name: str(tmp_path / ".config" / name))
    own_key()
    assert (tmp_path / ".config" / "xundan" / "signing_key.pem").is_file()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_key_that_others_can_read_is_not_used(key_file: Path, folder: Path) -> None:
    own_key()
    key_file.chmod(0o644)
    with pytest.raises(BadInput, match=r"can be read by others; got mode 644; expected 600; chmod 600"):
        seal(folder, FACTS)


def test_what_is_no_ed25519_key_is_named(key_file: Path) -> None:
    key_file.parent.mkdir()
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = other.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for content in (b"secret", pem):
        key_file.write_bytes(content)
        key_file.chmod(0o600)
        with pytest.raises(BadInput, match="not a signing key; expected an Ed25519 private key"):
            signing_key()


def test_what_cannot_be_signed_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="a figure or setting is not finite"):
        seal(folder, replace(FACTS, metrics={"micro_f1": float("nan")}))
    (folder / "模型.bin").write_bytes(b"")
    with pytest.raises(BadInput, match=r"not a file of a model version; got 模型\.bin"):
        seal(folder, FACTS)
    with pytest.raises(BadInput, match="not a model folder"):
        seal(tmp_path, FACTS)
