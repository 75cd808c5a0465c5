"""Rules that find interactions over time, from the tracks, things at rest and zones of a camera's day.

``catalogue`` declares those that a condition finds (``declared`` runs them), the other files one rule each. They keep
no state and never see frames, so that a changed rule runs over a year of footage without decoding any of it. To add a
rule, add a line to the catalogue, or a file whose function ``find_all`` calls.
"""

from ops.interactions.params import InteractionsParams
from ops.interactions.rules.agreement import agreed
from ops.interactions.rules.bag_tracks import chained
from ops.interactions.rules.bags import find_bags
from ops.interactions.rules.catalogue import user_rule
from ops.interactions.rules.declared import find_declared, parse_rule
from ops.interactions.rules.frames import with_frames
from ops.interactions.rules.moments import moments_of
from ops.interactions.rules.passages import find_passages
from ops.interactions.rules.queries import find_queried
from ops.interactions.rules.queues import find_queues
from ops.interactions.rules.scene import Interaction, Scene
from ops.interactions.rules.things import find_handled
from ops.interactions.rules.vehicles import find_boardings
from schemas.errors import SiteError


def check_rules(params: InteractionsParams) -> None:
    """Checks the user's rules.

    Raises:
        SiteError: a condition cannot be read, or names what does not exist.
    """
    for rule in params.rules:
        try:
            parse_rule(user_rule(rule), params)
        except SiteError as error:
            raise SiteError(f"[ops.interactions] rule {rule.verb!r}: {error}") from error


def find_all(scene: Scene) -> list[Interaction]:
    """Returns all interactions of the scene's day."""
    found = [*find_passages(scene), *find_handled(scene)]
    # What a moving camera shows as movement is mostly its own.
    moments = chained(moments_of(scene), scene) if scene.unit.camera.fixed else None
    if moments is not None and len(moments):
        declared = find_declared(scene, moments)
        carried = [one for one in declared if one.verb == "carries"]
        found += [one for one in declared if one.verb != "carries"]
        found += [*find_bags(carried, scene, moments), *find_queues(scene, moments)]
        found += find_boardings(scene, moments)
    found = [one for one in with_frames(agreed(found, scene), scene) if one.verb not in scene.params.skip]
    return [*found, *find_queried(found, scene)]
