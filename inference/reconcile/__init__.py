"""Our inquiries and losses beside the platform's own numbers, and why they differ.

result = reconcile(Path("out"), Path("客服绩效.csv")); result.total.lost.unexplained
"""

from __future__ import annotations

from xundan.inference.reconcile.explain import Compared, Line, Reconciliation, reconcile
from xundan.inference.reconcile.platforms import PLATFORMS
from xundan.inference.reconcile.show import FILE_NAME, tables, to_json, write_reconciliation_xlsx

__all__ = [
    "FILE_NAME",
    "PLATFORMS",
    "Compared",
    "Line",
    "Reconciliation",
    "reconcile",
    "tables",
    "to_json",
    "write_reconciliation_xlsx",
]
