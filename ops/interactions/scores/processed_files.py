"""Checks that labels are about the files that are scored, as NIST's scorer does."""

from schemas.activities import ActivityInstance, ActivityLabels, FileIndex
from schemas.errors import UserError


def instances_in_index(
    labels: ActivityLabels, files: FileIndex, ignore_extra: bool = False, ignore_missing: bool = False
) -> tuple[ActivityInstance, ...]:
    """Returns the instances of labels that are in files of an index.

    Args:
        labels: their ``files`` are those that somebody labelled or a system processed.
        ignore_extra: leaves out files that the index lacks, with what is in them (option ``-F`` of NIST's scorer).
        ignore_missing: accepts files of the index that were not processed; nothing is found in them (option
            ``--ignore-missing-files``).

    Raises:
        UserError: the files differ from those of the index.
    """
    named = {*labels.files, *(each.file for each in labels.instances)}
    if not ignore_extra and (extra := sorted(named - set(files))):
        raise UserError(f"{_some(extra)} is labelled but not in the file index; add it there, or leave such files out")
    if not ignore_missing and (missing := sorted(set(files) - set(labels.files))):
        raise UserError(
            f"{_some(missing)} is in the file index, but not in filesProcessed; name each file there that was watched, "
            "even if nothing happens in it"
        )
    return tuple(each for each in labels.instances if each.file in files)


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} (and {len(names) - 1} more)"
