"""Whether depth networks of transformers give here, bit for bit, what the library's own pipeline gives.

There are no trained weights here, so the networks are small and random: this shows that pictures go in and depth comes
out as the library's authors meant, and says nothing of how good any depth is.
"""

import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ops.depth_models.load import load_depth_network
from schemas.values import ModelFile, Uint8
from storage.weights.catalogue import ModelStore

SEED = 16
PICTURE_SIZES_PX = ((64, 48), (97, 61), (45, 80))
"""(width, height) of the pictures: also odd, and upright."""

DINO = {
    **dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=2, patch_size=14, image_size=28),
    **dict(out_indices=[1, 2], reshape_hidden_states=False, apply_layernorm=True),
}


def _library() -> Any:
    import transformers

    return transformers


def depth_anything(kind: str) -> tuple[Any, Any]:
    """Returns a network of a few thousand weights, and its image processor; so do the other functions here."""
    library = _library()
    config = library.DepthAnythingConfig(
        backbone_config={"model_type": "dinov2", **DINO},
        **dict(reassemble_hidden_size=16, patch_size=14, reassemble_factors=[1, 0.5], neck_hidden_sizes=[8, 8]),
        **dict(fusion_hidden_size=8, head_hidden_size=8, depth_estimation_type=kind, max_depth=80),
    )
    size = {"height": 56, "width": 56}
    processor = library.DPTImageProcessor(size=size, ensure_multiple_of=14, keep_aspect_ratio=True)
    return library.DepthAnythingForDepthEstimation(config), processor


def dpt() -> tuple[Any, Any]:
    """DPT with its own vision transformer, as MiDaS 3 has it."""
    library = _library()
    config = library.DPTConfig(
        **dict(hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=32, image_size=64),
        **dict(patch_size=16, backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 8, 8], fusion_hidden_size=8),
    )
    return library.DPTForDepthEstimation(config), library.DPTImageProcessor(size={"height": 64, "width": 64})


def zoedepth() -> tuple[Any, Any]:
    """ZoeDepth with one metric head."""
    library = _library()
    backbone = dict(
        **dict(model_type="beit", image_size=64, num_hidden_layers=4, hidden_size=16, intermediate_size=32),
        **dict(num_attention_heads=2, patch_size=16, use_relative_position_bias=True, reshape_hidden_states=False),
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = library.ZoeDepthConfig(
        backbone_config=backbone,
        **dict(neck_hidden_sizes=[8, 8, 8, 8], fusion_hidden_size=8, bottleneck_features=8, num_relative_features=8),
        **dict(bin_embedding_dim=8, num_attractors=[4, 2, 2, 1]),
        bin_configurations=[{"name": "nyu", "n_bins": 8, "min_depth": 0.001, "max_depth": 10.0}],
    )
    processor = library.ZoeDepthImageProcessor(size={"height": 64, "width": 64}, ensure_multiple_of=32)
    return library.ZoeDepthForDepthEstimation(config), processor


def depth_pro() -> tuple[Any, Any]:
    """Depth Pro with its network for the field of view."""
    library = _library()
    encoder = {"model_type": "dinov2", **DINO, "patch_size": 8, "image_size": 32}
    config = library.DepthProConfig(
        **dict(patch_size=32, fusion_hidden_size=8, intermediate_hook_ids=[1, 0], intermediate_feature_dims=[8, 8]),
        **dict(scaled_images_ratios=[0.25, 0.5, 1], scaled_images_overlap_ratios=[0.0, 0.5, 0.25]),
        **dict(scaled_images_feature_dims=[8, 8, 8], use_fov_model=True, num_fov_head_layers=1, merge_padding_value=1),
        **{f"{part}_model_config": encoder for part in ("image", "patch", "fov")},
    )
    return library.DepthProForDepthEstimation(config), library.DepthProImageProcessor(
        size={"height": 128, "width": 128}
    )


def glpn() -> tuple[Any, Any]:
    """GLPN, for metric depth."""
    library = _library()
    config = library.GLPNConfig(
        **dict(hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], num_attention_heads=[1, 1, 2, 2]),
        decoder_hidden_size=8,
    )
    return library.GLPNForDepthEstimation(config), library.GLPNImageProcessor()


SMALL: Mapping[str, Callable[[], tuple[Any, Any]]] = {
    "dpt": dpt,
    "depth_anything_relative": lambda: depth_anything("relative"),
    "depth_anything_metric": lambda: depth_anything("metric"),
    "zoedepth": zoedepth,
    "depth_pro": depth_pro,
    "glpn": glpn,
}


def save_small(name: str, folder: Path) -> Path:
    """Saves a small random network as transformers saves any, and returns its folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other people's imports
        import torch

        torch.manual_seed(SEED)
        network, processor = SMALL[name]()
    with torch.no_grad():
        for weights in network.parameters():
            weights.uniform_(-0.5, 0.5)  # as initialised, so small a network gives nothing but zeros
        if name == "depth_pro":  # an angle of view that a camera may have, and depth that is not cut off
            network.fov_model.head.layers[-1].weight.zero_()
            network.fov_model.head.layers[-1].bias.fill_(50)
            network.head.layers[-2].bias.fill_(20)
    path = folder / name
    network.save_pretrained(path)
    processor.save_pretrained(path)
    return path


def picture(size_px: tuple[int, int]) -> Uint8:
    """Returns a picture of noise, ``(height, width, 3)`` RGB."""
    return np.random.default_rng(SEED).integers(0, 256, (size_px[1], size_px[0], 3), np.uint8)


def library_depth(path: Path, image: Uint8) -> Any:
    """Returns ``predicted_depth`` of the library's pipeline, ``(H, W)`` float32."""
    from PIL import Image

    return (
        _library()
        .pipeline("depth-estimation", model=str(path), device="cpu")(Image.fromarray(image))["predicted_depth"]
        .numpy()
    )


def describe(path: Path) -> ModelFile:
    """Returns a folder's description, as a site would have it."""
    return ModelStore(path.parent).describe(path)


def measure(names: Sequence[str] = tuple(SMALL)) -> dict[str, float | bool]:
    """Compares networks on every picture.

    Args:
        names: the networks.

    Returns:
        ``pipeline_equal``, whether all maps are equal to the bit; by network, the share of equal maps; and ``maps``,
        how many there are.
    """
    shares: dict[str, float | bool] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            path = save_small(name, Path(folder))
            network = load_depth_network(describe(path), 1)
            images = [picture(size) for size in PICTURE_SIZES_PX]
            equal = [np.array_equal(network(image).depth.values, library_depth(path, image)) for image in images]
            shares[f"pipeline_equal.{name}"] = sum(equal) / len(equal)
    return {
        "pipeline_equal": all(share == 1 for share in shares.values()),
        **shares,
        "maps": len(names) * len(PICTURE_SIZES_PX),
    }
