"""Installs, lists and removes schedules. A site has one at most: two would only find each other's nights done."""

from datetime import datetime
from pathlib import Path

from jobs.schedules import cron, systemd
from jobs.schedules.kubernetes import manifest
from jobs.schedules.schedule import Installed, Kind, Schedule
from schemas.errors import UserError


def schedule_text(schedule: Schedule, kind: Kind, now: datetime) -> dict[str, str]:
    """Returns the files of a schedule by where they belong; nothing is installed."""
    if kind is Kind.CRON:
        return {"crontab -e": cron.crontab_block(schedule, now)}
    if kind is Kind.KUBERNETES:
        return {f"{schedule.name}.yaml": manifest(schedule)}
    folder = systemd.units_folder(kind)
    return {str(folder / file): text for file, text in systemd.unit_files(schedule, kind).items()}


def install_schedule(schedule: Schedule, kind: Kind, now: datetime) -> list[str]:
    """Installs a schedule; returns one line for each thing that was done.

    Raises:
        UserError: the site has one already, the machine lacks what starts it, or may not be changed.
    """
    for other in installed_schedules():
        if Path(other.site) == schedule.root:
            raise UserError(
                f"{schedule.root} has a schedule already: {other.name} in {other.where}, {other.nights}; "
                "`nightshift schedule remove` removes it"
            )
    if kind is Kind.KUBERNETES:
        raise UserError("--kind kubernetes is not installed from here: print it, edit it, and `kubectl apply -f` it")
    return cron.install(schedule, now) if kind is Kind.CRON else systemd.install(schedule, kind)


def installed_schedules() -> list[Installed]:
    """Returns the schedules of all sites that this account sees on this machine; Kubernetes has its own list."""
    return [*systemd.installed(Kind.SYSTEMD), *systemd.installed(Kind.SYSTEMD_USER), *cron.installed()]


def remove_schedules(root: Path) -> list[str]:
    """Removes the schedules of a site; returns one line for each thing that was done.

    Raises:
        UserError: it has none, or they may not be changed.
    """
    found = [each for each in installed_schedules() if Path(each.site) == root]
    if not found:
        raise UserError(
            f"{root} has no schedule on this machine that this account sees: see `nightshift schedule list`"
        )
    removed = ((cron.remove if each.kind is Kind.CRON else systemd.remove)(each) for each in found)
    return [line for lines in removed for line in lines]
