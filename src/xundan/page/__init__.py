"""What the pages of several rooms are made of: tables that sort on a click, and the script that draws plots.

>>> from xundan.page import Line, cell, script, table
>>> "<th" in table(["叶子"], [Line((cell("包邮"),))]) and "Plotly" in script()
True
"""

from importlib.resources import files

from xundan.page.markup import Cell as Cell
from xundan.page.markup import Line as Line
from xundan.page.markup import cell as cell
from xundan.page.markup import count as count
from xundan.page.markup import folded as folded
from xundan.page.markup import note as note
from xundan.page.markup import table as table
from xundan.page.markup import text as text


def script() -> str:
    """Draws each plot of the JSON with id ``data`` into the element whose ``data-plot`` is its name; sorts
    tables by the column that is clicked."""
    return files(__name__).joinpath("script.html").read_text(encoding="utf-8")
