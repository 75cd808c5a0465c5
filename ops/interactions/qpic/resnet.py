"""The convolutional part of QPIC: a ResNet with frozen batch norm.

Module names are those of torchvision, so that published weights load without a list of keys.
"""

import torch
from torch import Tensor, nn

EXPANSION = 4
EPS = 1e-5


class FrozenBatchNorm(nn.Module):
    """Batch norm whose statistics and weights are buffers: they never change, not even in training."""

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.eps = EPS
        for name, value in {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 1.0}.items():
            self.register_buffer(name, torch.full((channels,), value))

    def forward(self, features: Tensor) -> Tensor:
        """From ``(B, C, H, W)`` to the same shape."""
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        return features * scale[:, None, None] + (self.bias - self.running_mean * scale)[:, None, None]


class ResNet(nn.Sequential):
    """ResNet (arXiv 1512.03385) up to its last feature map, which has 1/32 of the picture's height and width.

    Args:
        blocks: bottlenecks of each of the four stages.
        width: channels of the first layer.
    """

    def __init__(self, blocks: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = FrozenBatchNorm(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels = width
        for stage, count in enumerate(blocks):
            inner = width * 2**stage
            first = Bottleneck(channels, inner, stride=1 if stage == 0 else 2)
            channels = inner * EXPANSION
            rest = [Bottleneck(channels, inner) for _ in range(count - 1)]
            self.add_module(f"layer{stage + 1}", nn.Sequential(first, *rest))
        self.channels = channels


class Bottleneck(nn.Module):
    """Three convolutions beside a shortcut; the stride is that of the 3 x 3 convolution."""

    def __init__(self, channels: int, inner: int, stride: int = 1) -> None:
        super().__init__()
        outer = inner * EXPANSION
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.bn1 = FrozenBatchNorm(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride=stride, padding=1, bias=False)
        self.bn2 = FrozenBatchNorm(inner)
        self.conv3 = nn.Conv2d(inner, outer, 1, bias=False)
        self.bn3 = FrozenBatchNorm(outer)
        self.downsample = (
            nn.Sequential(nn.Conv2d(channels, outer, 1, stride=stride, bias=False), FrozenBatchNorm(outer))
            if stride != 1 or channels != outer
            else nn.Identity()
        )

    def forward(self, features: Tensor) -> Tensor:
        """From ``(B, C, H, W)`` to ``(B, 4 * inner, H / stride, W / stride)``."""
        inner = torch.relu(self.bn1(self.conv1(features)))
        inner = torch.relu(self.bn2(self.conv2(inner)))
        return torch.relu(self.bn3(self.conv3(inner)) + self.downsample(features))
