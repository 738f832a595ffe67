"""Which sessions an export is about: those of its platform and of the shops that it names.

scope = scope_of(lake, table, shops=["小店"]); scope.keep("pdd", "小店")
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from xundan.errors import BadInput
from xundan.inference.reconcile.names import prefix_of
from xundan.inference.reconcile.read import PlatformRow, PlatformTable
from xundan.lake import Lake


@dataclass(frozen=True)
class Scope:
    """The platform's names in our tables, the shops (None: a session without one), the rows to compare.

    ``left_out_rows`` counts rows of the export that belong to shops not asked for.
    """

    families: tuple[str, ...]
    shops: tuple[str | None, ...]
    rows: tuple[PlatformRow, ...]
    left_out_rows: int

    def keep(self, platform: str | None, shop: str | None) -> bool:
        """Whether a session of this platform and shop is compared."""
        return (platform is None or platform in self.families) and shop in self.shops


def scope_of(lake: Lake, table: PlatformTable, shops: Collection[str]) -> Scope:
    """The scope of an export: the shops asked for, else those it names, else the only one of the platform.

    Raises `BadInput` where the workspace has no session of the platform, or several shops and no word on
    which is meant.
    """
    families = table.platform.families
    places = lake.read("sessions").group_by(["platform", "shop"]).aggregate([]).to_pylist()
    ours = {row["shop"] for row in places if row["platform"] is None or row["platform"] in families}
    if not ours:
        raise BadInput(
            f"the workspace has no session of {table.platform.name}",
            got=", ".join(sorted({str(row["platform"]) for row in places})) or "no session",
            do="give the workspace of this shop, or say --platform",
            where=str(lake.folder),
        )
    if shops:
        chosen = _asked_for(set(shops), ours)
        return _of_shops(table, families, chosen, ours)
    named = {shop for row in table.rows if (shop := _shop_of(row, ours)) in ours and shop is not None}
    if not named and len(ours) > 1:
        raise BadInput(
            f"the export names no shop, and the workspace has {len(ours)} of {table.platform.name}",
            expected=f"one of {', '.join(sorted(str(shop) for shop in ours))}",
            do="say --shop",
            where=table.file,
        )
    if named:
        return _of_shops(table, families, tuple(sorted(named)), ours)
    return Scope(families, tuple(ours), table.rows, 0)


def _of_shops(
    table: PlatformTable,
    families: tuple[str, ...],
    chosen: tuple[str | None, ...],
    ours: Collection[str | None],
) -> Scope:
    """The scope of these shops, with the rows that name one of them or none."""
    rows = tuple(row for row in table.rows if _shop_of(row, ours) in (None, *chosen))
    if table.rows and not rows:
        there = sorted({shop for row in table.rows if (shop := _shop_of(row, ours))})
        raise BadInput(
            "the export has no row of the shop asked for",
            got=", ".join(there),
            do="write the shop as in the workspace, or keep its rows alone and take that column out",
            where=table.file,
        )
    return Scope(families, chosen, rows, len(table.rows) - len(rows))


def _asked_for(shops: set[str], ours: set[str | None]) -> tuple[str | None, ...]:
    for shop in sorted(shops - ours):
        known = ", ".join(sorted(str(name) for name in ours))
        raise BadInput("the workspace has no such shop", got=shop, expected=known, where="--shop")
    return tuple(sorted(shops))


def _shop_of(row: PlatformRow, ours: Collection[str | None]) -> str | None:
    """The shop that a row names in its own column or, where it is one of ours, before its agent."""
    prefix = prefix_of(row.agent) if row.agent else None
    return row.shop or (prefix if prefix in ours else None)
