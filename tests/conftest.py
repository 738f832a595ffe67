"""What every test shares: models are signed with a key of the test run, never with the user's own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_signing_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = os.environ.get("XUNDAN_SIGNING_KEY")
    os.environ["XUNDAN_SIGNING_KEY"] = str(tmp_path_factory.mktemp("key") / "signing_key.pem")
    yield
    del os.environ["XUNDAN_SIGNING_KEY"]
    if before is not None:
        os.environ["XUNDAN_SIGNING_KEY"] = before
