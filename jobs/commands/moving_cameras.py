"""Finds cameras that site.toml declares fixed, and whose view moves all the same."""

from dataclasses import dataclass

from jobs.commands.results import query
from jobs.site import Site


@dataclass(frozen=True)
class MovingCamera:
    """A camera declared fixed whose view moves.

    Attributes:
        most_shift_px: largest displacement within a segment, pixels of the source.
        most_views: largest number of different views in a segment.
        moved, judged: number of segments in which the view moves, and of those in which it could be seen.
    """

    camera: str
    most_shift_px: float
    most_views: int
    moved: int
    judged: int

    @property
    def message(self) -> str:
        """Returns what an operator should know, and do."""
        how = f"moved by up to {self.most_shift_px:.0f} px"
        if self.most_views > 1:
            how += f" or turned to {self.most_views} views"
        return (
            f"camera {self.camera} is declared fixed, but its view {how} in {self.moved} of {self.judged} segments: "
            "mount it firmly, or set fixed = false in site.toml"
        )


def find_moving_cameras(site: Site) -> tuple[MovingCamera, ...]:
    """Returns the cameras declared fixed with a segment in which the view moves, by name.

    Raises:
        QueryError: the rows of ``view_motion`` cannot be read.
    """
    rows = query(
        site,
        """SELECT camera, max(most_shift_px) FILTER (WHERE moves) AS most_shift_px, max(views) AS most_views,
                  count(*) FILTER (WHERE moves) AS moved, count(moves) AS judged
           FROM view_motion GROUP BY camera HAVING moved > 0 ORDER BY camera""",
    )
    cameras = (MovingCamera(**row) for row in rows.to_pylist())
    return tuple(each for each in cameras if site.files.config.camera_view(each.camera).fixed)
