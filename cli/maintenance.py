"""`compact`, `verify`, `repair` and `purge`: maintains a store."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime

from cli.options import HERE, DryRun, Json, SiteFolder, Yes
from cli.output import Output, counted
from jobs.commands.purge import PurgePlan, apply_purge, plan_purge
from jobs.site import open_site
from schemas.errors import SelectionError
from storage.maintenance import compaction
from storage.maintenance.problems import Problem, UnitName
from storage.maintenance.repair import Repair
from storage.maintenance.repair import repair as repair_files
from storage.maintenance.retention import KeptFile
from storage.maintenance.sweep import sweep
from storage.maintenance.verify import Verification
from storage.maintenance.verify import verify as verify_files
from storage.store.store import Store

SHOWN_UNITS = 3


def compact(folder: SiteFolder = HERE, as_json: Json = False) -> None:
    """Make the store smaller and faster: merge small files, and move receipts into the manifest."""
    output = Output(as_json)
    store = Store.create(open_site(folder).files.store)
    with output.progress("compact") as bar:
        done = compaction.compact(store, on_progress=bar.update)
    swept = sweep(store)
    if as_json:
        output.json({**asdict(done), "swept": swept})
        return
    output.say(
        f"{done.receipts} receipts moved into the manifest, {done.merged} files merged into {done.written}; "
        f"{done.deleted} replaced files and {len(swept)} leftovers removed"
    )


def verify(folder: SiteFolder = HERE, as_json: Json = False) -> int:
    """Compare every file with its recorded hash. Exit code 1 if one is damaged, missing, unknown or open to others."""
    output = Output(as_json)
    site = open_site(folder)
    with output.progress("verify, bytes") as bar:
        found = verify_files(site.store, bar.update)
    code = 1 if found.to_repair else 0
    if as_json:
        output.json({"files": found.files, "size_bytes": found.size_bytes, "problems": _problems(found.problems)})
        return code
    _show_problems(output, found.problems)
    output.say(
        f"{counted(found.files, 'file')} ({size(found.size_bytes)}) verified: "
        + (f"{counted(len(found.to_repair), 'problem')}; see `nightshift repair`" if code else "no problems")
    )
    return code


def repair(folder: SiteFolder = HERE, yes: Yes = False, dry_run: DryRun = False, as_json: Json = False) -> int:
    """Remove damaged results from the store, so that the next run computes them again. The archive is never touched."""
    _check_one(yes, dry_run)
    output = Output(as_json)
    site = open_site(folder)
    with output.progress("repair, bytes") as bar:
        if not yes:
            _show_repairable(output, verify_files(site.store, bar.update))
            return 0
        done = repair_files(Store.create(site.files.store), bar.update)
    _show_repair(output, done)
    return 1 if done.unrepairable else 0


def purge(folder: SiteFolder = HERE, yes: Yes = False, dry_run: DryRun = False, as_json: Json = False) -> int:
    """Delete footage, results and published video that are past their limit in [retention] of site.toml."""
    _check_one(yes, dry_run)
    output = Output(as_json)
    site = open_site(folder)
    now = clock()
    store = Store.create(site.files.store) if yes else site.store
    plan = plan_purge(site.files, store, now)
    kept = plan.kept
    if yes:
        with output.progress("purge") as bar:
            kept = apply_purge(site.files, store, plan, now, bar.update)
    for problem in plan.problems:
        output.warn(f"{problem}; the results it names are not purged: see `nightshift repair`")
    code = 1 if yes and (kept or plan.problems) else 0
    if as_json:
        held, unprocessed = ([asdict(item) for item in items] for items in (plan.held, plan.unprocessed))
        shown = {"purged": _records(plan), "kept": [asdict(item) for item in kept]}
        output.json({"done": yes, **shown, "held": held, "unprocessed": unprocessed})
        return code
    _show_plan(output, plan, kept)
    if not plan.records:
        output.say("nothing else is past its limit" if plan.held else "nothing is past its limit")
    else:
        output.say(_total(plan) + (" deleted" if yes else " would be deleted; --yes deletes"))
    return code


def clock() -> datetime:
    """Returns the time against which ages are measured; tests replace it."""
    return datetime.now(UTC)


def size(size_bytes: float) -> str:
    """Returns a number of bytes in the unit that people read."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "bytes" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:,.1f} TB"


