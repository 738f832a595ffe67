"""Read a taxonomy's YAML file, and remember on which line each of its parts stands.

>>> from pathlib import Path
>>> from xundan.taxonomy import source
>>> source.read(Path(source.__file__).with_name("loss.yaml")).line_of("groups[0].leaves[0].id")
10
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from xundan.errors import BadInput

# Far deeper than any valid tree; a file whose anchors point to themselves must not loop for ever.
_DEEPEST = 12


@dataclass(frozen=True)
class Source:
    """What a file says (``document``: plain data), the line of each path, and paths of keys given twice."""

    document: object
    lines: Mapping[str, int]
    repeated: tuple[str, ...] = ()

    def line_of(self, where: str) -> int | None:
        """The line (from 1) on which the part at path ``where`` begins; None if the file has no such part."""
        return self.lines.get(where)


def read(path: Path) -> Source:
    """One YAML file; raises `BadInput` where it is missing, not UTF-8 or no YAML (with the line)."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        raise BadInput("no such taxonomy file", do="give the path of a .yaml file", where=str(path)) from None
    except UnicodeDecodeError:
        raise BadInput("the taxonomy file is not UTF-8", do="save it as UTF-8", where=str(path)) from None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        document = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadInput(
            f"not valid YAML: {error.problem}",
            do="check indentation, quotes and colons there",
            where=f"{path}:{line}",
        ) from None
    except yaml.YAMLError as error:
        raise BadInput(f"not valid YAML: {error}", where=str(path)) from None
    parts = list(_walk(node, "")) if node is not None else []
    lines = {where: line for where, line, _ in parts}
    return Source(document, lines, tuple(where for where, _, again in parts if again))


def _walk(node: yaml.Node, where: str) -> Iterator[tuple[str, int, bool]]:
    """(path, line, whether its key was given before in the same mapping) of ``node`` and all below it."""
    yield where, node.start_mark.line + 1, False
    if where.count(".") + where.count("[") > _DEEPEST:
        return
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            below = f"{where}.{name}" if where else name
            if name in seen:
                yield below, key.start_mark.line + 1, True
            seen.add(name)
            yield from _walk(value, below)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, f"{where}[{index}]")
