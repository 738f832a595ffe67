"""Who signed a model: this user's Ed25519 key, and the keys that a registry trusts.

trust(Path("registry"), "3f6c…", why="compared with Li by phone")
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import stat
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import typer
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from xundan.disk import create_once, replace_file
from xundan.errors import BadInput

KEY_VARIABLE = "XUNDAN_SIGNING_KEY"
TRUSTED_FILE = "trusted_keys.json"
_FINGERPRINT = 32


def signing_key() -> Ed25519PrivateKey:
    """This user's key, made at first use: ``$XUNDAN_SIGNING_KEY``, or signing_key.pem in the user's
    configuration folder. Raises `BadInput` where others can read it or it is no Ed25519 key."""
    path = key_path()
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        create_once(path, _pem(Ed25519PrivateKey.generate()), mode=0o600)
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise BadInput(
            "the signing key can be read by others",
            got=f"mode {stat.S_IMODE(path.stat().st_mode):o}",
            expected="600",
            do=f"chmod 600 {path}",
            where=str(path),
        )
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key(path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path)
    return key


def key_path() -> Path:
    """Where the signing key lies, whether it was made yet or not."""
    given = os.environ.get(KEY_VARIABLE)
    return Path(given) if given else Path(typer.get_app_dir("xundan")) / "signing_key.pem"


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of the public key."""
    return key.public_key().public_bytes_raw()


def fingerprint(public: bytes) -> str:
    """A public key's name, 32 hexadecimal digits: what people compare before they trust it."""
    return hashlib.sha256(public).hexdigest()[:_FINGERPRINT]


def signed_by(public: bytes, signature: bytes, content: bytes) -> bool:
    """Whether the owner of the public key signed exactly this content."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def trusted_keys(registry: Path) -> Collection[str] | None:
    """The fingerprints that a registry trusts; None before its first use."""
    path = registry / TRUSTED_FILE
    try:
        return frozenset(_read(path))
    except FileNotFoundError:
        return None


def trust(registry: Path, key: str, why: str = "") -> None:
    """Trust one more key; raises `BadInput` where ``key`` is no fingerprint."""
    if len(key) != _FINGERPRINT or not set(key) <= set("0123456789abcdef"):
        raise BadInput("not a key's fingerprint", got=key, expected=f"{_FINGERPRINT} digits 0-9 a-f")
    trust_first(registry, key, why)
    path = registry / TRUSTED_FILE
    known = _read(path)
    if key not in known:
        replace_file(path, _listed({**known, key: _entry(why)}))


def trust_first(registry: Path, key: str, why: str = "the first key used here") -> None:
    """Trust the first key that a registry meets; it changes nothing once the registry has a list."""
    registry.mkdir(parents=True, exist_ok=True)
    if not (registry / TRUSTED_FILE).exists():
        create_once(registry / TRUSTED_FILE, _listed({key: _entry(why)}), mode=0o644)


def user() -> str:
    """The name of whoever runs this, as far as the system knows one."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a user database
        return "unknown"


def now() -> str:
    """The moment in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _entry(why: str) -> dict[str, str]:
    return {"at": now(), "by": user(), "why": why}


def _listed(keys: dict[str, dict[str, str]]) -> bytes:
    return (json.dumps(keys, indent=1, ensure_ascii=False) + "\n").encode()


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput("the list of trusted keys is not JSON", do="restore it", where=str(path)) from error
    if not isinstance(known, dict):
        raise BadInput("the list of trusted keys is not an object", do="restore it", where=str(path))
    return known


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _no_key(path: Path) -> BadInput:
    return BadInput(
        "not a signing key",
        expected="an Ed25519 private key in PEM without a password",
        do=f"make one: openssl genpkey -algorithm ed25519 -out {path}",
        where=str(path),
    )
