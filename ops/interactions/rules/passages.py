"""Rule: people and things that enter and leave zones, as the op ``counts`` finds them with its hysteresis."""

import pyarrow.compute as pc

from ops.arrays import times_us
from ops.interactions.rules.scene import Evidence, Interaction, Scene

VERSION = 1

VERBS = {"enter": "enters", "exit": "exits"}


def find_passages(scene: Scene) -> list[Interaction]:
    """Returns ``enters`` and ``exits``, each an instant, scored by the track's confidence."""
    events = scene.events.filter(pc.not_equal(scene.events["kind"], "cross"))
    code = {name: number for number, name in enumerate(scene.trajectories.tracks)}
    found = []
    for row, time_us in zip(events.to_pylist(), times_us(events).tolist(), strict=True):
        measured = {"x_m": row["x_m"], "y_m": row["y_m"], "dwell_s": row["dwell_s"]}
        evidence: Evidence = {name: value for name, value in measured.items() if value is not None}
        place_m = None if row["x_m"] is None else (row["x_m"], row["y_m"])
        track = row["track_id"]
        score = float(scene.confidence[code[track]]) if track in code else 0.0
        found.append(
            Interaction(
                VERBS[row["kind"]],
                track,
                row["label"],
                row["feature"],
                "zone",
                None,
                time_us,
                time_us,
                score,
                evidence,
                f"{VERBS[row['kind']]} {VERSION}",
                place_m,
            )
        )
    return found
