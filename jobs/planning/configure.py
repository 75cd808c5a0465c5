"""Builds configured ops from the ``[ops.NAME]`` tables of site.toml: checks parameters and finds weights."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, cached_property
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from jobs.planning.camera_checks import warn_of_cameras
from jobs.planning.graph import Dependency
from jobs.planning.named_layers import NamedLayers
from jobs.planning.unseen_features import unseen_features
from ops import REGISTRY
from ops.ground.groups import camera_groups
from ops.ground.homography import calibration_error_m
from ops.ground.places import known_ground
from ops.ground.view import features_near_view
from ops.interactions.rules.catalogue import ZONE
from ops.stereo.rectify import rectify
from schemas.anonymity import TARGETS
from schemas.errors import ModelError, SiteError
from schemas.op import DETECTOR, Models, Neighbour, Op
from schemas.stereo import StereoView
from schemas.tuned import TunedCamera
from schemas.values import Feature, FeatureKind, ModelFile
from storage.site.file import SiteFiles, find_key_line
from storage.site.layers import read_counting_layers
from storage.site.stereo import load_stereo
from storage.site.tuned import read_tuned
from storage.weights.catalogue import ModelStore
from storage.weights.site_models import open_models


class ReadyOp(NamedTuple):
    """An op with its parameters and weights."""

    op: Op
    models: Models


@dataclass(frozen=True)
class ReadySite:
    """A site with its configured ops.

    Attributes:
        ops: enabled ops by name, in pipeline order.
        warnings: what a user should know before a run.
        tuned: what `nightshift tune` stored, by camera.
        groups: cameras that see the same ground, directly or through others of the group, each by id.
        stereo: the stereo pair of each camera that is in one.
    """

    site: SiteFiles
    ops: Mapping[str, ReadyOp]
    features: tuple[Feature, ...]
    warnings: tuple[str, ...] = ()
    tuned: Mapping[str, TunedCamera] = field(default_factory=dict)
    groups: tuple[tuple[str, ...], ...] = ()
    stereo: Mapping[str, StereoView] = field(default_factory=dict)
    _features_of: dict[str, Sequence[Feature]] = field(default_factory=dict, repr=False, compare=False)
    _feature_digests: dict[tuple[str, ...], str] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def named_layers(self) -> NamedLayers:
        """The features of layers that ops name."""
        return NamedLayers(self.site)

    def features_of(self, camera: str) -> Sequence[Feature]:
        """Returns the zones and lines that concern a camera: its own in pixels, and those near its view on the map.

        Ops of the camera get these and no others, so a zone that is edited makes only cameras near it count again.
        """
        if camera not in self._features_of:
            view = self.site.config.camera_view(camera)
            mine = [f for f in self.features if f.camera == camera or (f.camera is None and f.storey == view.storey)]
            ground = known_ground(view, {}) if mine else None
            self._features_of[camera] = features_near_view(ground.plane if ground else None, mine)
        return self._features_of[camera]

    def features_for(self, op: str, camera: str) -> Sequence[Feature]:
        """Returns the features that an op's units on a camera get; none unless the op declares them."""
        uses, params = self.ops[op].op.spec.uses, self.ops[op].op.params
        if "named_layers" in uses:
            return self.named_layers.near(camera, params.layers)
        return self.features_of(camera) if "layers" in uses else ()

    def runs_on(self, op: str, camera: str) -> bool:
        """Returns whether an op runs on a camera: one that is off but for stereo pairs runs on their cameras only."""
        return camera in self.stereo or self.ops[op].op.enabled

    def other_cameras(self, camera: str, neighbour: Neighbour) -> tuple[str, ...]:
        """Returns the other cameras that a camera's units read in a relation, by id."""
        if neighbour is Neighbour.STEREO:
            return (self.stereo[camera].other,) if camera in self.stereo else ()
        group = next((group for group in self.groups if camera in group), ())
        return tuple(each for each in group if each != camera)

    def dependencies(self, found: Iterable[Dependency], camera: str) -> list[Dependency]:
        """Returns those of an op's dependencies that a camera's units have.

        One that says nothing of a camera must not count in its fingerprints: a pair that is declared would make all
        cameras stale.
        """
        return [
            each
            for each in found
            if each.required
            or (self.runs_on(each.writer, camera) and (each.neighbour is not Neighbour.STEREO or camera in self.stereo))
        ]

    def tuned_params(self, op: str, camera: str) -> dict[str, bool | float]:
        """Returns the parameters of an op that were tuned for a camera, where they change anything.

        What site.toml gives under ``[ops.NAME]`` holds for all cameras.
        """
        params, given = self.ops[op].op.params, self.site.config.ops.get(op, {})
        if camera not in self.tuned or "tuned" not in self.ops[op].op.spec.uses:
            return {}
        return {
            name: value
            for name, value in self.tuned[camera].params.given().items()
            if name not in given and getattr(params, name, value) != value
        }

    def digest_features(self, camera: str, digest: Callable[[Sequence[object]], str]) -> str:
        """Returns a digest of the zones and lines that concern a camera, by ``digest`` of rows of plain values.

        It is made once for all cameras and ops that have the same ones: a layer may have thousands of lines.
        """
        mine = self.features_of(camera)
        own = tuple(feature.feature_id for feature in mine)
        if own not in self._feature_digests:
            rows = [[f.feature_id, f.kind, f.space, f.camera, f.geometry.wkb_hex] for f in mine]
            self._feature_digests[own] = digest(rows)
        return self._feature_digests[own]