def _check_one(yes: bool, dry_run: bool) -> None:
    if yes and dry_run:
        raise SelectionError("--yes and --dry-run contradict each other: give one of them")


def _problems(problems: Iterable[Problem]) -> list[dict[str, object]]:
    return [
        {"kind": each.kind.value, "file": each.name, "detail": each.detail, "units": [_unit(u) for u in each.units]}
        for each in problems
    ]


def _unit(unit: UnitName) -> dict[str, str]:
    return unit._asdict()


def _show_problems(output: Output, problems: Iterable[Problem]) -> None:
    rows = []
    for problem in problems:
        names = [" ".join(unit[:4]) for unit in problem.units]
        more = [f"and {len(names) - SHOWN_UNITS} more"] if len(names) > SHOWN_UNITS else []
        rows.append([problem.kind.value, problem.name, problem.detail, ", ".join(names[:SHOWN_UNITS] + more)])
    if rows:
        output.table(["kind", "file", "detail", "units"], rows)


def _show_units(output: Output, units: Iterable[UnitName], what: str) -> None:
    for op, count in sorted(Counter(unit.op for unit in units).items()):
        output.say(f"  {op}: {count} units {what}")


def _records(plan: PurgePlan) -> list[dict[str, object]]:
    return [{**asdict(record), "units": len(record.units)} for record in plan.records]


def _show_repairable(output: Output, found: Verification) -> None:
    units = sorted({unit for problem in found.to_repair for unit in problem.units})
    if output.as_json:
        output.json({"done": False, "problems": _problems(found.to_repair), "units": list(map(_unit, units))})
        return
    _show_problems(output, found.to_repair)
    _show_units(output, units, "would run again")
    output.say("nothing was changed; --yes repairs" if found.to_repair else "no problems: nothing to repair")


def _show_repair(output: Output, done: Repair) -> None:
    left = done.verification.to_repair
    problems = [*done.manifest, *done.torn, *left, *(each for each in done.exposed if each not in left)]
    if output.as_json:
        units, lost = list(map(_unit, done.dropped)), done.lost_receipts
        found = {"problems": _problems(problems), "units": units, "lost_receipts": lost, "deleted": done.deleted}
        output.json({"done": True, **found})
        return
    _show_problems(output, problems)
    _show_units(output, done.dropped, "will run again")
    if done.manifest:
        output.say(f"the manifest was rebuilt; {done.lost_receipts} receipts are lost: their units run again")
    if done.unrepairable:
        output.say(f"{len(done.unrepairable)} problems cannot be repaired: see the details")
    elif problems or done.deleted:
        removed = counted(len(done.deleted), "file")
        output.say(f"repaired; {removed} removed; the next `nightshift run` computes what is missing")
    else:
        output.say("no problems: nothing to repair")


def _show_plan(output: Output, plan: PurgePlan, kept: Iterable[KeptFile]) -> None:
    unprocessed = Counter((each.camera, each.date, "footage") for each in plan.unprocessed)
    rows = []
    for each in plan.records:
        never = unprocessed[each.camera, each.date, each.what] or ""
        counts = [len(each.units), each.files, each.rows, size(each.size_bytes), never]
        rows.append([each.camera, each.date, each.what, each.rule, *counts])
    if rows:
        output.table(["camera", "date", "what", "rule", "units", "files", "rows", "size", "never processed"], rows)
    if plan.unprocessed:
        count, first = len(plan.unprocessed), plan.unprocessed[0].path
        output.say(f"no op ever processed {count} of these footage files, such as {first}: `--json` lists them all")
    held_rows = [[each.camera, each.date, each.what, each.units, each.hold_id, each.reason] for each in plan.held]
    if held_rows:
        output.table(["camera", "date", "what", "units", "hold", "reason"], held_rows, "past their limit, but held")
    kept_rows = [[item.path, item.reason] for item in kept]
    if kept_rows:
        output.table(["footage", "reason"], kept_rows, "past their limit, but kept")


def _total(plan: PurgePlan) -> str:
    units, rows = sum(len(record.units) for record in plan.records), sum(record.rows for record in plan.records)
    return f"{units} units, {rows} rows, {size(sum(record.size_bytes for record in plan.records))}"
