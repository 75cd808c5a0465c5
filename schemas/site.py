"""The schema of ``site.toml``, validated by pydantic.

``schemas/site_views.py``, ``schemas/site_stereo.py`` and ``schemas/site_limits.py`` have its sections.
``storage/site/file.py`` reads the file and reports the line of each mistake.
"""

from fractions import Fraction
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from schemas.site_limits import ModelsConfig, PublishConfig, RetentionConfig, SqlConfig
from schemas.site_notify import NotifyConfig
from schemas.site_section import Strict, known_timezone
from schemas.site_stereo import StereoConfig
from schemas.site_views import CameraConfig, LayerConfig, PictureConfig
from schemas.values import CameraView
from schemas.values import ControlPoint as Point


class SiteConfig(Strict):
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
    notify: NotifyConfig = Field(NotifyConfig(), description="messages after scheduled nights")
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
    pictures: tuple[PictureConfig, ...] = Field((), description="floor plans and aerial photographs")
    stereo: tuple[StereoConfig, ...] = Field((), description="calibrated pairs of cameras side by side")
    ops: dict[str, dict[str, Any]] = Field({}, description="[ops.NAME]: parameters of an op, see docs/ops.md")
    skip_ops: tuple[str, ...] = Field((), description="ops that do not run at this site")

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        return known_timezone(value)

    @field_validator("pattern")
    @classmethod
    def _pattern(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        patterns = (value,) if isinstance(value, str) else value
        if not patterns or not all("{camera}" in pattern for pattern in patterns):
            raise ValueError("pattern must have {camera}")
        return value

    @model_validator(mode="after")
    def _unique(self) -> "SiteConfig":
        for what, names in (
            ("camera", [camera.id for camera in self.cameras]),
            ("layer", [layer.name for layer in self.layers]),
            ("picture", [picture.name for picture in self.pictures]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what} {twice[0]!r} is defined twice")
        known = {camera.id for camera in self.cameras}
        for layer in self.layers:
            if layer.camera is not None and layer.camera not in known:
                raise ValueError(f"layer {layer.name}: there is no camera {layer.camera!r} in [[cameras]]")
        return self

    @model_validator(mode="after")
    def _pairs(self) -> "SiteConfig":
        fixed = {camera.id: camera.fixed for camera in self.cameras}
        paired: dict[str, str] = {}
        for pair in self.stereo:
            for camera in (pair.left, pair.right):
                if camera not in fixed:
                    raise ValueError(f"{pair.title}: there is no camera {camera!r} in [[cameras]]")
                if not fixed[camera]:
                    raise ValueError(
                        f"{pair.title}: {camera} has fixed = false; a camera that moves loses its calibration"
                    )
                if camera in paired:
                    raise ValueError(f"{pair.title}: {camera} is in {paired[camera]} already")
                paired[camera] = pair.title
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

    @property
    def node_labels(self) -> dict[str, str]:
        """The label of a cluster's machines by camera, of those cameras that have one."""
        return {camera.id: camera.node_label for camera in self.cameras if camera.node_label}

    @property
    def camera_priorities(self) -> dict[str, int]:
        """The priority of each camera that has one other than 0."""
        return {camera.id: camera.priority for camera in self.cameras if camera.priority}

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
            storey=config.storey,
            position_m=None
            if position is None
            else (position[0], position[1], position[2] if len(position) == 3 else None),
        )
