"""Writes an HTML page: a template in the common look, with its plots and scripts inside."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from storage.exports.pages.colours import css_colours
from storage.exports.pages.plots import Plots, as_script, plot_script
from storage.files import write_atomic

_HERE = Path(__file__).parent


def write_page(target: Path, template: Path, scripts: Sequence[Path], plots: Plots, **values: Any) -> int:
    """Writes a page, and returns its size in bytes.

    Args:
        target: the page; replaced if it exists.
        template: extends ``base.html``.
        scripts: run once the plots are drawn; each has ``plots`` of ``plots.js``.
        plots: may be none, then the page has no script of Bokeh.
        values: of the template.

    Raises:
        StoreFull: no space is left.
    """
    page = page_text(template, scripts, plots, **values).encode("utf-8", "replace")
    write_atomic(target, page)
    return len(page)


def page_text(template: Path, scripts: Sequence[Path], plots: Plots, **values: Any) -> str:
    """Returns a page; arguments as of ``write_page``."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FileSystemLoader([template.parent, _HERE]),
    )
    return environment.get_template(template.name).render(
        **values,
        style=Markup(css_colours() + (_HERE / "looks.css").read_text(encoding="utf-8")),
        bokeh=plot_script() if len(plots) else Markup(""),
        plots=as_script(plots.as_json()),
        scripts=[Markup(path.read_text(encoding="utf-8")) for path in (_HERE / "plots.js", *scripts)],
    )
