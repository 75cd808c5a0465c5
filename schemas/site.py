"""The schema of ``site.toml``, validated by pydantic.

``storage/site/file.py`` reads the file and reports the line of each mistake.
"""

import re
from fractions import Fraction
from math import isfinite
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from schemas.camera_ids import camera_id, is_camera_id
from schemas.tables import TABLES
from schemas.values import CameraView, Polygon
from schemas.values import ControlPoint as Point

LAYER_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, allow_inf_nan=False)


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"unknown time zone {name!r}; use an IANA name such as Europe/Amsterdam") from error
    return name


_Pixel = Annotated[float, Field(allow_inf_nan=True)]  # _polygons checks it, with the camera's name in the message


class ControlPointConfig(_Strict):
    """A ground control point: a pixel and its position on the ground."""

    u: float = Field(description="pixel column, from the left")
    v: float = Field(description="pixel row, from the top")
    x: float = Field(description="east, in the site's CRS, metres")
    y: float = Field(description="north, in the site's CRS, metres")


class CameraConfig(_Strict):
    """``[[cameras]]``: one fixed view."""

    id: str = Field(description="name of the camera in the paths of its files, or its id in tables")
    name: str = Field("", description="display name; default: the id")
    timezone: str | None = Field(None, description="IANA time zone of its clock; default: the site's")
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
        description="four or more ground control points, no three of them on one line; required for positions",
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
            raise ValueError(f"camera {self.id} has control points but no image_size; set the size of their image")
        return self


class LayerConfig(_Strict):
    """``[[layers]]``: zones (polygons) and lines from a GIS file, or features for reference."""

    name: str = Field(pattern=LAYER_NAME, description="name of the layer")
    file: str = Field(description="GeoJSON, GeoPackage, FlatGeobuf or shapefile, relative to the site's folder")
    space: Literal["map", "pixel"] = Field(
        "map",
        description="map: coordinates in the file's CRS (GeoJSON without a CRS: lon, lat); pixel: pixels of one camera",
    )
    role: Literal["count", "reference"] = Field(
        "count", description="reference: any geometry, counts nothing: for the table layer_NAME and the map page"
    )
    camera: str | None = Field(None, description="for space = 'pixel': the camera that the pixels belong to")
    id_field: str = Field("id", description="property with the feature's id; features without it are numbered")

    @field_validator("camera")
    @classmethod
    def _camera(cls, value: str | None) -> str | None:
        return None if value is None else camera_id(value)

    @model_validator(mode="after")
    def _pixel_camera(self) -> "LayerConfig":
        if (self.space == "pixel") != (self.camera is not None):
            raise ValueError(f"layer {self.name}: set camera if, and only if, space = 'pixel'")
        return self


class ModelsConfig(_Strict):
    """``[models]``: which weights may be loaded."""

    trust: dict[str, str] = Field(
        {},
        description="pickled weights (.pt) outside the known list that may be loaded: sha256 by name, such as "
        '{"best.pt" = "9f86d0…"}; a pickle can run code, so another file under the name is refused',
    )

    @field_validator("trust", mode="before")
    @classmethod
    def _trust_names_digests(cls, value: object) -> object:
        entries = value if isinstance(value, dict) else {}
        digests = [str(digest) for digest in entries.values()]
        if not isinstance(value, dict) or not all(re.fullmatch(r"[0-9a-fA-F]{64}", each) for each in digests):
            raise ValueError(
                'trust gives the sha256 of each file by name, as {"best.pt" = "64 hex digits"}: '
                "`sha256sum models/best.pt` prints it"
            )
        return {str(name): str(digest).lower() for name, digest in entries.items()}


SIGN_OFF = "sign-off"


class PublishConfig(_Strict):
    """``[publish]``: what anonymized video waits for."""

    wait_for: Literal["nothing", "sign-off"] = Field(
        "nothing",
        description="sign-off: a published file is handed out only once `nightshift sign-off` accepted it; until then "
        "it lies in the store's private folder _pending, and is not in the table anonymized",
    )

    @property
    def waits(self) -> bool:
        """Whether video waits for a sign-off."""
        return self.wait_for == SIGN_OFF


class SqlConfig(_Strict):
    """``[sql]``: what one query may use."""

    memory_gb: float = Field(
        4.0, gt=0, description="memory of a query and of its result, GB; at most three quarters of what there is"
    )
    spill_gb: float = Field(
        20.0, ge=0, description="disk space of a query that is too large for memory, GB; at most half of what is free"
    )


Days = Annotated[int, Field(ge=1, le=36500)]

_PURGED_WITH = {
    **dict.fromkeys(("footage", "segments"), "follows tables_days, after everything else of its day"),
    **dict.fromkeys(
        ("anonymized", "anonymized_segments", "anonymized_tracks", "review_frames", "audits"), "follows video_days"
    ),
    **dict.fromkeys(("cameras", "runs", "receipts", "quarantine", "purges", "exports", "sign_offs"), "is never purged"),
}


