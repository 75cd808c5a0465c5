"""`audit`, `sign-off` and `subject-access`: shows audits of published video, records who looked, makes one visible."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.account import user_name
from cli.options import HERE, Json, SiteFolder
from cli.output import Output
from jobs.commands.audits import AuditedFootage, read_audit, write_contact_sheet
from jobs.commands.sign_offs import SignOffRequest
from jobs.commands.sign_offs import sign_off as record_sign_off
from jobs.commands.subject_access import export_subject_access
from jobs.site import open_site
from storage.exports.sign_off_records import Verdict, describe

TRACKS_SHOWN = 20
ENDS = ("start_time", "end_time")
_NOT_STATED = {"sentences": ["not stated by an audit of a former version: `nightshift run --ops audit` writes another"]}

Footage = Annotated[
    str,
    typer.Argument(
        metavar="FOOTAGE", help="Footage id, the beginning of one, or the path of the original or the published file."
    ),
]


def audit(
    footage: Footage,
    folder: SiteFolder = HERE,
    sheet: Annotated[
        Path | None,
        typer.Option("--sheet", help="HTML file to write the frames that need review to.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> int:
    """Show how a published file was made and verified, and what may remain visible. Exit code 1 if it was altered."""
    output = Output(as_json)
    site = open_site(folder)
    found = read_audit(site, footage)
    for problem in found.problems:
        output.warn(problem)
    frames = None if sheet is None else write_contact_sheet(site, found, audit_facts(found), sheet)
    if as_json:
        made_by = [{"op": op, "version": version, "weights": weights} for op, version, weights in found.made_by]
        files = {"video": found.video_state, "audit": found.audit_state}
        shown = {"audit": found.document, "made_by": made_by, "files": files, "sheet_frames": frames}
        output.json({**shown, "sign_offs": [asdict(each) for each in found.sign_offs]})
    else:
        _show(output, found)
        if sheet is not None:
            output.say(f"{frames} frames to review written to {sheet}")
    return 1 if found.problems else 0


def sign_off(
    footage: Footage,
    verdict: Annotated[Verdict, typer.Option("--verdict", help="What you decided.")],
    by: Annotated[str, typer.Option("--by", help="Your name; it is recorded.")],
    sheet: Annotated[
        Path | None,
        typer.Option(
            "--sheet", help="The sheet that you looked at; leave it out for the video itself.", show_default=False
        ),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="Anything worth knowing, such as what you saw.")] = "",
    folder: SiteFolder = HERE,
    as_json: Json = False,
) -> None:
    """Record that you looked at a published file, and what you decided. It holds for these bytes of the file only."""
    output = Output(as_json)
    request = SignOffRequest(footage, verdict, by, user_name(), sheet, note)
    done = record_sign_off(open_site(folder), request, datetime.now(UTC))
    if as_json:
        output.json({**asdict(done.sign_off), "recorded": done.is_new})
        return
    output.say(f"{done.sign_off.path}: {describe(done.sign_off)}")
    if not done.is_new:
        output.say("that was recorded before; nothing was changed")


def subject_access(
    footage: Footage,
    track: Annotated[str, typer.Option("--track", help="Track to leave visible: a track_id of the table tracks.")],
    reason: Annotated[str, typer.Option("--reason", help="Why the person may see it; it is recorded.")],
    target: Annotated[Path, typer.Option("--out", help="MP4 file to write; it must not exist yet.")],
    folder: SiteFolder = HERE,
    as_json: Json = False,
) -> None:
    """Export published footage with one person visible and all others covered. The export is recorded."""
    output = Output(as_json)
    site = open_site(folder)
    with output.progress("subject access, frames") as bar:
        done = export_subject_access(site, footage, track, reason, target, user_name(), datetime.now(UTC), bar.update)
    if as_json:
        output.json(asdict(done))
        return
    output.say(f"track {track} is visible in {done.visible_frames} of {done.frames} frames of {target}")
    output.say(f"recorded as export {done.export_id}; review all of it before you hand it over")


def audit_facts(found: AuditedFootage) -> list[tuple[str, str]]:
    """Returns the main facts of an audit, as names and values."""
    document, published = found.document, found.published
    source, result, covering, leak = (document[name] for name in ("input", "output", "covering", "residual_leak"))
    mode = document["mode"]
    withstands = ", ".join(f"{risk.replace('_', ' ')}: {degree}" for risk, degree in mode["withstands"].items())
    return [
        ("camera", source["camera"]),
        ("original", f"{published.footage['path']}, sha256 {published.footage['content_sha256']}"),
        ("published", f"{published.video['path']}, sha256 {result['sha256']}"),
        ("time", " to ".join(published.local_text(datetime.fromisoformat(source[end])) for end in ENDS)),
        ("mode", f"{mode['name']}: {mode['summary']}"),
        ("residual risk", mode["residual_risk"]),
        ("withstands", withstands),
        ("covers", ", ".join(document["targets"] or []) or "not recorded"),
        ("privacy masks", str(len(document["privacy_masks"]["polygons"]))),
        ("frames", f"{source['frames']} in, {result['frames']} out"),
        ("frames that cannot be decoded", _known(covering["frames_lost"])),
        ("frames that repeat the one before", _known(covering["frames_repeated"])),
        ("frames with anything covered", f"{covering['covered_frames']}; {covering['covered_share']:.1%} of the area"),
        ("frames compared with a background", _known(covering["background_frames"])),
        ("frames verified", f"{_known(covering['verified_frames'])}, by {_list(covering['verified_by'])}"),
        ("found there and then covered", _known(covering["verifier_findings"])),
        ("frames widened", _known(covering["frames_widened"])),
        ("frames covered whole", _known(covering["frames_whole"])),
        ("head zones left uncovered", f"{leak['leaks']} of {leak['checks']} checked, on {leak['tracks']} tracks"),
        ("residual leak", _bound(leak)),
        ("what this bounds", leak["bounds"]),
        ("what it does not bound", leak["does_not_bound"]),
        *(("could not be seen", sentence) for sentence in document.get("not_seen", _NOT_STATED)["sentences"]),
        ("signed off", "; ".join(map(describe, found.sign_offs)) or "by nobody yet"),
        ("made by", "; ".join(f"{op} {version}, weights {weights}" for op, version, weights in found.made_by)),
    ]


def _bound(leak: dict[str, Any]) -> str:
    if leak["upper_bound"] is None:
        return "not known"
    return (
        f"at most {leak['upper_bound']:.3%} of head zones, at most {leak['tracks_upper_bound']:.1%} of tracks, "
        f"with {leak['confidence']:.0%} confidence ({leak['method']})"
    )


def _known(value: object) -> str:
    return "not recorded" if value is None else str(value)


def _list(values: list[str] | None) -> str:
    return "detectors that are not recorded" if values is None else ", ".join(values) or "nothing"


def _show(output: Output, found: AuditedFootage) -> None:
    output.say(f"{found.document['statement']}")
    output.say("")
    for name, value in audit_facts(found):
        output.say(f"{name}: {value}")
    tracks = sorted(found.document["tracks"], key=lambda track: (track["least_head_cover"], track["tracklet_id"]))
    if tracks:
        columns = ["tracklet_id", "frames", "leaks", "least_head_cover", "height_px", "px_per_m", "iec_62676_4_2025"]
        output.say("")
        output.table(
            ["tracklet", "frames", "leaks", "least head cover", "height px", "px/m", "IEC 62676-4:2025"],
            [[track[name] for name in columns] for track in tracks[:TRACKS_SHOWN]],
            "tracks, least covered first",
        )
    if len(tracks) > TRACKS_SHOWN:
        output.say(f"… {len(tracks) - TRACKS_SHOWN} more; --json lists them all")
    if not found.problems:
        output.say("the published file is unaltered")
