"""QGIS styles (QML) of layers: colours, labels of places, and the columns for the Temporal Controller."""

from dataclasses import dataclass
from xml.etree import ElementTree as ET

import pyarrow as pa
import pyarrow.compute as pc

from storage.exports.formats.layer import Layer

PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#f0e442", "#000000")
"""Colours that most colour-blind people tell apart (Okabe and Ito, https://jfly.uni-koeln.de/color/)."""
RAMP = ("#fff7bc", "#fec44f", "#fe9929", "#d95f0e", "#993404")
"""Light to dark, for figures (ColorBrewer YlOrBr)."""
CATEGORIES = ("label", "verb", "kind", "direction", "camera")
"""Columns that give a feature its colour; the first that has two values to eight."""
FIGURES = ("density_s_per_m2", "people", "distinct_tracks", "crossings", "mean_count")
"""Columns that give an area its colour; the first that is there."""
NAMES = ("feature_id", "name", "zone", "line")
"""Columns that are written beside a place; the first that is there."""
_MARKER, _LINE, _FILL = "marker", "line", "fill"


@dataclass(frozen=True)
class Colours:
    """How features are coloured: all alike, by the values of a column, or by ranges of a figure.

    Attributes:
        column: the column; empty where all are alike.
        values: its values, for categories.
        edges: ``len(RAMP) + 1`` limits of the ranges, for figures.
    """

    column: str = ""
    values: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()


def colours_of(layer: Layer) -> Colours:
    """Returns by which column a layer is coloured; the same in GIS styles and in pictures."""
    rows = layer.rows
    if layer.geometry_type.endswith("Polygon"):
        for name in (name for name in FIGURES if name in rows.column_names):
            least, most = pc.min_max(rows[name].cast(pa.float64())).as_py().values()
            if least is not None and most > least:
                step = (most - least) / len(RAMP)
                return Colours(name, edges=tuple(least + number * step for number in range(len(RAMP) + 1)))
        return Colours()
    for name in (name for name in CATEGORIES if name in rows.column_names):
        values = sorted({str(value) for value in rows[name].unique().to_pylist() if value is not None})
        if 2 <= len(values) <= len(PALETTE):
            return Colours(name, tuple(values))
    return Colours()


def name_column(layer: Layer) -> str | None:
    """Returns the column that names a place; None for other layers, whose many labels would hide them."""
    return None if layer.times else next((name for name in NAMES if name in layer.rows.column_names), None)


def qml_of(layer: Layer) -> str:
    """Returns the layer's style as a QML document of QGIS 3."""
    root = ET.Element("qgis", version="3.22", styleCategories="AllStyleCategories")
    add_style(root, layer)
    return ET.tostring(root, encoding="unicode")


def add_style(root: ET.Element, layer: Layer) -> None:
    """Adds the layer's style to an element: of a QML document, or of a layer in a project."""
    _temporal(root, layer)
    colours, kind, is_place = colours_of(layer), _symbol_kind(layer), layer.times is None
    if colours.values:
        _categories(root, colours, kind, is_place)
    elif colours.edges:
        _ranges(root, colours, kind)
    else:
        renderer = ET.SubElement(root, "renderer-v2", type="singleSymbol")
        _symbol(ET.SubElement(renderer, "symbols"), "0", kind, PALETTE[4] if kind == _LINE else PALETTE[0], is_place)
    _labels(root, name_column(layer))
    _aliases(root, layer)


def _symbol_kind(layer: Layer) -> str:
    family = layer.geometry_type.removeprefix("Multi")
    return {"LineString": _LINE, "Polygon": _FILL}.get(family, _MARKER)


def _temporal(root: ET.Element, layer: Layer) -> None:
    """Modes of QGIS: 1 is a moment in a column, 2 start and end in columns."""
    start, end = layer.times or ("", None)
    ET.SubElement(
        root,
        "temporal",
        enabled="1" if start else "0",
        mode="2" if end else "1",
        startField=start,
        endField=end or "",
        durationField="",
        durationUnit="s",
        fixedDuration="0",
        accumulate="0",
        limitMode="0",
        startExpression="",
        endExpression="",
    )


