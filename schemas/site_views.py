"""The sections of ``site.toml`` about what is seen: ``[[cameras]]``, ``[[layers]]`` and ``[[pictures]]``."""

from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from schemas.camera_ids import camera_id, is_camera_id
from schemas.site_section import Strict, known_timezone
from schemas.values import Polygon

LAYER_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"

NODE_LABEL = r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,62}=[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
"""A label of Ray's nodes, KEY=VALUE."""

_Pixel = Annotated[float, Field(allow_inf_nan=True)]  # _polygons checks it, with the camera's name in the message


class ControlPointConfig(Strict):
    """A ground control point: a pixel and its position on the ground."""

    u: float = Field(description="pixel column, from the left")
    v: float = Field(description="pixel row, from the top")
    x: float = Field(description="east, in the site's CRS, metres")
    y: float = Field(description="north, in the site's CRS, metres")


class CameraConfig(Strict):
    """``[[cameras]]``: one fixed view."""

    id: str = Field(description="name of the camera in the paths of its files, or its id in tables")
    name: str = Field("", description="display name; default: the id")
    timezone: str | None = Field(None, description="IANA time zone of its clock; default: the site's")
    priority: int = Field(0, ge=-100, le=100, description="cameras of a higher one are processed first")
    fixed: bool = Field(True, description="true if the view does not move; false for pan-tilt-zoom")
    position: tuple[float, float] | tuple[float, float, float] | None = Field(
        None, description="position in the site's CRS: [x, y] or [x, y, height], metres"
    )
    raw_fps: Annotated[float, Field(gt=0, le=1000)] | None = Field(
        None,
        description="frames per second of the camera's raw streams (.264, .h265), which have no times; "
        "default: what a stream says of itself",
    )
    image_size: tuple[int, int] | None = Field(
        None,
        description="[width, height] of the image that control points, pixel zones and privacy masks refer to; "
        "they are scaled to frames of another size",
    )
    control_points: tuple[ControlPointConfig, ...] = Field(
        (),
        description="four or more ground control points, no three of them on one line, fix the ground; two or three "
        "place a camera on the map whose ground people or depth measure",
    )
    node_label: str | None = Field(
        None,
        pattern=NODE_LABEL,
        description="on a cluster: label of the machines that do its units, such as machine=vault-2, whose disk has "
        "its footage; where no machine has it, any does them, and the run says so",
    )
    storey: int = Field(
        0, description="the one that it sees: 0 at street level, basements negative; only map layers of it count"
    )
    privacy_masks: tuple[tuple[tuple[_Pixel, _Pixel], ...], ...] = Field(
        (),
        description="polygons [[u, v], ...] in pixels of image_size (of the frames, if image_size is not set), "
        "always covered in anonymized video: windows, a neighbour's garden",
    )

    @model_validator(mode="before")
    @classmethod
    def _id_and_name(cls, value: Any) -> Any:
        text = value.get("id") if isinstance(value, dict) else None
        if not isinstance(text, str):
            return value
        if not text or "/" in text or not text.isprintable():
            raise ValueError(f"id {text!r} should match pattern: any printable text without '/'")
        return {**value, "id": camera_id(text), "name": value.get("name") or ("" if is_camera_id(text) else text)}

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str | None) -> str | None:
        return None if value is None else known_timezone(value)

    @field_validator("privacy_masks")
    @classmethod
    def _polygons(cls, value: tuple[Polygon, ...], info: ValidationInfo) -> tuple[Polygon, ...]:
        for number, polygon in enumerate(value):
            mask = f"camera {info.data.get('id', '')}: privacy mask {number + 1}"
            if len(polygon) < 3:
                raise ValueError(f"{mask} has {len(polygon)} points; a polygon needs at least 3")
            for u, v in polygon:
                if not (isfinite(u) and isfinite(v)):
                    raise ValueError(f"{mask} has a point [{u}, {v}]; write pixels as plain numbers")
        return value

    @model_validator(mode="after")
    def _enough_points(self) -> "CameraConfig":
        if len(self.control_points) == 1:
            raise ValueError(
                f"camera {self.id} has 1 control point; 4 fix its ground, 2 place it on the map if people or depth "
                "measure its ground"
            )
        if self.control_points and self.image_size is None:
            raise ValueError(f"camera {self.id} has control points but no image_size; set the size of their image")
        return self


class LayerConfig(Strict):
    """``[[layers]]``: zones (polygons) and lines from a GIS file, or features for reference."""

    name: str = Field(pattern=LAYER_NAME, description="name of the layer")
    file: str = Field(
        description="GeoJSON, GeoPackage, FlatGeobuf, GeoParquet or shapefile, relative to the site's folder"
    )
    space: Literal["map", "pixel"] = Field(
        "map",
        description="map: coordinates in the file's CRS (GeoJSON without a CRS: lon, lat); pixel: pixels of one camera",
    )
    role: Literal["count", "reference"] = Field(
        "count", description="reference: any geometry, counts nothing: for the table layer_NAME and the map page"
    )
    camera: str | None = Field(None, description="for space = 'pixel': the camera that the pixels belong to")
    storey: int = Field(0, description="for space = 'map': the storey of its zones and lines, as a camera's storey")
    id_field: str = Field("id", description="property with the feature's id; features without it are numbered")

    @field_validator("camera")
    @classmethod
    def _camera(cls, value: str | None) -> str | None:
        return None if value is None else camera_id(value)

    @model_validator(mode="after")
    def _pixel_camera(self) -> "LayerConfig":
        if (self.space == "pixel") != (self.camera is not None):
            raise ValueError(f"layer {self.name}: set camera if, and only if, space = 'pixel'")
        if self.space == "pixel" and "storey" in self.model_fields_set:
            raise ValueError(f"layer {self.name}: its camera has a storey, so leave it out here")
        return self


class PictureConfig(Strict):
    """``[[pictures]]``: a floor plan or an aerial photograph, below everything else on the map page."""

    name: str = Field(pattern=LAYER_NAME, description="name of the picture")
    file: str = Field(
        description="PNG or JPEG with a world file beside it (.pgw, .jgw), or GeoTIFF, relative to the site's folder; "
        "without a CRS of its own it has the site's"
    )
