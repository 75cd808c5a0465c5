"""Rules that find interactions, in the order in which they run.

A rule is a function from the ``Scene`` of a camera-day to ``Interaction`` values; it keeps no state.
To add one, write it in its own file here, put it in ``RULES``, and give its parameters to ``InteractionsParams``.

A model joins in the same way: an op of segment scope writes its findings as a table (pair of boxes, verb, score), one
per row, ``interactions`` reads that table, ``read_scene`` puts it into the scene, and a rule matches the boxes to
tracks. Rules never see frames, so that a changed rule runs over a year of footage without decoding any of it.
"""

from collections.abc import Callable

from ops.interactions.rules.abandons import abandons
from ops.interactions.rules.meets import meets
from ops.interactions.rules.passages import passages
from ops.interactions.rules.scene import Interaction, Scene

Rule = Callable[[Scene], list[Interaction]]

RULES: tuple[Rule, ...] = (meets, passages, abandons)
