"""The backlog of a site: what is left to do, and when nights at the present pace will have caught up."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CameraBacklog:
    """What is left of one camera.

    Attributes:
        units: units of work.
        footage_s: length of the footage behind them, each second once.
        work_s: estimated seconds of one worker, at the speed of past runs on this camera.
        oldest: the earliest local day of that footage.
    """

    camera: str
    units: int
    footage_s: float
    work_s: float
    oldest: str


@dataclass(frozen=True)
class Backlog:
    """What is left of all cameras. Work is in seconds of one worker.

    Attributes:
        cameras: those with something left, most work first.
        pace: seconds of work that the last runs did per second; None if none did any.
        night_s: length of the site's nights; None if no schedule has started one.
        new_work_s: work of the footage that is recorded between two nights; None if nothing is measured.
        nights: nights until nothing is left; 0 now, None if unknown or if each night brings more than it does.
        caught_up: local day on which the last of these nights begins.
    """

    cameras: tuple[CameraBacklog, ...]
    pace: float | None
    night_s: float | None
    new_work_s: float | None
    nights: int | None
    caught_up: str | None

    @property
    def units(self) -> int:
        """Units of work that are left."""
        return sum(camera.units for camera in self.cameras)

    @property
    def work_s(self) -> float:
        """Estimated work that is left."""
        return sum(camera.work_s for camera in self.cameras)

    @property
    def grows(self) -> bool:
        """Whether each night brings at least as much work as it can do."""
        return self.nights is None and None not in (self.pace, self.night_s, self.new_work_s)

    @property
    def is_behind(self) -> bool:
        """Whether the next night will not do all that is left."""
        return self.grows or (self.nights or 0) > 1

    @property
    def text(self) -> str:
        """What is left and when it is done, as one line."""
        if not self.units:
            return "nothing is left"
        left = f"{self.units:,} units are left"
        if self.pace is None:
            return f"{left}; no run has shown yet how long they take"
        left += f", {_hours(self.work_s / self.pace)} of running at the pace of the last runs"
        if self.night_s is None or self.new_work_s is None:
            return left
        if self.nights is None:
            new, night = _hours(self.new_work_s / self.pace), _hours(self.night_s)
            return f"{left}; at this pace never: a night lasts {night}, and {new} of new work comes with each"
        nights = "the next night" if self.nights == 1 else f"{self.nights} nights"
        return f"{left}; caught up after {nights}, that of {self.caught_up}"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"
