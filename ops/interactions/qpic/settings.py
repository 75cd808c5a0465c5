"""What a QPIC network is made of, and what its outputs are called."""

from dataclasses import dataclass

from ops.interactions.qpic.names import COCO_OBJECTS, HICO_VERBS, MISSING_OBJECT, VCOCO_VERBS

RESNET_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
"""Bottlenecks of each of the four stages of ResNet-50 and ResNet-101."""


@dataclass(frozen=True)
class QpicSettings:
    """Sizes of a QPIC network; the defaults are those of the published ResNet-50 weights for HICO-DET.

    Attributes:
        objects: names of the object classes; the first is the person. The class "no pair" comes after them, unnamed.
        verbs: names of the verbs.
        blocks: bottlenecks of each of the four stages of the ResNet.
        width: channels of the ResNet's first layer; its last has 32 times as many.
        hidden: channels of the transformer; a multiple of 4 and of ``heads``.
        feedforward: hidden channels of its feed-forward layers.
        dropout: share of values that training sets to zero.
    """

    objects: tuple[str, ...] = COCO_OBJECTS
    verbs: tuple[str, ...] = HICO_VERBS
    blocks: tuple[int, ...] = RESNET_BLOCKS[50]
    width: int = 64
    hidden: int = 256
    heads: int = 8
    feedforward: int = 2048
    encoder_layers: int = 6
    decoder_layers: int = 6
    queries: int = 100
    dropout: float = 0.1

    @property
    def missing_object(self) -> int | None:
        """Index of the class for an object that is not in the picture; None if there is no such class."""
        return self.objects.index(MISSING_OBJECT) if MISSING_OBJECT in self.objects else None


def hico_settings(depth: int = 50) -> QpicSettings:
    """Returns the settings of the published weights for HICO-DET; ``depth`` of the ResNet is 50 or 101."""
    return QpicSettings(blocks=RESNET_BLOCKS[depth])


def vcoco_settings(depth: int = 50) -> QpicSettings:
    """Returns the settings of the published weights for V-COCO; ``depth`` of the ResNet is 50 or 101."""
    return QpicSettings(objects=(*COCO_OBJECTS, MISSING_OBJECT), verbs=VCOCO_VERBS, blocks=RESNET_BLOCKS[depth])
