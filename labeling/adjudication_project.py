"""The adjudicator's project in Label Studio: the usual page, everyone's answers above, a reason below.

number = ensure_adjudication_project(client, store, load("attention"))
push(store, studio, number, adjudication_batch(store, load("attention")), load("attention"))
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import httpx

from xundan.errors import BadInput, require
from xundan.labeling.records import Task
from xundan.labeling.store import Store
from xundan.labeling.studio.access import read_access
from xundan.labeling.studio.client import connect, library
from xundan.labeling.studio.config import labeling_config
from xundan.labeling.studio.config_parts import COMMENT, OBJECT, Element, element, heading
from xundan.labeling.studio.migrate import AGAIN
from xundan.labeling.studio.project import find_project, instruction, make_project, note_of
from xundan.labeling.studio.push import PushReport, push
from xundan.progress import Begin, silent
from xundan.taxonomy.trees import Taxonomy

if TYPE_CHECKING:
    from label_studio_sdk import LabelStudio

ANSWERS = "why"
"""The column of a task that holds what everyone answered."""
_RETRY = "see that Label Studio runs (xundan label up) and run the same command again"
_REASON = {
    "rows": "2",
    "maxSubmissions": "1",
    "editable": "true",
    "required": "true",
    "requiredMessage": "请写下裁定的理由",
    "placeholder": "裁定的理由，必填",
}
_MOST_TITLE = 50  # characters that Label Studio takes
_RULE = (
    "看完各人的答案再定：选上最终的叶子，写下理由；理由会进标注规程。"
    "都不合适就点「看不懂」，这一条不进训练集。"
)


def adjudication_tree(tree: str) -> str:
    """The name under which the store notes a tree's adjudication project."""
    return f"{tree}.adjudication"


def adjudication_config(taxonomy: Taxonomy, first: Sequence[str] = ()) -> str:
    """The labeling page of the taxonomy with everyone's answers (`$why`) and a reason that must be given."""
    page = ElementTree.fromstring(labeling_config(taxonomy, first))
    answer = next(part for part in page.iter("View") if part.get("className") == "xd-answer")
    _drop_comment(answer)
    top = element("View", None)
    heading(top, "各人的答案", "甲乙丙每条重新打乱，不对应固定的人")
    element("Text", top, name=ANSWERS, value=f"${ANSWERS}")
    heading(top, "裁定理由", "必填，会进标注规程；写完点一下空白处，再提交")
    element("TextArea", top, name=COMMENT, toName=OBJECT, **_REASON)
    answer.insert(0, top)
    ElementTree.indent(page)
    xml = ElementTree.tostring(page, encoding="unicode")
    return f"<!-- xundan {adjudication_tree(taxonomy.tree)} {taxonomy.version} -->\n{xml}\n"


def ensure_adjudication_project(
    client: LabelStudio, store: Store, taxonomy: Taxonomy, first: Sequence[str] = (), guideline: str = ""
) -> int:
    """The number of the tree's adjudication project, which is made where it is missing. Can be repeated.

    ``first``: the leaves with the keys 1 to 9; ``guideline``: Markdown, shown as the instruction. `BadInput`
    where Label Studio refuses or does not answer.
    """
    tree = adjudication_tree(taxonomy.tree)
    wanted: dict[str, Any] = {
        "title": f"询单 裁定 {taxonomy.tree} {taxonomy.version}"[:_MOST_TITLE],
        "label_config": adjudication_config(taxonomy, first),
        "expert_instruction": instruction(f"{_RULE}\n\n{guideline}"),
        "show_instruction": False,
        "show_skip_button": True,
        "enable_empty_annotation": False,
        "maximum_annotations": 1,
        "sampling": "Sequential sampling",
    }
    refusal = require("label_studio_sdk.core.api_error").ApiError
    try:
        number = find_project(client, store, tree)  # which also names the store, where nothing did before
        if number is None:
            mark = f"由 xundan 建立；请保留这一行：xundan/{store.note('studio.store')}/{tree}"
            number = make_project(client, store, tree, {**wanted, "description": mark})
        else:
            client.projects.update(number, **wanted, request_options=AGAIN)
    except (refusal, httpx.TransportError) as error:
        raise BadInput("Label Studio refused or did not answer", got=repr(error)[:500], do=_RETRY) from error
    store.put_note(note_of(tree), str(number))
    return number


def bring(
    home: Path, store: Store, tasks: Sequence[Task], taxonomy: Taxonomy, begin: Begin = silent
) -> PushReport:
    """Put tasks for adjudicators into their project on the Label Studio of this folder."""
    access = read_access(home)
    number = ensure_adjudication_project(library(access), store, taxonomy)
    return push(store, connect(access), number, tasks, taxonomy, begin=begin)


def _drop_comment(answer: Element) -> None:
    """Take away a place for remarks, with its heading: the reason takes its name."""
    places = [at for at, tag in enumerate(answer) if tag.get("name") == COMMENT]
    for at in places:
        answer[:] = [*answer[: at - 1], *answer[at + 1 :]]
