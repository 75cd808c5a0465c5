"""What is computed: every op there is, in the order of the pipeline.

An op takes frames and tables and gives tables; it opens no file and knows no Ray. To add one, write its file and put
its class in this tuple: planner, ``site.toml``, documentation and contract tests read it from here.
"""

from collections.abc import Mapping

from ops.anonymize import Anonymize
from ops.appearance import Appearance
from ops.audit import Audit
from ops.background import Background
from ops.boxes3d import Boxes3d
from ops.counts import Counts
from ops.depth import Depth
from ops.depth_map import DepthMap
from ops.detect import Detect
from ops.frame_depth import FrameDepth
from ops.frame_interactions import FrameInteractions
from ops.ground_models import Ground
from ops.interactions import Interactions
from ops.keypoints import Keypoints
from ops.link import Link
from ops.local_positions import LocalPositions
from ops.motion import Motion
from ops.position_features import PositionFeatures
from ops.positions import Positions
from ops.publish import Publish
from ops.relations import Relations
from ops.second_look import SecondLook
from ops.site_tracks import SiteTracks
from ops.statics import Statics
from ops.track import Track
from ops.view_motion import ViewMotion
from schemas.op import Op

_OPS: tuple[type[Op], ...] = (
    Detect,
    ViewMotion,
    Motion,
    SecondLook,
    Background,
    Appearance,
    Track,
    Link,
    DepthMap,
    Ground,
    Statics,
    Positions,
    LocalPositions,
    PositionFeatures,
    SiteTracks,
    Counts,
    FrameDepth,
    Depth,
    Boxes3d,
    Relations,
    FrameInteractions,
    Keypoints,
    Interactions,
    Anonymize,
    Publish,
    Audit,
)

REGISTRY: Mapping[str, type[Op]] = {op.spec.name: op for op in _OPS}
"""Every op by name, each after the ops whose tables it reads."""
