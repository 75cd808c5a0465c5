"""DETR's transformer (arXiv 2005.12872): places are added to queries and keys in every layer, never to values.

Module names are those of DETR, so that published weights load without a list of keys.
"""

import math

import torch
from torch import Tensor, nn

TEMPERATURE = 10000.0
LEAST_COUNT = 1e-6
"""Keeps the division finite for a picture that is all padding."""


class Transformer(nn.Module):
    """Encoder over the cells of a feature map, and decoder of queries."""

    def __init__(
        self, hidden: int, heads: int, feedforward: int, encoder_layers: int, decoder_layers: int, dropout: float
    ) -> None:
        super().__init__()
        sizes = (hidden, heads, feedforward, dropout)
        self.encoder = Encoder([EncoderLayer(*sizes) for _ in range(encoder_layers)])
        self.decoder = Decoder([DecoderLayer(*sizes) for _ in range(decoder_layers)], nn.LayerNorm(hidden))
        for weights in self.parameters():
            if weights.dim() > 1:
                nn.init.xavier_uniform_(weights)

    def forward(self, features: Tensor, mask: Tensor, queries: Tensor) -> list[Tensor]:
        """Returns the normed output ``(B, Q, C)`` of each decoder layer.

        Args:
            features: ``(B, C, H, W)``.
            mask: ``(B, H, W)``, true on padding.
            queries: ``(Q, C)``, learned.
        """
        place = position_code(mask, features.shape[1]).to(features.dtype).flatten(2).transpose(1, 2)
        padding = mask.flatten(1)
        cells: Tensor = self.encoder(features.flatten(2).transpose(1, 2), place, padding)
        outputs: list[Tensor] = self.decoder(queries.expand(len(features), -1, -1), cells, place, padding)
        return outputs


class Encoder(nn.Module):
    """Layers of self-attention over cells; no norm after the last one."""

    def __init__(self, layers: list["EncoderLayer"]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, cells: Tensor, place: Tensor, padding: Tensor) -> Tensor:
        """From ``(B, N, C)`` to ``(B, N, C)``."""
        for layer in self.layers:
            cells = layer(cells, place, padding)
        return cells


class Decoder(nn.Module):
    """Layers of attention from queries to cells; one norm is shared by the outputs of all."""

    def __init__(self, layers: list["DecoderLayer"], norm: nn.LayerNorm) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.norm = norm

    def forward(self, query_place: Tensor, cells: Tensor, place: Tensor, padding: Tensor) -> list[Tensor]:
        """Returns the output ``(B, Q, C)`` of each layer, normed; the next layer gets it as it is."""
        target, outputs = torch.zeros_like(query_place), []
        for layer in self.layers:
            target = layer(target, query_place, cells, place, padding)
            outputs.append(self.norm(target))
        return outputs


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each followed by a norm."""

    def __init__(self, hidden: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(hidden, heads, dropout, batch_first=True)
        self.linear1 = nn.Linear(hidden, feedforward)
        self.linear2 = nn.Linear(feedforward, hidden)
        self.norm1 = nn.LayerNorm(hidden)
        self.norm2 = nn.LayerNorm(hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, cells: Tensor, place: Tensor, padding: Tensor) -> Tensor:
        """From ``(B, N, C)`` to ``(B, N, C)``; ``padding`` is ``(B, N)``, true on cells that nobody looks at."""
        keys = cells + place
        looked, _ = self.self_attn(keys, keys, cells, key_padding_mask=padding, need_weights=False)
        cells = self.norm1(cells + self.dropout(looked))
        inner = self.dropout(torch.relu(self.linear1(cells)))
        normed: Tensor = self.norm2(cells + self.dropout(self.linear2(inner)))
        return normed


class DecoderLayer(nn.Module):
    """Self-attention of the queries, attention to the cells, and feed-forward, each followed by a norm."""

    def __init__(self, hidden: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(hidden, heads, dropout, batch_first=True)
        self.multihead_attn = nn.MultiheadAttention(hidden, heads, dropout, batch_first=True)
        self.linear1 = nn.Linear(hidden, feedforward)
        self.linear2 = nn.Linear(feedforward, hidden)
        self.norm1 = nn.LayerNorm(hidden)
        self.norm2 = nn.LayerNorm(hidden)
        self.norm3 = nn.LayerNorm(hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, target: Tensor, query_place: Tensor, cells: Tensor, place: Tensor, padding: Tensor) -> Tensor:
        """From ``(B, Q, C)`` to ``(B, Q, C)``; ``padding`` is ``(B, N)``, true on cells that nobody looks at."""
        keys = target + query_place
        looked, _ = self.self_attn(keys, keys, target, need_weights=False)
        target = self.norm1(target + self.dropout(looked))
        looked, _ = self.multihead_attn(
            target + query_place, cells + place, cells, key_padding_mask=padding, need_weights=False
        )
        target = self.norm2(target + self.dropout(looked))
        inner = self.dropout(torch.relu(self.linear1(target)))
        normed: Tensor = self.norm3(target + self.dropout(self.linear2(inner)))
        return normed


def position_code(mask: Tensor, channels: int) -> Tensor:
    """Returns the sines and cosines of each cell's place, ``(B, C, H, W)``: the first half of the channels is for y.

    A place is a share of the picture without its padding. Always float32: with fewer bits the places of large pictures
    would be those of other cells.

    Args:
        mask: ``(B, H, W)``, true on padding.
        channels: an even number of them for y, as many for x.
    """
    valid = (~mask).float()
    half = channels // 2
    index = torch.arange(half, dtype=torch.float32, device=mask.device)
    divisor = TEMPERATURE ** (2 * (index // 2) / half)
    codes = []
    for axis in (1, 2):
        count = valid.cumsum(axis)
        last = count.narrow(axis, count.shape[axis] - 1, 1)
        angle = (count / (last + LEAST_COUNT) * 2 * math.pi)[..., None] / divisor
        codes.append(torch.stack((angle[..., 0::2].sin(), angle[..., 1::2].cos()), dim=-1).flatten(3))
    return torch.cat(codes, dim=3).permute(0, 3, 1, 2)
