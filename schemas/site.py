"""``site.toml``: what a user writes about a site, validated by pydantic.

Reading the file, and naming the line of a mistake in it, is ``storage/site/file.py``'s work.
"""

import re
from math import isfinite
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from schemas.tables import TABLES
from schemas.values import CameraView, Polygon
from schemas.values import ControlPoint as Point

CAMERA_ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"unknown time zone {name!r}; use an IANA name such as Europe/Amsterdam") from error
    return name


_Pixel = Annotated[float, Field(allow_inf_nan=True)]  # checked with its camera's name, see _polygons


class ControlPointConfig(_Strict):
    """A ground control point: a pixel and the place on the ground that it shows."""

    u: float = Field(description="pixel, to the right")
    v: float = Field(description="pixel, downwards")
    x: float = Field(description="east, in the site's CRS, metres")
    y: float = Field(description="north, in the site's CRS, metres")


class CameraConfig(_Strict):
    """``[[cameras]]``: one fixed view."""

    id: str = Field(pattern=CAMERA_ID, description="id, as it stands in file names and tables")
    name: str = Field("", description="name for people; the id if left out")
    timezone: str | None = Field(None, description="IANA time zone of its clock; the site's if left out")
    fixed: bool = Field(True, description="the view does not move; false for pan-tilt-zoom")
    position: tuple[float, float] | tuple[float, float, float] | None = Field(
        None, description="where it stands in the site's CRS: [x, y] or [x, y, height], metres"
    )
    image_size: tuple[int, int] | None = Field(
        None,
        description="[width, height] of the picture that control points, pixel zones and privacy masks were read in; "
        "frames of another size are scaled",
    )
    control_points: tuple[ControlPointConfig, ...] = Field(
        (),
        description="four or more ground control points, not three of them on one line; without them no positions",
    )
    privacy_masks: tuple[tuple[tuple[_Pixel, _Pixel], ...], ...] = Field(
        (),
        description="polygons [[u, v], ...] of three or more pixels of image_size (of the frames, if it is left out), "
        "always covered in anonymized video: windows, a neighbour's garden",
    )

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str | None) -> str | None:
        return None if value is None else _known_timezone(value)

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
        if 0 < len(self.control_points) < 4:
            raise ValueError(
                f"camera {self.id} has {len(self.control_points)} control points; a homography needs at least 4"
            )
        if self.control_points and self.image_size is None:
            raise ValueError(f"camera {self.id} has control points but no image_size that they were read in")
        return self


class LayerConfig(_Strict):
    """``[[layers]]``: zones (polygons) and lines from a GIS file."""

    name: str = Field(pattern=CAMERA_ID, description="name of the layer")
    file: str = Field(description="GeoJSON, GeoPackage, FlatGeobuf or shapefile, below the site's folder")
    space: Literal["map", "pixel"] = Field(
        "map",
        description="map: in the file's own CRS (GeoJSON: lon, lat unless it names one); pixel: pixels of one camera",
    )
    camera: str | None = Field(None, description="for space = 'pixel': the camera whose pixels they are")
    id_field: str = Field("id", description="property that names a feature; its number if it has none")

    @model_validator(mode="after")
    def _pixel_camera(self) -> "LayerConfig":
        if (self.space == "pixel") != (self.camera is not None):
            raise ValueError(f"layer {self.name}: camera is needed for space = 'pixel', and only there")
        return self


class ModelsConfig(_Strict):
    """``[models]``: where weights may come from."""

    trust: tuple[str, ...] = Field(
        (),
        description="names of pickled weights (.pt) off the known list that may be loaded: they can run code",
    )


Days = Annotated[int, Field(ge=1, le=36500)]

_NO_DAYS_OF_THEIR_OWN = {
    **dict.fromkeys(("footage", "segments"), "goes with tables_days, once nothing else of its day is left"),
    **dict.fromkeys(
        ("anonymized", "anonymized_segments", "anonymized_tracks", "review_frames", "audits"), "goes with video_days"
    ),
    **dict.fromkeys(("cameras", "runs", "receipts", "quarantine", "purges", "exports"), "is not purged"),
}