class RetentionConfig(_Strict):
    """``[retention]``: retention periods. Data without a period is kept for ever."""

    footage_days: Days | None = Field(
        None, description="days to keep footage files in the archive; `nightshift purge` deletes older ones"
    )
    tables_days: Days | None = Field(None, description="days to keep rows of tables")
    video_days: Days | None = Field(None, description="days to keep published anonymized video")
    tables: dict[str, Days] = Field(
        {},
        description="`[retention.tables]`: days for single tables, instead of tables_days; "
        "all tables of one op need the same value",
    )

    @field_validator("tables")
    @classmethod
    def _known_tables(cls, value: dict[str, int]) -> dict[str, int]:
        for name in value:
            if name not in TABLES:
                raise ValueError(f"there is no table {name!r}; docs/tables.md lists all tables")
            if name in _PURGED_WITH:
                raise ValueError(f"table {name} {_PURGED_WITH[name]}; remove this key")
        return value


class SiteConfig(_Strict):
    """The whole ``site.toml``."""

    name: str = Field(description="name of the site")
    crs: str = Field(description="projected CRS of the site in metres, such as EPSG:28992")
    timezone: str = Field(description="IANA time zone of local dates, and of camera clocks that set none")
    archive: str = Field(
        "archive", description="location of the footage: a folder, relative to the site's, or s3://bucket/prefix"
    )
    store: str = Field(
        "store", description="location of the results: a folder, relative to the site's, or s3://bucket/prefix"
    )
    models: ModelsConfig = Field(ModelsConfig(), description="weights")
    publish: PublishConfig = Field(PublishConfig(), description="what anonymized video waits for")
    retention: RetentionConfig = Field(RetentionConfig(), description="retention periods")
    sql: SqlConfig = Field(SqlConfig(), description="limits of queries")
    pattern: str | tuple[str, ...] = Field(
        "{camera}/%Y-%m-%dT%H-%M-%S",
        description="path of a footage file in the archive, without suffix: {camera}, strftime codes, {*} for any "
        "text; %z, {utc} or a final Z for times that are not local; a list of patterns is tried in order",
    )
    suffixes: tuple[str, ...] = Field(
        (
            *(".mp4", ".mkv", ".avi", ".mov", ".ts", ".m4v", ".webm", ".dav"),
            *(".264", ".h264", ".avc", ".265", ".h265", ".hevc"),
        ),
        description="file suffixes of footage",
    )
    segment_s: Annotated[float, Field(ge=1, le=3600)] = Field(300.0, description="length of a segment, seconds")
    settle_s: Annotated[float, Field(ge=0)] = Field(
        60.0, description="seconds since its last change after which a file counts as completely written"
    )
    max_megapixels: Annotated[float, Field(gt=0, le=1000)] = Field(
        40.0,
        description="size of the largest frames that are processed, millions of pixels, more where a format takes more "
        "memory than 8 bits in 4:2:0; each million takes about 42 MB of a worker's memory, with many reference "
        "frames up to 70, and larger footage is quarantined as too_large",
    )
    cameras: tuple[CameraConfig, ...] = Field((), description="the cameras")
    layers: tuple[LayerConfig, ...] = Field((), description="zones and lines")
    ops: dict[str, dict[str, Any]] = Field({}, description="[ops.NAME]: parameters of an op, see docs/ops.md")
    skip_ops: tuple[str, ...] = Field((), description="ops that do not run at this site")

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        return _known_timezone(value)

    @field_validator("pattern")
    @classmethod
    def _pattern(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        patterns = (value,) if isinstance(value, str) else value
        if not patterns or not all("{camera}" in pattern for pattern in patterns):
            raise ValueError("pattern must have {camera}")
        return value

    @model_validator(mode="after")
    def _unique(self) -> "SiteConfig":
        for what, names in (("camera", [c.id for c in self.cameras]), ("layer", [x.name for x in self.layers])):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what} {twice[0]!r} is defined twice")
        known = {camera.id for camera in self.cameras}
        for layer in self.layers:
            if layer.camera is not None and layer.camera not in known:
                raise ValueError(f"layer {layer.name}: there is no camera {layer.camera!r} in [[cameras]]")
        return self

    @property
    def max_pixels(self) -> int:
        """Limit of a frame, see ``storage.video.source.weight_px``."""
        return round(self.max_megapixels * 1e6)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns of paths, in the order in which they are tried."""
        return (self.pattern,) if isinstance(self.pattern, str) else self.pattern

    def raw_fps(self, camera: str) -> Fraction | None:
        """Returns the frame rate that the site gives for a camera's raw streams; None if it gives none."""
        found = next((each.raw_fps for each in self.cameras if each.id == camera), None)
        return None if found is None else Fraction(found).limit_denominator(1001)

    def camera_view(self, camera: str) -> CameraView:
        """Returns a camera's settings for ops; a camera missing in site.toml counts as fixed and uncalibrated."""
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
