"""The section ``[[stereo]]`` of ``site.toml``: two cameras side by side that are calibrated with each other."""

from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from schemas.camera_ids import camera_id
from schemas.site_section import Strict

_Row = tuple[float, float, float]
_Matrix = tuple[_Row, _Row, _Row]
_NUMBERS = ("left_matrix", "right_matrix", "rotation", "translation")


class StereoConfig(Strict):
    """``[[stereo]]``: a stereo pair, calibrated by OpenCV's ``stereoCalibrate`` or as KITTI gives it."""

    left: str = Field(description="the camera on the left, as seen from behind both")
    right: str = Field(description="the camera on the right")
    calibration: tuple[str, ...] = Field(
        (),
        description="file with the calibration, or a list of files that have it together, relative to the site's "
        "folder: OpenCV's .yml, .json or .xml with cameraMatrix1, distCoeffs1, cameraMatrix2, distCoeffs2, R and T "
        "(or M1, D1, M2, D2), or KITTI's .txt with P2 and P3",
    )
    image_size: tuple[int, int] | None = Field(
        None,
        description="[width, height] of the pictures that were calibrated with; needed unless the file has imageSize, "
        "or image_width and image_height. Frames may have another size of the same aspect",
    )
    left_matrix: _Matrix | None = Field(
        None, description="without a file: cameraMatrix1 of the left camera, [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]"
    )
    left_distortion: tuple[float, ...] = Field((), description="without a file: distCoeffs1; empty for none")
    right_matrix: _Matrix | None = Field(None, description="without a file: cameraMatrix2, of the right camera")
    right_distortion: tuple[float, ...] = Field((), description="without a file: distCoeffs2; empty for none")
    rotation: _Matrix | None = Field(
        None, description="without a file: R, from the left camera's coordinates to the right one's"
    )
    translation: _Row | None = Field(
        None, description="without a file: T; a point at X of the left camera is at R X + T of the right one"
    )
    unit_m: Annotated[float, Field(gt=0)] = Field(
        1.0, description="metres of one unit of the translation, which is the board's: 0.001 for millimetres"
    )
    nearest_m: Annotated[float, Field(gt=0)] = Field(
        1.0, description="nothing nearer is looked for, metres; a smaller value takes longer"
    )

    @field_validator("left", "right")
    @classmethod
    def _camera(cls, value: str) -> str:
        return camera_id(value)

    @field_validator("calibration", mode="before")
    @classmethod
    def _one_file(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _file_or_numbers(self) -> "StereoConfig":
        if self.left == self.right:
            raise ValueError(f"stereo pair of {self.left} with itself: name two cameras")
        given = [name for name in _NUMBERS if getattr(self, name) is not None]
        if self.calibration and (given or self.left_distortion or self.right_distortion):
            raise ValueError(f"{self.title} has a calibration file and numbers of its own; leave one of them out")
        if not self.calibration and len(given) < len(_NUMBERS):
            missing = [name for name in _NUMBERS if name not in given]
            raise ValueError(
                f"{self.title} lacks {', '.join(missing)}: give the numbers of stereoCalibrate, or calibration = a file"
            )
        if not self.calibration and self.image_size is None:
            raise ValueError(f"{self.title} has no image_size: set that of the pictures that were calibrated with")
        return self

    @property
    def title(self) -> str:
        """Name of the pair in messages."""
        return f"stereo pair {self.left} and {self.right}"