def _categories(root: ET.Element, colours: Colours, kind: str, is_place: bool) -> None:
    renderer = ET.SubElement(root, "renderer-v2", type="categorizedSymbol", attr=colours.column)
    categories, symbols = ET.SubElement(renderer, "categories"), ET.SubElement(renderer, "symbols")
    for number, value in enumerate(colours.values):
        ET.SubElement(
            categories, "category", value=value, label=value, symbol=str(number), render="true", type="string"
        )
        _symbol(symbols, str(number), kind, PALETTE[number], is_place)


def _ranges(root: ET.Element, colours: Colours, kind: str) -> None:
    renderer = ET.SubElement(
        root, "renderer-v2", type="graduatedSymbol", attr=colours.column, graduatedMethod="GraduatedColor"
    )
    ranges, symbols = ET.SubElement(renderer, "ranges"), ET.SubElement(renderer, "symbols")
    for number, (least, most) in enumerate(zip(colours.edges, colours.edges[1:], strict=False)):
        texts = {"lower": repr(least), "upper": repr(most), "label": f"{least:.3g} to {most:.3g}"}
        ET.SubElement(ranges, "range", {"symbol": str(number), "render": "true", **texts})
        _symbol(symbols, str(number), kind, RAMP[number])


def _symbol(symbols: ET.Element, name: str, kind: str, colour: str, is_place: bool = False) -> None:
    shape, size = ("triangle", "4") if is_place else ("circle", "1.8")
    symbol = ET.SubElement(symbols, "symbol", name=name, type=kind, alpha="1", clip_to_extent="1")
    classes = {_MARKER: "SimpleMarker", _LINE: "SimpleLine", _FILL: "SimpleFill"}
    drawn = ET.SubElement(symbol, "layer", {"class": classes[kind]}, enabled="1", locked="0")
    options: dict[str, str] = {
        _MARKER: {"name": shape, "size": size, "color": _rgba(colour), "outline_color": "255,255,255,255"},
        _LINE: {"line_color": _rgba(colour), "line_width": "0.7", "capstyle": "round", "joinstyle": "round"},
        _FILL: {"color": _rgba(colour, 90), "outline_color": _rgba(colour), "outline_width": "0.4", "style": "solid"},
    }[kind]
    _options(drawn, options)


def _labels(root: ET.Element, column: str | None) -> None:
    ET.SubElement(root, "blendMode").text = "0"
    if column is None:
        return
    labeling = ET.SubElement(root, "labeling", type="simple")
    settings = ET.SubElement(labeling, "settings")
    style = {"fieldName": column, "fontSize": "9", "fontWeight": "50", "textColor": "30,30,30,255", "isExpression": "0"}
    text = ET.SubElement(settings, "text-style", style)
    buffer = {"bufferDraw": "1", "bufferSize": "1", "bufferColor": "255,255,255,255"}
    ET.SubElement(text, "text-buffer", buffer)


def _aliases(root: ET.Element, layer: Layer) -> None:
    """Adds units to the names of columns: older GDAL does not read those of a GeoPackage."""
    aliases = ET.SubElement(root, "aliases")
    for number, name in enumerate(layer.columns, 1):
        if name in layer.facts:
            ET.SubElement(aliases, "alias", field=name, name=layer.facts[name].alias, index=str(number))


def _options(parent: ET.Element, options: dict[str, str]) -> None:
    group = ET.SubElement(parent, "Option", type="Map")
    for name, value in options.items():
        ET.SubElement(group, "Option", name=name, value=value, type="QString")


def _rgba(colour: str, alpha: int = 255) -> str:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"{red},{green},{blue},{alpha}"
