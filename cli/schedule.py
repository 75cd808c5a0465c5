"""`schedule`: prints or installs what starts a site's nights, and lists and removes what is installed."""

import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cli.account import user_name
from cli.night import Address, At, Days, Until, Workers
from cli.options import HERE, Json, SiteFolder
from cli.output import Output
from jobs.engine.options import parse_clock
from jobs.nights.window import NightWindow, parse_days
from jobs.schedules.installed import install_schedule, installed_schedules, remove_schedules, schedule_text
from jobs.schedules.schedule import Kind, Schedule
from jobs.site import open_site


def schedule_add(
    at: At,
    until: Until,
    days: Days = "mon-sun",
    kind: Annotated[Kind, typer.Option("--kind", help="What starts the nights.")] = Kind.SYSTEMD,
    install: Annotated[bool, typer.Option("--install", help="Install it; without this option it is printed.")] = False,
    purge: Annotated[
        bool | None,
        typer.Option(
            "--purge/--no-purge", help="Apply [retention] after each night.", show_default="if site.toml has limits"
        ),
    ] = None,
    workers: Workers = 0,
    address: Address = None,
    folder: SiteFolder = HERE,
    as_json: Json = False,
) -> None:
    """Print what starts a run every night, or install it with --install."""
    output = Output(as_json)
    files = open_site(folder).files
    retention = files.config.retention
    extra = [*(["--workers", str(workers)] if workers else []), *(["--address", address] if address else [])]
    schedule = Schedule(
        root=files.root.resolve(),
        site=files.config.name,
        window=NightWindow(parse_clock(at), parse_clock(until), ZoneInfo(files.config.timezone), parse_days(days)),
        user=(os.environ.get("SUDO_USER") if kind is Kind.SYSTEMD else None) or user_name(),
        purge=bool(retention.model_fields_set) if purge is None else purge,
        extra=tuple(extra),
    )
    now = datetime.now(UTC)
    if install:
        done = install_schedule(schedule, kind, now)
        output.json({"name": schedule.name, "done": done}) if as_json else output.say_lines(done)
        return
    text = schedule_text(schedule, kind, now)
    if as_json:
        output.json(text)
        return
    for place, content in text.items():
        output.say_lines([f"# {place}", *content.splitlines(), ""])


def schedule_list(as_json: Json = False) -> None:
    """List the schedules of all sites on this machine."""
    output = Output(as_json)
    found = installed_schedules()
    if as_json:
        output.json([asdict(each) for each in found])
    elif found:
        rows = [[each.site, each.nights, each.kind.value, each.name, each.where] for each in found]
        output.table(["site", "nights", "kind", "name", "where"], rows)
    else:
        output.say("this account sees no schedule on this machine")


def schedule_remove(folder: SiteFolder = HERE, as_json: Json = False) -> None:
    """Remove the schedule of this site. A night under way goes on to its end."""
    output = Output(as_json)
    done = remove_schedules(open_site(folder).files.root.resolve())
    output.json({"done": done}) if as_json else output.say_lines(done)
