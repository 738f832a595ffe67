"""Accounts of a Label Studio: sign in, get a personal access token, add the people who label.

token = personal_token(address, email, password)
person = add_person(access, "chen@example.cn")
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from xundan.errors import BadInput
from xundan.labeling.studio.access import Access

_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Person:
    """Who labels: with these two they sign in at the address."""

    email: str
    password: str


def personal_token(address: str, email: str, password: str) -> str:
    """A personal access token of the account; one that was made before and got lost is revoked.

    Raises `BadInput` where the server does not take the account.
    """
    with _signed_in(address, email, password) as page:
        answer = page.post("/api/token/")
        if answer.status_code == httpx.codes.CONFLICT:  # an account has one; the server never shows it again
            for lost in page.get("/api/token/").raise_for_status().json():
                page.post("/api/token/blacklist", json={"refresh": lost["token"]})
            answer = page.post("/api/token/")
        return str(answer.raise_for_status().json()["token"])


def token_works(address: str, token: str) -> bool:
    """Whether the server takes this personal access token."""
    with _browser(address) as page:
        return page.post("/api/token/refresh/", json={"refresh": token}).is_success


def add_person(access: Access, email: str, password: str | None = None) -> Person:
    """An account for someone who labels, with a password made up here where none is given.

    Raises `BadInput` with the server's reason, such as an address that has an account already.
    """
    person = Person(email, password or secrets.token_urlsafe(12))
    with _signed_in(access.address, access.email, access.password) as page:
        invitation = page.get("/api/invite").raise_for_status().json()["token"]
    with _browser(access.address) as page:
        form = {"email": email, "password": person.password}
        answer = _send_form(page, f"/user/signup/?token={invitation}", form)
    if not answer.is_redirect:
        raise BadInput(
            "Label Studio did not make the account",
            got=f"{email} (an account already, no address, or a password under 8 characters)",
            where=access.address,
        )
    return person


@contextmanager
def _browser(address: str) -> Iterator[httpx.Client]:
    try:
        with httpx.Client(base_url=address, timeout=_TIMEOUT_S, trust_env=False) as page:
            yield page
    except httpx.HTTPStatusError as error:
        said = f"{error.response.status_code} {error.response.text[:200]}"
        raise BadInput("Label Studio refused a request", got=said, where=address) from error
    except httpx.TransportError as error:
        raise BadInput(
            "Label Studio does not answer", got=repr(error), do="run: xundan label up", where=address
        ) from error


@contextmanager
def _signed_in(address: str, email: str, password: str) -> Iterator[httpx.Client]:
    with _browser(address) as page:
        answer = _send_form(page, "/user/login/", {"email": email, "password": password})
        if not answer.is_redirect:
            raise BadInput(
                "Label Studio does not take the account",
                got=email,
                do="start it anew, which makes the account: xundan label down, then xundan label up",
                where=address,
            )
        page.headers["X-CSRFToken"] = page.cookies["csrftoken"]
        yield page


def _send_form(page: httpx.Client, path: str, form: dict[str, str]) -> httpx.Response:
    page.get(path).raise_for_status()
    return page.post(path, data=form | {"csrfmiddlewaretoken": page.cookies["csrftoken"]})
