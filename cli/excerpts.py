"""`still` and `clip`: a picture of raw footage for calibration, and a cut of published video."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.options import HERE, LOCAL_TIME, Camera, Json, SiteFolder, parse_local_time
from cli.output import Output, counted, duration
from jobs.commands.excerpts import write_clip, write_still
from jobs.site import open_site


def still(
    camera: Camera,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar=LOCAL_TIME, help="Local time of the frame.", show_default="newest footage"),
    ] = None,
    target: Annotated[
        Path | None, typer.Option("-o", "--output", help="PNG file to write.", show_default="still-CAMERA.png")
    ] = None,
    folder: SiteFolder = HERE,
    as_json: Json = False,
) -> None:
    """Write a full-size frame of raw footage, for calibration. Only you can read the file."""
    output = Output(as_json)
    file = target or Path(f"still-{camera}.png")
    done = write_still(open_site(folder), camera, file, None if at is None else parse_local_time("--at", at))
    if as_json:
        output.json({**asdict(done), "file": str(file)})
        return
    width, height = done.size_px
    output.say(f"{file}: {width} x {height} pixels, of {done.source}; image_size = [{width}, {height}] in site.toml")
    output.say("it is raw footage, in which people can be recognized: delete it after the calibration")


def clip(
    camera: Camera,
    start: Annotated[str, typer.Option("--from", metavar=LOCAL_TIME, help="Local time at which it begins.")],
    end: Annotated[str, typer.Option("--to", metavar=LOCAL_TIME, help="Local time at which it ends.")],
    target: Annotated[
        Path | None, typer.Option("-o", "--output", help="MP4 file to write.", show_default="clip-CAMERA.mp4")
    ] = None,
    folder: SiteFolder = HERE,
    as_json: Json = False,
) -> None:
    """Cut anonymized video of a time. Only published video is used, never raw footage."""
    output = Output(as_json)
    file = target or Path(f"clip-{camera}.mp4")
    done = write_clip(open_site(folder), camera, parse_local_time("--from", start), parse_local_time("--to", end), file)
    if as_json:
        output.json({**asdict(done), "file": str(file)})
        return
    asked_s = (done.end - done.start).total_seconds()
    output.say(f"{file}: {duration(done.recorded_s)} of anonymized video from {counted(len(done.sources), 'file')}")
    if done.recorded_s < asked_s - 1:
        output.say(f"of the other {duration(asked_s - done.recorded_s)}, nothing is published")
