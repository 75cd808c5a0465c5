"""References and system outputs of NIST's ActEV: which activities are in which frames of which file."""

from pathlib import Path
from typing import Any

from pydantic import Field

from schemas.activities import ActivityInstance, ActivityLabels
from schemas.errors import UserError
from storage.activity_files.documents import Part, Signal, ranges_of, read_document, write_document
from storage.activity_files.signals import signal_of


class _Activity(Part):
    activity: str = Field(min_length=1)
    activityID: int  # noqa: N815 the name in the file
    localization: dict[str, Signal] = Field(min_length=1, max_length=1)
    presenceConf: float | None = Field(default=None, allow_inf_nan=False)  # noqa: N815


class _Labels(Part):
    filesProcessed: tuple[str, ...]  # noqa: N815
    activities: tuple[_Activity, ...]


def read_labels(path: Path, system: bool = False) -> ActivityLabels:
    """Reads a reference, or a system output.

    Args:
        system: whether each activity needs a confidence.

    Raises:
        UserError: the file is malformed; the message names file and field. An activity in several files is refused.
    """
    read: _Labels = read_document(path, _Labels, "a system output of ActEV" if system else "a reference of ActEV")
    instances = []
    for place, each in enumerate(read.activities):
        if system and each.presenceConf is None:
            raise UserError(
                f"{path}: activities.{place} ({each.activity}, activityID {each.activityID}) has no presenceConf; a "
                "system output says how sure it is of each activity"
            )
        [(file, signal)] = each.localization.items()
        confidence = 1.0 if each.presenceConf is None else each.presenceConf
        instances.append(ActivityInstance(each.activity, file, ranges_of(signal), each.activityID, confidence))
    return ActivityLabels(read.filesProcessed, tuple(instances))


def write_labels(labels: ActivityLabels, path: Path, system: bool = False) -> None:
    """Writes a reference, or a system output with confidences and a report that all files were processed."""
    content: dict[str, Any] = {"filesProcessed": list(labels.files)}
    if system:
        statuses = {file: {"status": "success", "message": ""} for file in labels.files}
        content["processingReport"] = {"fileStatuses": statuses, "siteSpecific": {}}
    content["activities"] = [
        {"activity": each.activity, "activityID": each.identity}
        | ({"presenceConf": each.confidence} if system else {})
        | {"localization": {each.file: signal_of(each.frames)}}
        for each in labels.instances
    ]
    write_document(path, content)
