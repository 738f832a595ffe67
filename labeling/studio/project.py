"""One project of Label Studio for each tree: made once, found again, kept up to date.

project = ensure_project(client, store, load("attention"), counts=counts, guideline=text)
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from markdown_it import MarkdownIt

from xundan.errors import BadInput, require
from xundan.labeling.store import Store
from xundan.labeling.studio.config import labeling_config, most_common, tree_in
from xundan.labeling.studio.migrate import AGAIN, Migration, migrate, move_store
from xundan.labeling.studio.task_data import UNREAD
from xundan.progress import Begin, silent
from xundan.taxonomy.trees import Taxonomy

if TYPE_CHECKING:
    from label_studio_sdk import LabelStudio

_NAMES = {"attention": "关注点", "action": "客服动作", "loss": "流失点"}
_MOST_TITLE = 50  # characters that Label Studio takes
_PAGE = 100
# Made a second time, it would be a second project.
_ONCE: Any = {"max_retries": 0}
_LOOKS, _BETWEEN_S = 5, 1.0
# Columns of Label Studio's own that say nothing here, and those for which there is no room beside the page.
_UNUSED = (
    *("inner_id", "annotations_results", "annotations_ids", "predictions_results", "file_upload"),
    *("storage_filename", "created_at", "updated_at", "updated_by", "avg_lead_time", "draft_exists"),
)
_BESIDE_THE_PAGE = (
    *("id", "completed_at", "cancelled_annotations", "total_predictions", "annotators", "predictions_score"),
    *("predictions_model_versions", "data.item", "data.shop", "data.purpose", "data.batch"),
)


@dataclass(frozen=True)
class Project:
    """A tree's project: its number in Label Studio, whether this call made it, and what it migrated."""

    number: int
    title: str
    created: bool
    migration: Migration | None = None


def note_of(tree: str) -> str:
    """The name of the store's note that holds the number of a tree's project."""
    return f"studio.project.{tree}"


def find_project(client: LabelStudio, store: Store, tree: str) -> int | None:
    """The number of a tree's project; None where there is none, or it was deleted in Label Studio.

    It is known by the end of its description, also where the answer to its making got lost; where somebody
    wrote another description, by the number in the store and the tree in its configuration. Raises `BadInput`
    where Label Studio refuses or does not answer.
    """
    noted, mark = store.note(note_of(tree)), _mark(store, tree)
    with _errors_as_ours():
        listing = _listed(client)
    found = [
        int(project.id)
        for project in listing
        if (project.description or "").endswith(mark)
        or (str(project.id) == noted and tree_in(project.label_config or "") == tree)
    ]
    return int(noted) if noted and int(noted) in found else min(found, default=None)


def ensure_project(
    client: LabelStudio,
    store: Store,
    taxonomy: Taxonomy,
    *,
    counts: Mapping[str, float] | None = None,
    guideline: str = "",
    moved: Mapping[str, str] | None = None,
    annotators: int | None = None,
    new_keys: bool = False,
    begin: Begin = silent,
) -> Project:
    """The project of a tree, with the page, instruction and settings it should have.

    ``counts``: of predictions or labels by leaf; the nine commonest get the keys 1 to 9 when the project is
    made, and keep them (fingers remember) unless ``new_keys``. ``guideline``: Markdown, shown as the
    instruction. ``moved``: old leaf ids to new ones, see `migrate`. ``annotators``: how many people are
    to answer each task; None leaves it as it is, 1 in a new project. The same call again changes nothing.
    Raises `BadInput` where Label Studio refuses or does not answer.
    """
    if annotators is not None and annotators < 1:  # Label Studio would take it, and offer no task to anybody
        raise BadInput("nobody would be asked", got=annotators, expected="1 or more", where="--annotators")
    settings = _settings(taxonomy, guideline, annotators)
    first = most_common(counts or {}, taxonomy)
    with _errors_as_ours():
        number = find_project(client, store, taxonomy.tree)
        if number is None:
            number = make_project(client, store, taxonomy.tree, settings | _page(store, taxonomy, first))
            store.put_note(note_of(taxonomy.tree), str(number))
            _list_readably(client, number)
            return Project(number, settings["title"], created=True)
        store.put_note(note_of(taxonomy.tree), str(number))
        _list_readably(client, number)
        keys = first if new_keys else ()
        done = migrate(client, number, taxonomy, moved or {}, first=keys, begin=begin)
        move_store(store, taxonomy, done.moves.to)
        client.projects.update(number, **settings, request_options=AGAIN)
    return Project(number, settings["title"], created=False, migration=done)


