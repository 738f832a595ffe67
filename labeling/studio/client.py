"""What push and pull ask of a Label Studio, as few calls as they need; nothing that acts is ever sent twice.

studio = connect(read_access(home)); numbers = studio.add(project=3, rows=[{"data": {"xundan_key": "…"}}])
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import httpx

from xundan.errors import BadInput, require
from xundan.labeling.studio.access import Access

if TYPE_CHECKING:
    from label_studio_sdk import LabelStudio

TIMEOUT_S = 300.0
PAGE = 1000
"""Tasks of one listing; with data or annotations `DETAILED`."""
DETAILED = 400
# The server asks this list of tasks and of their annotations alike.
_ANSWERED = "id,annotations,result,completed_by,updated_at,lead_time,was_cancelled"
_TRIES = 10
_LONGEST_WAIT_S = 3.0

Result = TypeVar("Result")


class Unclear(Exception):
    """Nobody knows whether the server acted; ``over``: but whatever it did, it is done with it."""

    def __init__(self, said: str, over: bool = False) -> None:
        super().__init__(said)
        self.over = over


@dataclass(frozen=True)
class Standing:
    """A task as a listing shows it; ``annotations`` counts those not cancelled, ``cancelled`` the others."""

    task: int
    updated_at: datetime
    annotations: int
    cancelled: int


class Studio(Protocol):
    """A Label Studio, or what tests put in its place. Every method may raise `BadInput` with what to do."""

    def add(self, project: int, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Import tasks, all or none; their numbers, in order. Raises `Unclear` where no answer came or the
        server broke."""

    def standing(self, project: int, after: int = 0) -> Iterator[list[Standing]]:
        """Tasks with a number above ``after``, by number, a page at a time."""

    def data(self, project: int, tasks: Sequence[int]) -> dict[int, dict[str, Any]]:
        """The data of those of the tasks that still stand there, by number."""

    def annotations(self, project: int, tasks: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        """The annotations, cancelled ones too, of those of the tasks that still stand there, by number."""

    def remove_untouched(self, project: int, tasks: Sequence[int]) -> None:
        """Delete those of the tasks that have no annotation at the moment of deletion."""

    def people(self) -> dict[int, str]:
        """The e-mail address of every account by its number."""


def library(access: Access) -> LabelStudio:
    """The library's own client, which repeats nothing by itself; `MissingExtra` without label-studio-sdk."""
    sdk = require("label_studio_sdk")
    renewed = Renewed(lambda: _new_token(made))
    http = httpx.Client(timeout=TIMEOUT_S, trust_env=False, follow_redirects=True, auth=renewed)
    # By default it repeats a POST whose answer got lost, which doubles tasks.
    try:
        made: LabelStudio = sdk.LabelStudio(
            base_url=access.address, api_key=access.token, httpx_client=http, timeout=TIMEOUT_S, max_retries=0
        )
    except sdk.core.ApiError as error:
        raise BadInput(
            "the token is no more good", got=error.body, do="run: xundan label up", where=access.address
        ) from error
    return made


class Renewed(httpx.Auth):
    """Sends a request again where its token, good for five minutes, ran out on the way: what is refused with
    401 was not acted on."""

    def __init__(self, new_token: Callable[[], str]) -> None:
        self._new_token = new_token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        answer = yield request
        if answer.status_code == httpx.codes.UNAUTHORIZED and "Authorization" in request.headers:
            request.headers["Authorization"] = f"Bearer {self._new_token()}"
            yield request


def _new_token(client: Any) -> str:
    tokens = client._client_wrapper._tokens_client
    tokens._access_token = None
    return str(tokens.api_key)


def connect(access: Access) -> Studio:
    """A client of the Label Studio that `up` started; `MissingExtra` without label-studio-sdk."""
    return _Client(access.address, library(access), require("label_studio_sdk").core.ApiError)


class _Client:
    def __init__(self, address: str, client: Any, api_error: Any) -> None:
        self.address, self._client, self._api_error = address, client, api_error

    def add(self, project: int, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        self._patiently(
            lambda: self._client.users.whoami()
        )  # so that a dead server or token is no unclear answer

        def send() -> list[int]:
            once = {"max_retries": 0, "timeout": TIMEOUT_S}
            answer = self._client.projects.import_tasks(
                project, request=rows, return_task_ids=True, request_options=once
            )
            return [int(number) for number in answer.task_ids]

        try:
            return self._translated(send)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self._silent(error) from error
        except httpx.TransportError as error:
            raise Unclear(repr(error)) from error

    def standing(self, project: int, after: int = 0) -> Iterator[list[Standing]]:
        wanted = "id,updated_at,total_annotations,cancelled_annotations"
        while True:
            above = {"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": after}
            found = self._list(project, wanted, PAGE, filters={"conjunction": "and", "items": [above]})
            if found:
                yield [_standing(task) for task in found]
                after = int(found[-1]["id"])
            if len(found) < PAGE:
                return

    def data(self, project: int, tasks: Sequence[int]) -> dict[int, dict[str, Any]]:
        return {int(task["id"]): task["data"] for task in self._chosen(project, tasks, "id,data")}

    def annotations(self, project: int, tasks: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        found = self._chosen(project, tasks, _ANSWERED, fields="all")
        return {int(task["id"]): task["annotations"] for task in found}

    def _chosen(
        self, project: int, tasks: Sequence[int], include: str, fields: str = "task_only"
    ) -> Iterator[dict[str, Any]]:
        for start in range(0, len(tasks), DETAILED):
            chosen = {"all": False, "included": list(tasks[start : start + DETAILED])}
            yield from self._list(project, include, DETAILED, fields, selectedItems=chosen)

    def remove_untouched(self, project: int, tasks: Sequence[int]) -> None:
        # The server looks at the counts when it deletes: an answer given a moment ago is not lost.
        names = ("total_annotations", "cancelled_annotations")
        untouched = [
            {"filter": f"filter:tasks:{name}", "operator": "equal", "type": "Number", "value": 0}
            for name in names
        ]
        for start in range(0, len(tasks), DETAILED):
            self._delete(project, tasks[start : start + DETAILED], untouched)

    def _delete(self, project: int, tasks: Sequence[int], filters: list[dict[str, Any]]) -> None:
        self._patiently(
            lambda: self._client.actions.create(
                id="delete_tasks",
                project=project,
                selected_items={"all": False, "included": list(tasks)},
                filters={"conjunction": "and", "items": filters},
            )
        )

    def people(self) -> dict[int, str]:
        users = self._patiently(lambda: self._client.users.list())
        return {int(user.id): str(user.email) for user in users}

    def _list(
        self, project: int, include: str, size: int, fields: str = "task_only", **query: Any
    ) -> list[Any]:
        """One page of tasks by number. Asked without the library: it takes longer to build its objects than
        the server takes to answer."""
        parameters = {
            "project": project,
            "page_size": size,
            "fields": fields,
            "include": include,
            "resolve_uri": "false",
            "query": json.dumps({"ordering": ["tasks:id"], **query}, separators=(",", ":")),
        }
        wrapper = self._client._client_wrapper

        def ask() -> list[Any]:
            address = f"{self.address}/api/tasks/"
            answer = wrapper.httpx_client.httpx_client.get(
                address, params=parameters, headers=wrapper.get_headers()
            )
            if not answer.is_success:
                raise self._api_error(status_code=answer.status_code, body=answer.text)
            return list(answer.json()["tasks"])

        return self._patiently(ask)

    def _patiently(self, call: Callable[[], Result]) -> Result:
        """Make a call that may be made again until it is answered; give up after about 20 s."""
        for attempt in range(_TRIES):
            try:
                return self._translated(call)
            except (httpx.TransportError, Unclear) as error:
                if attempt == _TRIES - 1:
                    raise self._silent(error) from error
                time.sleep(min(0.1 * 2**attempt, _LONGEST_WAIT_S))
        raise AssertionError("unreachable")

    def _translated(self, call: Callable[[], Result]) -> Result:
        """The call, with the server's errors as ours."""
        try:
            return call()
        except self._api_error as error:
            status, said = getattr(error, "status_code", None) or 0, str(getattr(error, "body", ""))[:500]
            if status >= 500 or status in (408, 425, 429):
                raise Unclear(f"{status} {said}", over=status == 500) from error
            do = "run: xundan label up" if status in (401, 403) else ""
            raise BadInput(
                "Label Studio refused a request", got=f"{status} {said}", do=do, where=self.address
            ) from error

    def _silent(self, error: Exception) -> BadInput:
        return BadInput(
            "Label Studio does not answer",
            got=str(error) or repr(error),
            do="run: xundan label up",
            where=self.address,
        )


def _standing(task: Mapping[str, Any]) -> Standing:
    return Standing(
        task=int(task["id"]),
        updated_at=datetime.fromisoformat(task["updated_at"]),
        annotations=int(task["total_annotations"] or 0),
        cancelled=int(task["cancelled_annotations"] or 0),
    )
