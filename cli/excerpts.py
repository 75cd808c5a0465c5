"""`still`, `clip` and `render`: a picture of raw footage, a cut of published video, and one with tracks on it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.options import HERE, LOCAL_TIME, AsOf, Camera, Json, SiteFolder, parse_local_time
from cli.output import Output, counted, duration
from jobs.commands.excerpts import Clip, write_clip, write_still
from jobs.commands.render import TRAIL_S, Rendered, RenderRequest, render_tracks
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
    _say_length(output, file, done)


def render(
    camera: Camera,
    start: Annotated[str, typer.Option("--from", metavar=LOCAL_TIME, help="Local time at which it begins.")],
    end: Annotated[str, typer.Option("--to", metavar=LOCAL_TIME, help="Local time at which it ends.")],
    target: Annotated[
        Path | None, typer.Option("-o", "--output", help="MP4 file to write.", show_default="tracks-CAMERA.mp4")
    ] = None,
    tracks: Annotated[
        list[str] | None, typer.Option("--track", help="Only this track, a track_id of tracks; repeat for more.")
    ] = None,
    labels: Annotated[
        list[str] | None, typer.Option("--label", help="Only this class, such as person; repeat for more.")
    ] = None,
    trail_s: Annotated[float, typer.Option("--trail-s", min=0, help="Length of the trails, seconds.")] = TRAIL_S,
    as_of: AsOf = None,
    folder: SiteFolder = HERE,
    as_json: Json = False,
) -> None:
    """Draw tracks, zones and counts on anonymized video of a time, to judge them by looking."""
    output = Output(as_json)
    file = target or Path(f"tracks-{camera}.mp4")
    span = (parse_local_time("--from", start), parse_local_time("--to", end))
    request = RenderRequest(camera, *span, tuple(tracks or ()), tuple(labels or ()), trail_s, as_of)
    with output.progress("render, frames") as bar:
        done = render_tracks(open_site(folder), request, file, bar.update)
    if as_json:
        drawn = [{**asdict(track), "colour": track.colour} for track in done.tracks]
        output.json({**asdict(done), "tracks": drawn, "file": str(file)})
        return
    if done.tracks:
        rows = [
            [each.number, each.track_id, each.label]
            + [
                f"{time.astimezone(done.start.tzinfo):%Y-%m-%d %H:%M:%S.%f}"[:-5]
                for time in (each.start_time, each.end_time)
            ]
            for each in done.tracks
        ]
        output.table(["number", "track_id", "label", "from", "to"], rows)
    else:
        output.say("there are no such tracks in that time: the clip shows zones and the time")
    _say_length(output, file, done)


def _say_length(output: Output, file: Path, done: Clip | Rendered) -> None:
    output.say(f"{file}: {duration(done.recorded_s)} of anonymized video from {counted(len(done.sources), 'file')}")
    missing_s = (done.end - done.start).total_seconds() - done.recorded_s
    if missing_s > 1:
        output.say(f"of the other {duration(missing_s)}, nothing is published")
