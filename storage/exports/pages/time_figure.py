"""An empty plot over local time, in the look of the pages."""

from collections.abc import Sequence
from typing import Any

from bokeh.models import BasicTicker, BasicTickFormatter, FactorRange, FixedTicker, HoverTool, Range1d
from bokeh.models.annotations import BoxAnnotation
from bokeh.plotting import figure

from storage.exports.pages.clock import Clock
from storage.exports.pages.plots import Plots


def time_figure(
    plots: Plots,
    clock: Clock,
    span_us: tuple[int, int],
    unit: str,
    element: str = "",
    most: int = 6,
    rows: Sequence[str] = (),
) -> figure:
    """Returns a plot whose horizontal axis is local time.

    Args:
        plots: gets the colours.
        clock: of the axis.
        span_us: start and end of the axis, microseconds since 1970.
        unit: label of the vertical axis.
        element: id of the page's element; a plot with one has a box ``window-ELEMENT`` that a script may show.
        most: most ticks of the time.
        rows: categories of the vertical axis, from below; without them it has numbers.
    """
    start, end = span_us[0] / 1e3, max(span_us[1] / 1e3, span_us[0] / 1e3 + 1)
    height = 64 + 30 * len(rows) if rows else 190 if element else 96
    plot = figure(
        height=height,
        sizing_mode="stretch_width",
        tools=[],
        toolbar_location=None,
        min_border_right=14,
        x_range=Range1d(start=start, end=end),
        y_range=FactorRange(factors=list(rows)) if rows else Range1d(start=0, end=1),
    )
    ticks = clock.ticks(round(start * 1e3), round(end * 1e3), most)
    plot.xaxis.ticker = FixedTicker(ticks=list(ticks))
    plot.xaxis[0].update(major_label_overrides=ticks)
    plot.xgrid.visible = False
    plots.paint_frame(plot)
    if rows:
        show_rows(plots, plot)
    else:
        plot.yaxis.axis_label = unit
        plot.yaxis.ticker = BasicTicker(desired_num_ticks=3, min_interval=1, num_minor_ticks=0)
        plot.yaxis.formatter = BasicTickFormatter(use_scientific=False)
    if element:
        window = BoxAnnotation(
            name=f"window-{element}", left=start, right=end, fill_alpha=0.1, line_color=None, level="underlay"
        )
        plots.paint(window, fill_color="accent")
        window.visible = False
        plot.add_layout(window)
    return plot


def show_rows(plots: Plots, plot: figure) -> None:
    """Names the categories of the vertical axis in full ink, without lines between them."""
    plot.ygrid.visible = False
    plot.yaxis.major_label_text_font_size = "12px"
    plot.yaxis.major_tick_line_color = None
    for axis in plot.yaxis:
        plots.paint(axis, major_label_text_color="ink")


def hover(plot: figure, renderer: Any, text: str) -> None:
    """Gives a layer of a plot a tooltip."""
    plot.add_tools(HoverTool(renderers=[renderer], tooltips=text, visible=False))