class RetentionConfig(_Strict):
    """``[retention]``: for how long things are kept. What is left out is kept for ever."""

    footage_days: Days | None = Field(
        None, description="days for which footage stays in the archive; `nightshift purge` deletes the files after that"
    )
    tables_days: Days | None = Field(None, description="days for which rows of tables are kept")
    video_days: Days | None = Field(None, description="days for which published anonymized video is kept")
    tables: dict[str, Days] = Field(
        {},
        description="`[retention.tables]`: days of single tables, in place of tables_days; "
        "tables that one op writes go together, so they need the same",
    )

    @field_validator("tables")
    @classmethod
    def _known_tables(cls, value: dict[str, int]) -> dict[str, int]:
        for name in value:
            if name not in TABLES:
                raise ValueError(f"there is no table {name!r}; docs/tables.md has them all")
            if name in _NO_DAYS_OF_THEIR_OWN:
                raise ValueError(f"table {name} {_NO_DAYS_OF_THEIR_OWN[name]}; leave it out")
        return value


class SiteConfig(_Strict):
    """The whole of ``site.toml``."""

    name: str = Field(description="name of the site")
    crs: str = Field(description="projected CRS of the site in metres, such as EPSG:28992")
    timezone: str = Field(description="IANA time zone: local days, and camera clocks unless they say otherwise")
    archive: str = Field(
        "archive", description="where footage is: a folder, relative to the site's, or s3://bucket/prefix"
    )
    store: str = Field("store", description="where results go: a folder, relative to the site's, or s3://bucket/prefix")
    models: ModelsConfig = Field(ModelsConfig(), description="weights")
    retention: RetentionConfig = Field(RetentionConfig(), description="for how long things are kept")
    pattern: str = Field(
        "{camera}/%Y-%m-%dT%H-%M-%S",
        description="path of a file below the archive, without suffix: {camera}, strftime codes, {*} for anything; "
        "%z or a final Z for times that are not local",
    )
    suffixes: tuple[str, ...] = Field(
        (".mp4", ".mkv", ".avi", ".mov", ".ts", ".m4v", ".webm"), description="file suffixes that are footage"
    )
    segment_s: Annotated[float, Field(ge=1, le=3600)] = Field(300.0, description="length of a segment, seconds")
    settle_s: Annotated[float, Field(ge=0)] = Field(
        60.0, description="a file changed less than so many seconds ago is still being written"
    )
    cameras: tuple[CameraConfig, ...] = Field((), description="the cameras")
    layers: tuple[LayerConfig, ...] = Field((), description="zones and lines")
    ops: dict[str, dict[str, Any]] = Field({}, description="[ops.NAME]: parameters of an op, see docs/ops.md")
    skip_ops: tuple[str, ...] = Field((), description="ops that are not run at this site")

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        return _known_timezone(value)

    @field_validator("pattern")
    @classmethod
    def _pattern(cls, value: str) -> str:
        if "{camera}" not in value:
            raise ValueError("pattern must have {camera}")
        return value

    @model_validator(mode="after")
    def _unique(self) -> "SiteConfig":
        for what, names in (
            ("camera", [c.id for c in self.cameras]),
            ("layer", [x.name for x in self.layers]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what} {twice[0]!r} stands twice")
        known = {camera.id for camera in self.cameras}
        for layer in self.layers:
            if layer.camera is not None and layer.camera not in known:
                raise ValueError(f"layer {layer.name}: camera {layer.camera!r} is not among the cameras")
        return self

    def camera_view(self, camera: str) -> CameraView:
        """What ops know of a camera; one that site.toml does not name is fixed and uncalibrated."""
        for config in self.cameras:
            if config.id == camera:
                break
        else:
            config = CameraConfig(id=camera)
        position = config.position
        return CameraView(
            camera=camera,
            name=config.name or camera,
            timezone=config.timezone or self.timezone,
            fixed=config.fixed,
            control_points=tuple(Point(p.u, p.v, p.x, p.y) for p in config.control_points),
            image_size_px=config.image_size,
            privacy_masks=config.privacy_masks,
            position_m=None
            if position is None
            else (position[0], position[1], position[2] if len(position) == 3 else None),
        )


def is_camera_id(text: str) -> bool:
    """Whether a text may be a camera id: it becomes a folder name."""
    return re.fullmatch(CAMERA_ID, text) is not None
