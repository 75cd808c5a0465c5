"""Collects the plots of a page as JSON for Bokeh's script, with colours for light and dark paper."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from bokeh.document import Document
from bokeh.models import ColumnDataSource, Model
from bokeh.plotting import figure
from bokeh.resources import Resources
from markupsafe import Markup

from storage.exports.pages.colours import COLOURS

_SCRIPT_ENDERS = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}
FONT = "system-ui, sans-serif"


class Plots:
    """The plots of one page."""

    def __init__(self) -> None:
        self._roots: dict[str, Model] = {}
        self._painted: list[tuple[Model, str, Any, Any]] = []

    def __len__(self) -> int:
        return len(self._roots)

    def add(self, element: str, plot: Model) -> None:
        """Draws a plot into the page's element with this id."""
        self._roots[element] = plot

    def carry(self, sources: Sequence[ColumnDataSource]) -> None:
        """Sends columns along that no plot draws by itself, for the page's own script; needs a plot."""
        for plot in list(self._roots.values())[:1]:
            plot.tags = list(sources)

    def paint(self, model: Model, **colours: str) -> None:
        """Colours properties of a model with colours of ``COLOURS``, by name."""
        for name, colour in colours.items():
            self.paint_as(model, name, *COLOURS[colour])

    def paint_as(self, model: Model, name: str, light: Any, dark: Any) -> None:
        """Gives a property of a model one value on light paper, another on dark."""
        setattr(model, name, light)
        self._painted.append((model, name, light, dark))

    def paint_frame(self, plot: figure) -> None:
        """Gives a plot and its axes and grids the look of the pages."""
        self.paint(plot, background_fill_color="panel", border_fill_color="panel", outline_line_color="panel")
        for axis in plot.axis:
            axis.update(major_label_text_font=FONT, axis_label_text_font=FONT, axis_label_text_font_style="normal")
            axis.update(major_label_text_font_size="11px", axis_label_text_font_size="11px", axis_label_standoff=6)
            axis.update(minor_tick_line_color=None, major_tick_in=0, major_tick_out=3)
            self.paint(axis, axis_line_color="rule", major_tick_line_color="rule")
            self.paint(axis, major_label_text_color="quiet", axis_label_text_color="quiet")
        for grid in plot.grid:
            self.paint(grid, grid_line_color="grid")

    def as_json(self) -> dict[str, Any]:
        """Returns the plots for ``plots.js``; equal plots give equal JSON, as ids count from 1 in their order."""
        if not self._roots:
            return {"documents": {}, "items": [], "painted": []}
        document = Document()
        for root in self._roots.values():
            document.add_root(root)
        names: dict[str, str] = {}
        drawn = _renumbered(document.to_json(deferred=False), names)
        elements = {names[root.id]: element for element, root in self._roots.items()}
        item = {"docid": "page", "roots": elements, "root_ids": list(elements)}
        painted = [[names[model.id], name, light, dark] for model, name, light, dark in self._painted]
        return {"documents": {"page": drawn}, "items": [item], "painted": painted}


def _renumbered(value: Any, names: dict[str, str]) -> Any:
    """Returns Bokeh's JSON with ids counted from 1: its own go on counting from page to page."""
    if isinstance(value, dict):
        return {
            key: names.setdefault(each, f"m{len(names) + 1}")
            if key == "id" and isinstance(each, str)
            else _renumbered(each, names)
            for key, each in value.items()
        }
    return [_renumbered(each, names) for each in value] if isinstance(value, list) else value


@cache
def plot_script() -> Markup:
    """Returns Bokeh's script, without its widgets, for the inside of a script element."""
    script, *_ = Resources(mode="inline", components=["bokeh"]).js_raw  # then come calls that write to the console
    return Markup(script.replace("</script", "<\\/script"))


def as_script(value: Mapping[str, Any]) -> Markup:
    """Returns JSON for a script element, with ``<``, ``>`` and ``&`` escaped so that no text can end the element."""
    return Markup(json.dumps(value, separators=(",", ":"), allow_nan=False).translate(_SCRIPT_ENDERS))
