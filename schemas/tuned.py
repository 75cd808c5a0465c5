"""What ``nightshift tune`` measured of a camera, and the parameters that it chose: the file ``tuned/CAMERA.toml``."""

from datetime import date
from typing import Annotated

from pydantic import Field

from schemas.site_section import Strict

Share = Annotated[float, Field(ge=0, le=1)]


class TunedParams(Strict):
    """``[params]``: the chosen parameters; they hold where site.toml does not give them."""

    skip_unchanged: bool = Field(description="look again only where a frame changed")
    gap_s: Annotated[float, Field(ge=0)] | None = Field(
        None, description="most seconds between two looks at what changes; absent where every frame is looked at"
    )

    def given(self) -> dict[str, bool | float]:
        """Returns the parameters that have a value, by name."""
        return self.model_dump(exclude_none=True)


class Judged(Strict):
    """What was compared in one part of the stretches.

    Attributes:
        loss: 1 - HOTA of the profile's tracks against those of looks at every frame.
        runs_share: runs of the network, as a share of those that looks at every frame take.
        tracks, boxes: of looks at every frame.
    """

    loss: Share = Field(description="1 - HOTA against the tracks of looks at every frame")
    runs_share: Annotated[float, Field(ge=0)] = Field(description="runs of the network, of those at every frame")
    stretches: int = Field(description="number of stretches of footage")
    seconds: float = Field(description="their length")
    tracks: int = Field(description="tracks at every frame")
    boxes: int = Field(description="their boxes")


class MeasuredWith(Strict):
    """``[with]``: what the measurement depends on."""

    weights: str = Field(description="name of the weights")
    sha256: str = Field(description="their hash")
    detect: int = Field(description="version of the op detect")
    track: int = Field(description="version of the op track")
    others: str = Field(description="hash of the other parameters of detect and track")


class TunedCamera(Strict):
    """A camera that was tuned."""

    camera: str = Field(description="id of the camera")
    profile: str = Field(description="name of the profile")
    why: str = Field("", description="why no frame is held, if none is")
    within: Share = Field(description="bound of the loss")
    measured: date = Field(description="day of the measurement")
    params: TunedParams = Field(description="the parameters")
    validation: Judged = Field(description="the part that chose the profile")
    test: Judged = Field(description="the other part, whose loss counts")
    by: MeasuredWith = Field(alias="with", description="what it was measured with")
