"""The last gate before text leaves: what masking would still change is not sent.

check_task(task)      # raises BadInput, which names the task and not its text
"""

from __future__ import annotations

from xundan.chats.masking import mask
from xundan.errors import BadInput
from xundan.labeling.records import Task


def is_masked(*texts: str) -> bool:
    """Whether masking changes none of the texts."""
    return all(mask(text) == text for text in texts)


def check_task(task: Task) -> None:
    """`BadInput` unless all chat text of the task is masked."""
    if not is_masked(task.text, *(turn.text for turn in task.turns)):
        raise BadInput(
            "a task holds text that is not masked, so nothing was sent",
            got=f"task {task.key} of session {task.session_id}",
            do="import the chats again with xundan import, which masks them, and draw anew",
        )