def instruction(guideline: str) -> str:
    """Markdown as the HTML that Label Studio shows when a person asks for the instruction."""
    html: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(guideline)
    return html


def make_project(client: LabelStudio, store: Store, tree: str, values: dict[str, Any]) -> int:
    """Make a tree's project, whose description `find_project` knows it by; where the answer gets lost, see
    whether it came to be. Raises the library's errors.

    A Label Studio with a new database gives numbers out again that the ledger has: those are passed over, or
    its tasks and answers would be taken for others.
    """
    number = _made(client, store, tree, values)
    while store.pushed(number):
        client.projects.delete(number, request_options=_ONCE)
        number = _made(client, store, tree, values)
    return number


def _made(client: LabelStudio, store: Store, tree: str, values: dict[str, Any]) -> int:
    try:
        return int(client.projects.create(**values, request_options=_ONCE).id or 0)
    except httpx.TransportError:
        for _ in range(_LOOKS):
            number = find_project(client, store, tree)
            if number is not None:
                return number
            time.sleep(_BETWEEN_S)
        raise


def _listed(client: LabelStudio) -> list[Any]:
    """All projects. The library asks for its token without trying again, so all of it is tried again."""
    for _ in range(_LOOKS - 1):
        with suppress(httpx.TransportError):
            return list(client.projects.list(page_size=_PAGE, request_options=AGAIN))
        time.sleep(_BETWEEN_S)
    return list(client.projects.list(page_size=_PAGE, request_options=AGAIN))


def _list_readably(client: LabelStudio, number: int) -> None:
    """Give the project's list of tasks a first tab without the columns that are HTML or our own keys."""
    if client.views.list(project=number, request_options=AGAIN):
        return
    hidden = [f"tasks:{name}" for name in (*(f"data.{name}" for name in UNREAD), *_UNUSED)]
    beside = [*hidden, *(f"tasks:{name}" for name in _BESIDE_THE_PAGE)]
    data = {"title": "标注", "hiddenColumns": {"explore": hidden, "labeling": beside}}
    with suppress(httpx.TransportError):  # whether it came to be, the next call sees
        client.views.create(project=number, data=data, request_options=_ONCE)


def _settings(taxonomy: Taxonomy, guideline: str, annotators: int | None) -> dict[str, Any]:
    name = _NAMES.get(taxonomy.tree, taxonomy.tree)
    asked = {} if annotators is None else {"maximum_annotations": annotators}
    return asked | {
        "title": f"询单 {name} {taxonomy.version}"[:_MOST_TITLE],
        "expert_instruction": instruction(guideline),
        "show_instruction": False,
        "show_skip_button": True,
        "enable_empty_annotation": False,
        "show_collab_predictions": True,
        "sampling": "Sequential sampling",
    }


def _page(store: Store, taxonomy: Taxonomy, first: tuple[str, ...]) -> dict[str, str]:
    description = f"由 xundan 建立和更新；请保留这一行：{_mark(store, taxonomy.tree)}"
    return {"description": description, "label_config": labeling_config(taxonomy, first)}


def _mark(store: Store, tree: str) -> str:
    """What only the project of this store and tree has at the end of its description."""
    name = store.note("studio.store")
    if name is None:
        name = uuid.uuid4().hex
        store.put_note("studio.store", name)
    return f"xundan/{name}/{tree}"


@contextmanager
def _errors_as_ours() -> Iterator[None]:
    refusal = require("label_studio_sdk.core.api_error").ApiError
    try:
        yield
    except refusal as error:
        said = f"{error.status_code} {str(error.body)[:500]}"
        raise BadInput("Label Studio refused a request", got=said) from error
    except httpx.TransportError as error:
        raise BadInput("Label Studio does not answer", got=repr(error), do="run: xundan label up") from error
