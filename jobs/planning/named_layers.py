"""The features of layers that an op names in its parameter ``layers``, by camera."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ops.ground.places import known_ground
from ops.ground.view import features_near_view
from schemas.values import Feature
from storage.site.file import SiteFiles
from storage.site.layers import load_named_features


@dataclass(frozen=True)
class NamedLayers:
    """Features of named layers. Files are read once, and only if an op asks for their features."""

    site: SiteFiles
    _features: dict[tuple[str, ...], Sequence[Feature]] = field(default_factory=dict, repr=False, compare=False)
    _near: dict[tuple[str, tuple[str, ...]], Sequence[Feature]] = field(default_factory=dict, repr=False, compare=False)

    def near(self, camera: str, layers: tuple[str, ...]) -> Sequence[Feature]:
        """Returns the features of layers that lie near a camera's view, on its storey; all if nobody knows its ground.

        Raises:
            SiteError: a layer cannot be read.
        """
        if layers not in self._features:
            self._features[layers] = load_named_features(self.site, layers)
        if (camera, layers) not in self._near:
            view = self.site.config.camera_view(camera)
            mine = [each for each in self._features[layers] if each.storey == view.storey]
            ground = known_ground(view, {}) if mine else None
            self._near[camera, layers] = features_near_view(ground.plane if ground else None, mine)
        return self._near[camera, layers]

    def digest(self, camera: str, layers: tuple[str, ...], digest: Callable[[Sequence[object]], str]) -> str:
        """Returns a digest of the features near a camera, by ``digest`` of rows of plain values."""
        return digest([[each.layer, each.feature_id, each.geometry.wkb_hex] for each in self.near(camera, layers)])
