"""What is known of a depth network beside its weights: the kind of its depth, and how it wants its picture."""

from dataclasses import dataclass
from typing import Literal

DepthKind = Literal["metric", "affine", "relative"]
"""``metric``: z in metres; ``affine``: z up to scale and offset; ``relative``: 1 / z up to scale and offset."""

Resize = Literal["fit", "pad", "stretch"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_SPREAD = (0.229, 0.224, 0.225)
"""Of red, green and blue, 0..1: most vision transformers are trained on pictures that are normalised by them."""


@dataclass(frozen=True)
class DepthFacts:
    """The meaning of a depth network's output, and the form of its input.

    From ``output`` on, fields are for graphs (ONNX, OpenVINO); transformers folders have their own image processor.

    Attributes:
        scale_only: affine depth without an offset: z = s * value.
        canonical_focal_px: the output is metres for a camera of this focal length, in pixels of the network's input;
            for another one, it is multiplied by its focal length and divided by this one.
        output: name of the output with the depth; None: it has one only.
        channel: of an output with several channels, such as a map of points, the one with the depth.
        factor: name of an output with one number, by which the depth is multiplied.
        mask: name of an output that is below 0.5 where the depth means nothing.
        intrinsics: name of an output with the camera matrix (3, 3), in pixels of the input.
        inputs: further inputs, each one number, by name.
        mean_rgb, std_rgb: pixels, 0..1, are reduced by the first and divided by the second.
        input_px: (width, height) of the network's input, or the box into which it fits.
        multiple_px: the sides of the input are multiples of it.
        resize: ``fit``: aspect kept, up to the multiple; ``pad``: aspect kept, the rest filled with the mean colour;
            ``stretch``: the picture gets the input's size.
    """

    kind: DepthKind
    scale_only: bool = False
    canonical_focal_px: float | None = None
    output: str | None = None
    channel: int | None = None
    factor: str | None = None
    mask: str | None = None
    intrinsics: str | None = None
    inputs: tuple[tuple[str, float], ...] = ()
    mean_rgb: tuple[float, float, float] = IMAGENET_MEAN
    std_rgb: tuple[float, float, float] = IMAGENET_SPREAD
    input_px: tuple[int, int] | None = None
    multiple_px: int = 14
    resize: Resize = "fit"
