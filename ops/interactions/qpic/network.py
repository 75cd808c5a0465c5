"""QPIC's network: a ResNet, DETR's transformer, and four heads on every decoder layer.

Module names are those of the authors' program, so that their state dict loads as it is.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ops.interactions.qpic.resnet import ResNet
from ops.interactions.qpic.settings import QpicSettings
from ops.interactions.qpic.transformer import Transformer

MEAN_RGB = (0.485, 0.456, 0.406)
SPREAD_RGB = (0.229, 0.224, 0.225)
"""ImageNet's, of RGB in 0..1, which published weights expect."""


class Outputs(NamedTuple):
    """What one decoder layer says of ``B`` pictures, with ``Q`` queries each.

    Attributes:
        object_logits: ``(B, Q, objects + 1)``; the last class is "no pair".
        verb_logits: ``(B, Q, verbs)``.
        subject_boxes: ``(B, Q, 4)``: centre x, centre y, width, height, as shares of the picture without its padding.
        object_boxes: ``(B, Q, 4)``, likewise.
    """

    object_logits: Tensor
    verb_logits: Tensor
    subject_boxes: Tensor
    object_boxes: Tensor


class Qpic(nn.Module):
    """QPIC (arXiv 2103.05399): each query is a person, an object, and the verbs between them."""

    def __init__(self, settings: QpicSettings) -> None:
        super().__init__()
        self.settings = settings
        hidden = settings.hidden
        backbone = Backbone(settings)
        self.backbone = nn.Sequential(backbone)
        self.input_proj = nn.Conv2d(backbone.body.channels, hidden, 1)
        self.transformer = Transformer(
            hidden,
            settings.heads,
            settings.feedforward,
            settings.encoder_layers,
            settings.decoder_layers,
            settings.dropout,
        )
        self.query_embed = nn.Embedding(settings.queries, hidden)
        self.obj_class_embed = nn.Linear(hidden, len(settings.objects) + 1)
        self.verb_class_embed = nn.Linear(hidden, len(settings.verbs))
        self.sub_bbox_embed = BoxHead(hidden)
        self.obj_bbox_embed = BoxHead(hidden)

    def forward(self, images: Tensor, mask: Tensor) -> list[Outputs]:
        """Returns what each decoder layer says; the last one is the answer, the others help to train.

        Args:
            images: ``(B, 3, H, W)`` RGB, normed by ``MEAN_RGB`` and ``SPREAD_RGB``, zero on padding.
            mask: ``(B, H, W)``, true on padding.
        """
        features = self.backbone(images)
        small_mask = functional.interpolate(mask[:, None].float(), size=features.shape[-2:])[:, 0] > 0
        layers = self.transformer(self.input_proj(features), small_mask, self.query_embed.weight)
        return [
            Outputs(
                self.obj_class_embed(layer),
                self.verb_class_embed(layer),
                self.sub_bbox_embed(layer).sigmoid(),
                self.obj_bbox_embed(layer).sigmoid(),
            )
            for layer in layers
        ]


class Backbone(nn.Module):
    """Names the ResNet as DETR does."""

    def __init__(self, settings: QpicSettings) -> None:
        super().__init__()
        self.body = ResNet(settings.blocks, settings.width)

    def forward(self, images: Tensor) -> Tensor:
        """From ``(B, 3, H, W)`` to ``(B, C, H / 32, W / 32)``."""
        features: Tensor = self.body(images)
        return features


class BoxHead(nn.Module):
    """Three linear layers with ReLU between, from ``(..., C)`` to ``(..., 4)``."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(hidden, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, 4)])

    def forward(self, values: Tensor) -> Tensor:
        """Returns the logits of a box."""
        first, second, last = self.layers
        logits: Tensor = last(torch.relu(second(torch.relu(first(values)))))
        return logits


def pad_pictures(pictures: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Puts pictures of any sizes into one batch, at the top left.

    Args:
        pictures: ``(3, h, w)`` each, normed.

    Returns:
        The batch ``(B, 3, H, W)``, zero on padding, and its mask ``(B, H, W)``, true on padding.
    """
    height = max(picture.shape[1] for picture in pictures)
    width = max(picture.shape[2] for picture in pictures)
    images = pictures[0].new_zeros(len(pictures), 3, height, width)
    mask = torch.ones(len(pictures), height, width, dtype=torch.bool, device=images.device)
    for number, picture in enumerate(pictures):
        images[number, :, : picture.shape[1], : picture.shape[2]] = picture
        mask[number, : picture.shape[1], : picture.shape[2]] = False
    return images, mask