def _where(site: SiteFiles, *path: str | int) -> str:
    """Returns the file and line of a key, for messages."""
    line = find_key_line(site.root, path)
    return f"{site.root / 'site.toml'}{f', line {line}' if line else ''}"


def build_params(site: SiteFiles, name: str, kind: type, given: Mapping[str, Any]) -> Any:
    """Returns an op's parameters from its table of site.toml.

    Raises:
        SiteError: the op has no such key, or the value has another type; the message names file, line and key.
    """
    fields = list(kind.__dataclass_fields__)  # type: ignore[attr-defined]
    for key in given:
        if key not in fields:
            close = get_close_matches(key, fields, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(fields)}"
            raise SiteError(f"{_where(site, 'ops', name, key)}: op {name} has no parameter {key!r}; {hint}")
    try:
        return _adapter(kind).validate_python(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else next(iter(given), "")
        raise SiteError(
            f"{_where(site, 'ops', name, key)}: [ops.{name}] {key} = {given.get(key)!r}: {first['msg']}"
        ) from error


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    """Returns the check of an op's parameters, which takes longer to build than all its calls of a run."""
    return TypeAdapter(kind)


def calibration_errors(site: SiteFiles) -> dict[str, float]:
    """Returns, by calibrated camera, the median distance of its control points from its homography, metres.

    Raises:
        SiteError: control points do not determine a homography; the message names the camera.
    """
    errors = {camera.id: calibration_error_m(site.config.camera_view(camera.id)) for camera in site.config.cameras}
    return {camera: error for camera, error in errors.items() if error is not None}


def configure_site(site: SiteFiles) -> ReadySite:
    """Checks ``[ops]`` and layers, and finds the weights.

    Raises:
        SiteError: an op or parameter does not exist, a layer cannot be read, or a stereo pair is wrongly calibrated.
        ModelError: weights are named but missing, altered or not trusted.
    """
    for key in site.config.ops:
        if key not in REGISTRY:
            raise SiteError(f"{_where(site, 'ops', key)}: there is no op {key!r}; there are {', '.join(REGISTRY)}")
    for name in site.config.skip_ops:
        if name not in REGISTRY:
            raise SiteError(f"{_where(site, 'skip_ops')}: there is no op {name!r}; there are {', '.join(REGISTRY)}")
    stereo = _stereo_pairs(site)
    models = open_models(site)
    ops: dict[str, ReadyOp] = {}
    warnings: list[str] = []
    # In pipeline order: the detector's weights are known when the op that verifies asks for different ones.
    for name, kind in REGISTRY.items():
        op = kind(build_params(site, name, kind.spec.params, site.config.ops.get(name, {})))
        if name in site.config.skip_ops or not (op.enabled or (stereo and "stereo" in kind.spec.uses)):
            continue
        found = _models(op, models, [ready.models[DETECTOR] for ready in ops.values() if DETECTOR in ready.models])
        if DETECTOR in op.model_requests and DETECTOR not in found:
            warnings.append(
                f"no weights for {name}: people are found by motion alone, on fixed cameras only, less well; "
                "import a detector's weights with `nightshift models import FILE`"
            )
        ops[name] = ReadyOp(op, found)
    _check_targets(site, ops)
    calibration_errors(site)  # fails now, and not in the middle of the night when positions are computed
    features, notices = read_counting_layers(site)
    _check_rule_zones(site, ops, features)
    _check_named_layers(site, ops)
    views = [site.config.camera_view(camera.id) for camera in site.config.cameras]
    warnings += [*notices, *warn_of_cameras(views), *unseen_features(views, features)]
    return ReadySite(site, ops, features, tuple(warnings), read_tuned(site.root), camera_groups(views), stereo)


def _stereo_pairs(site: SiteFiles) -> dict[str, StereoView]:
    """Returns the stereo pair of each camera that is in one.

    Raises:
        SiteError: a calibration cannot be read, or its cameras are not side by side.
    """
    stereo = load_stereo(site)
    for number, config in enumerate(site.config.stereo):
        try:
            rectify(stereo[config.left].pair)
        except SiteError as error:
            raise SiteError(f"{_where(site, 'stereo', number)}: {config.title}: {error}") from error
    return stereo


def _models(op: Op, models: ModelStore, detectors: Sequence[ModelFile]) -> Models:
    """Returns the weights of an op by role.

    Args:
        detectors: weights that people are detected with, so that an op that verifies gets different ones.

    Raises:
        ModelError: weights are missing, altered or not trusted.
    """
    found = {}
    for role, request in op.model_requests.items():
        model = models.resolve(request, detectors)
        if model is not None:
            found[role] = model
        elif request.required:
            raise ModelError(
                f"op {op.spec.name} as configured in site.toml needs weights for {request.task}, and there are none; "
                f"import some with `nightshift models import FILE --task {request.task}`"
            )
    return found


def _check_targets(site: SiteFiles, ops: Mapping[str, ReadyOp]) -> None:
    """Checks that every target of ``anonymize`` is detected.

    Raises:
        SiteError: ``detect`` or its weights do not know a target: it would stay visible in published video.
    """
    if "anonymize" not in ops or "detect" not in ops:
        return
    detect = ops["detect"]
    classes = set(detect.op.params.classes)
    model = detect.models.get(DETECTOR)
    known = {"person"} if model is None else set(model.classes) or classes
    for target in ops["anonymize"].op.params.targets:
        labels = TARGETS[target]
        where = f"{_where(site, 'ops', 'anonymize', 'targets')}: target {target!r}"
        if not known.intersection(labels):
            by = "motion alone" if model is None else f"weights {model.name}"
            raise SiteError(
                f"{where} would stay visible: {by} cannot find {' or '.join(labels)}; import weights that can"
            )
        if missing := known.intersection(labels) - classes:
            raise SiteError(
                f"{where} would stay visible in part: detect does not look for {', '.join(sorted(missing))}; "
                "add that to classes of [ops.detect]"
            )


def _check_rule_zones(site: SiteFiles, ops: Mapping[str, ReadyOp], features: Sequence[Feature]) -> None:
    """Checks that the zones exist which rules of ``interactions`` name.

    Raises:
        SiteError: a rule names a zone that no layer has: it would find nothing, night after night.
    """
    if "interactions" not in ops:
        return
    zones = {feature.feature_id for feature in features if feature.kind is FeatureKind.ZONE}
    for rule in ops["interactions"].op.params.rules:
        for name in rule.object:
            zone = name.removeprefix(ZONE)
            if zone != name and zone not in zones:
                where, there = _where(site, "ops", "interactions", "rules"), ", ".join(sorted(zones)) or "no zone"
                raise SiteError(f"{where}: {rule.verb!r} names the zone {zone!r}; the layers have {there}")


def _check_named_layers(site: SiteFiles, ops: Mapping[str, ReadyOp]) -> None:
    """Checks that the layers exist which ops name.

    Raises:
        SiteError: there is no such layer on the map.
    """
    on_map = [layer.name for layer in site.config.layers if layer.space == "map"]
    for op, _ in ops.values():
        for name in op.params.layers if "named_layers" in op.spec.uses else ():
            if name not in on_map:
                where, there = _where(site, "ops", op.spec.name, "layers"), ", ".join(on_map) or "none"
                raise SiteError(f"{where}: there is no layer {name!r} on the map; there are {there}")
