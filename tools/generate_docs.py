"""Writes the generated parts of docs/ from the code that they describe: ``python -m tools.generate_docs --write``.

A generated part lies between ``<!-- generated: NAME -->`` and ``<!-- end -->``; the text around it is written by people
and kept. ``--check`` names the files that are out of date, and a test does the same.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ops import REGISTRY
from ops.interactions.rules.alone import PRIMITIVES
from schemas.op import Neighbour, Op, Read
from schemas.reidentification import ATTACKER_CHANCE, CHANCE, ONLY_SCENE, ONLY_SCENE_WIDE, REIDENTIFIED
from schemas.site import SiteConfig
from schemas.site_limits import ModelsConfig, PublishConfig, RetentionConfig, SqlConfig
from schemas.site_notify import NotifyConfig
from schemas.site_stereo import StereoConfig
from schemas.site_views import CameraConfig, ControlPointConfig, LayerConfig, PictureConfig
from schemas.tables import TABLES, TIME, TableSpec
from schemas.tables.views import VIEWS
from storage.sql.views import IN_FILES

USES = {
    "fixed": "whether the camera is fixed",
    "calibration": "its control points",
    "layers": "its zones and lines",
    "privacy_masks": "its privacy masks",
    "named_layers": "the features of named layers near its view",
    "stereo": "its stereo pair",
}
DOCS = Path(__file__).parents[1] / "docs"


def tables_page() -> str:
    """Returns all tables, with their columns."""
    written = {table: name for name, kind in REGISTRY.items() for table in kind.spec.writes}
    written |= dict.fromkeys(VIEWS, "(a view)")
    every = [*TABLES.values(), *VIEWS.values()]
    rows = [
        [f"[`{spec.name}`](#{spec.name})", spec.summary, written.get(spec.name, ""), spec.privacy.value]
        for spec in every
    ]
    overview = _table(["table", "what it holds", "written by op", "privacy"], rows)
    return "\n\n".join([overview, *map(_one_table, every)])


def reidentification_table() -> str:
    """Returns how often people were re-identified, by mode and attacker."""
    header = [
        "mode",
        "network, as filmed",
        "network, covered alike",
        "wider",
        "cover alone",
        "OSNet, as filmed",
        "OSNet, alike",
    ]
    header += ["shape", "gait", "colour", "path", "together"]
    chance = [*[f"{CHANCE:.2f}"] * 6, *[f"{ATTACKER_CHANCE:.2f}"] * 5]
    rows = [["chance", *chance], ["the place alone", "", f"{ONLY_SCENE:.2f}", f"{ONLY_SCENE_WIDE:.2f}", *[""] * 8]]
    for name, found in REIDENTIFIED.items():
        rates = [found.as_filmed, found.alike, found.wide, found.only_cover, found.weak_as_filmed, found.weak_alike]
        rates += [found.shape, found.gait, found.colour, found.path, found.together]
        cells = [f"{rate:.2f}" for rate in rates]
        rows.append(["as filmed", *cells[:3], "", *cells[4:]] if name == "original" else [f"`{name}`", *cells])
    return _table(header, rows)


def primitives_table() -> str:
    """Returns what conditions of interactions may name."""
    rows = [
        [f"`{name}`", "alone or with an object" if primitive.alone else "with an object", primitive.meaning]
        for name, primitive in PRIMITIVES.items()
    ]
    return _table(["primitive", "known", "meaning"], rows)


def _one_table(spec: TableSpec) -> str:
    rows = [
        [
            f"`{field.name}`",
            _type(field.type),
            field.metadata[b"unit"].decode(),
            "may be null" if field.nullable else "",
            field.metadata[b"meaning"].decode(),
        ]
        for field in spec.columns
    ]
    if not any(field.name == "date" for field in spec.columns) and spec.name in IN_FILES:
        moment = f"`{spec.row_time}`" if spec.row_time else "the start of its unit"
        rows.append(["`date`", "date32[day]", "", "", f"local date of {moment}, in the camera's time zone"])
    facts = f"Key: {_names(spec.key)}. Sorted by {_names(spec.order)}. Privacy: {spec.privacy}. Version {spec.version}."
    return "\n\n".join(
        [f"## {spec.name}", spec.summary, facts, _table(["column", "type", "unit", "", "meaning"], rows)]
    )


def _type(kind: pa.DataType) -> str:
    return "time" if kind == TIME else str(kind)


def ops_page() -> str:
    """Returns all ops, with their parameters."""
    return "\n\n".join(_one_op(name, kind) for name, kind in REGISTRY.items())


def _one_op(name: str, kind: type[Op]) -> str:
    spec = kind.spec
    reads = [_read(read) for read in spec.reads] or ["frames only"]
    facts = [
        f"- one unit of work: a {spec.scope.value.replace('_', '-')}",
        f"- reads: {', '.join(reads)}",
        f"- writes: {', '.join(_link(table) for table in spec.writes)}",
        f"- version {spec.version}; {spec.cpus:g} CPU, {spec.gpus:g} GPU, {spec.memory_mb} MB",
    ]
    if spec.uses:
        uses = f"- depends on {' and '.join(USES[use] for use in spec.uses if use in USES)} in site.toml"
        facts.insert(3, f"{uses}, and on `tuned/CAMERA.toml`" if "tuned" in spec.uses else uses)
    defaults = spec.params()
    rows = [
        [f"`{key.name}`", f"`{_toml(getattr(defaults, key.name))}`", key.metadata["doc"]] for key in fields(spec.params)
    ]
    params = _table([f"`[ops.{name}]`", "default", "meaning"], rows) if rows else "It has no parameters."
    return "\n\n".join([f"## {name}", spec.summary, "\n".join(facts), params])


def _read(read: Read) -> str:
    owners = {
        Neighbour.SELF: "",
        Neighbour.NEXT: " of the next segment",
        Neighbour.PREVIOUS_DAY: " of the day before",
        Neighbour.OTHERS: " of cameras that see the same ground",
        Neighbour.STEREO: " of the other camera of a stereo pair",
    }
    return f"{_link(read.table)}{owners[read.neighbour]}{'' if read.required else ' (if there)'}"


def _link(table: str) -> str:
    return f"[`{table}`](tables.md#{table})"


def site_page() -> str:
    """Returns the keys of ``site.toml``."""
    parts = [
        _keys(
            "The site",
            SiteConfig,
            skip={"models", "publish", "retention", "sql", "notify", "cameras", "layers", "pictures", "stereo", "ops"},
        ),
        _keys("`[models]`", ModelsConfig),
        _keys("`[publish]`", PublishConfig),
        _keys("`[sql]`", SqlConfig),
        _keys("`[retention]`", RetentionConfig),
        _keys("`[notify]`", NotifyConfig),
        _keys("`[[cameras]]`", CameraConfig),
        _keys("A control point, in `control_points` of a camera", ControlPointConfig),
        _keys("`[[layers]]`", LayerConfig),
        _keys("`[[pictures]]`", PictureConfig),
        _keys("`[[stereo]]`", StereoConfig),
        "### `[ops.NAME]`\n\nParameters of the op `NAME`: see [ops.md](ops.md).",
    ]
    return "\n\n".join(parts)


def _keys(title: str, model: type[BaseModel], skip: frozenset[str] | set[str] = frozenset()) -> str:
    rows = [
        [f"`{name}`", _default(key), key.description or ""]
        for name, key in model.model_fields.items()
        if name not in skip
    ]
    return f"### {title}\n\n{_table(['key', 'default', 'meaning'], rows)}"


def _default(key: FieldInfo) -> str:
    if key.is_required():
        return "**required**"
    return "none" if key.default is None else f"`{_toml(key.default)}`"


def _toml(value: Any) -> str:
    """Formats a value for TOML, which for plain values is the same as JSON."""
    return json.dumps(value, default=str, ensure_ascii=False)


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: list[str], rows: list[list[str]]) -> str:
    """Formats a Markdown table."""
    cells = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells)


PAGES: Mapping[str, tuple[str, str, Callable[[], str]]] = {
    "tables.md": (
        "tables",
        "# Tables\n\nAll that `nightshift sql` can query. Times are UTC; boxes are in pixels of the source frame.",
        tables_page,
    ),
    "ops.md": (
        "ops",
        "# Ops\n\nWhat is computed, in the order of the pipeline. Parameters go into `site.toml`, as in\n\n"
        '```toml\n[ops.anonymize]\nmode = "solid"\n```',
        ops_page,
    ),
    "site-toml.md": (
        "site",
        "# site.toml\n\nOne file says all there is to say about a site. `nightshift init` writes one with comments.",
        site_page,
    ),
    "interactions.md": ("primitives", "# Interactions\n\nWho did what with whom.", primitives_table),
    "privacy.md": ("reidentification", "# Privacy guide\n\nWhat anonymized video withstands.", reidentification_table),
}
"""By file: name of its generated part, beginning of a new page, and the function that makes the part."""


def current(text: str, name: str, part: str) -> str:
    """Returns a page's text with its generated part replaced.

    Raises:
        ValueError: the page has no such part, or more than one.
    """
    pattern = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ValueError(f"the page must have one part '<!-- generated: {name} -->' ... '<!-- end -->'")
    return pattern.sub(lambda found: f"{found[1]}\n{part}\n\n{found[2]}", text)


def pages(docs: Path) -> Iterator[tuple[Path, str, str]]:
    """Yields the path of each generated page, its present text (empty if missing), and its new text."""
    for file, (name, beginning, make) in PAGES.items():
        path = docs / file
        old = path.read_text() if path.exists() else ""
        text = old or f"{beginning}\n\n<!-- generated: {name} -->\n<!-- end -->\n"
        yield path, old, current(text, name, make())


def broken_links(page: Path) -> list[str]:
    """Returns the relative links of a Markdown page whose files are missing."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    files = [target.split("#")[0] for target in targets if not re.match(r"[a-z]+:", target)]
    return [file for file in files if file and not (page.parent / file).exists()]


def main(docs: Path = DOCS) -> int:
    """Runs the command and returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="write the files that are out of date")
    action.add_argument(
        "--check", action="store_true", help="name the files that are out of date; exit with 1 if there are any"
    )
    arguments = parser.parse_args()
    stale = [(path, new) for path, old, new in pages(docs) if new != old]
    for path, new in stale:
        sys.stdout.write(f"{'written' if arguments.write else 'out of date'}: {path.name}\n")
        if arguments.write:
            path.write_text(new)
    return 1 if stale and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
