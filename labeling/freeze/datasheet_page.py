"""The datasheet that people read, as Markdown in Chinese or English.

Path("datasheet.md").write_text(page(sheet, load("attention"), "zh"))

The headings are those of Gebru et al. 2018, Datasheets for Datasets (https://arxiv.org/abs/1803.09010).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from xundan.labeling.freeze.collect import NO_ANSWER, TWICE, UNDECIDED, UNREADABLE
from xundan.labeling.freeze.datasheet import REPEATS, Datasheet, Part, Purpose
from xundan.taxonomy.trees import Taxonomy

_SAID: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "audit": "随机审计行 {audit} 行（抽了 {drawn} 个任务）：dev 与 test 只含这些行，其指标按权重算"
        "代表自然比例，未入集的除外。",
        "audit_in_train": " 其中 {audit_in_train} 行在 train：用本集训练的模型，校正趋势时不能再用这些行。",
        "no_audit": "**没有随机审计行**：dev 与 test 取自有偏抽样，其指标不代表自然比例，也不能校正趋势。",
        "absent": " 没有一行的叶子：{absent}。",
        "sticky": " {sticky} 行沿用更早冻结的划分。",
        "moved": " {moved} 行原在更弱的一边，因买家已在开发或测试而移走；旧模型见过它们。",
        "guideline": "标注规程第 {number} 版（哈希 {hash}，分类 {taxonomy_version}）。",
        "no_guideline": "标注规程：冻结时尚未生成（`xundan label guideline`）。",
        "agreement": "Krippendorff α（MASI 距离）{alpha}，两人以上标过的任务 n={n}（会话 {sessions} 个）；"
        "两两 F1 {f1}，答案对 n={pairs}。方括号内为 95 % 区间，按会话自助抽样。",
        "no_agreement": "没有任务由两人以上标过，一致性未知（n=0）。",
        "undefined": "无定义（人人总是同一答案）",
        "none": "无",
        "unknown": "未记录",
        "between": "；",
        UNDECIDED: "有争议未定",
        UNREADABLE: "看不懂或无叶子可归",
        NO_ANSWER: "无人标注",
        TWICE: "同一消息重复",
        REPEATS: "与更强一边的行重复",
    },
    "en": {
        "audit": "{audit} rows are of the random audit sample ({drawn} tasks were drawn): dev and test hold "
        "only them and, counted by weight, stand for natural rates, but for the tasks left out.",
        "audit_in_train": " {audit_in_train} of them are in train: for a model made of this set, correct no "
        "trend with those.",
        "no_audit": "**There are no audit rows**: dev and test come from a biased sample; their figures do "
        "not stand for natural rates, and no trend can be corrected with them.",
        "absent": " Leaves without a row: {absent}.",
        "sticky": " {sticky} rows keep the side that an earlier set gave them.",
        "moved": " {moved} rows stood on a weaker side before and moved, as their buyer is in dev or test; "
        "older models saw them.",
        "guideline": "Guideline version {number} (hash {hash}, taxonomy {taxonomy_version}).",
        "no_guideline": "Guideline: none was made yet (`xundan label guideline`).",
        "agreement": "Krippendorff's alpha (MASI distance) {alpha}, n={n} tasks that two or more people "
        "answered, in {sessions} sessions; F1 of pairs of answers {f1}, n={pairs} pairs. In brackets the "
        "95 % interval, by bootstrap of sessions.",
        "no_agreement": "no task was answered by two people, so it is not known (n=0).",
        "undefined": "not defined (everybody always gave the same answer)",
        "none": "none",
        "unknown": "not noted",
        "between": "; ",
    },
}


def page(sheet: Datasheet, taxonomy: Taxonomy, lang: str = "zh") -> str:
    """The whole datasheet; leaves are named in ``lang`` (zh or en)."""
    said = _SAID[lang]
    text = Path(__file__).with_name(f"datasheet.{lang}.md").read_text(encoding="utf-8")
    none = said["none"]
    absent = [taxonomy.name_of(leaf.value, lang) for leaf in sheet.leaves if not leaf.rows]
    return text.format(
        name=sheet.name,
        tree=sheet.tree,
        taxonomy_version=sheet.taxonomy_version,
        made_at=sheet.made_at,
        total=sheet.rows.rows,
        rows=sheet.rows,
        tasks=sheet.tasks,
        left_total=sum(sheet.left.values()),
        left=_counted(sheet.left, said),
        sessions=sheet.sessions,
        buyers=sheet.buyers,
        without_buyer=sheet.without_buyer,
        audit=_audit(sheet, said),
        leaves=_lines(
            [leaf.value, taxonomy.name_of(leaf.value, lang), *_cells(leaf)]
            for leaf in sheet.leaves
            if leaf.rows
        ),
        absent=said["absent"].format(absent=", ".join(absent)) if absent else "",
        sources=_lines([part.value, *_cells(part)] for part in sheet.sources),
        sticky=_sticky(sheet, said),
        leaks=sheet.leaks,
        purposes=_lines(_purpose(purpose) for purpose in sheet.purposes),
        guideline=_guideline(sheet, said),
        versions=_counted({name or said["unknown"]: n for name, n in sheet.versions.items()}, said),
        labelled=" – ".join(sheet.labelled) if sheet.labelled else said["unknown"],
        agreement=_agreement(sheet, said),
        how=_lines([part.value, *_cells(part)] for part in sheet.how),
        people=_lines(
            [one.by, one.source, str(one.rows), said["unknown"] if one.minutes is None else f"{one.minutes}"]
            for one in sheet.people
        ),
        sha256=_lines([name, digest] for name, digest in sheet.sha256.items()),
        earlier=", ".join(sheet.earlier) or none,
    )


def _lines(rows: Iterable[Iterable[str]]) -> str:
    """Rows of a table; a bar in a cell would begin another cell."""
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows)


def _cells(part: Part) -> list[str]:
    return [str(n) for n in (part.train, part.dev, part.test, part.aside, part.rows)]


def _purpose(purpose: Purpose) -> list[str]:
    stands_for = "-" if purpose.stands_for is None else f"{purpose.stands_for:,.0f}"
    return [purpose.name, str(purpose.drawn), *_cells(purpose.rows), stands_for]


def _counted(counts: Mapping[str, int], said: Mapping[str, str]) -> str:
    return said["between"].join(f"{said.get(name, name)} {n}" for name, n in counts.items()) or said["none"]


def _audit(sheet: Datasheet, said: Mapping[str, str]) -> str:
    if not sheet.audit:
        return said["no_audit"]
    drawn = sum(purpose.drawn for purpose in sheet.purposes if purpose.name == "random")
    more = said["audit_in_train"].format(audit_in_train=sheet.audit_in_train) if sheet.audit_in_train else ""
    return said["audit"].format(audit=sheet.audit, drawn=drawn) + more


def _sticky(sheet: Datasheet, said: Mapping[str, str]) -> str:
    kept = said["sticky"].format(sticky=sheet.sticky) if sheet.sticky else ""
    return kept + (said["moved"].format(moved=sheet.moved) if sheet.moved else "")


def _guideline(sheet: Datasheet, said: Mapping[str, str]) -> str:
    version = sheet.guideline
    if version is None:
        return said["no_guideline"]
    return said["guideline"].format(
        number=version.number, hash=version.hash, taxonomy_version=version.taxonomy_version
    )


def _agreement(sheet: Datasheet, said: Mapping[str, str]) -> str:
    found = sheet.agreement
    if found is None:
        return said["no_agreement"]
    alpha, f1 = found.alpha, found.f1
    first = said["undefined"] if math.isnan(alpha.value) else f"{alpha:.2f}"
    return said["agreement"].format(
        alpha=first, n=alpha.n, sessions=alpha.sessions, f1=f"{f1:.2f}", pairs=f1.n
    )
