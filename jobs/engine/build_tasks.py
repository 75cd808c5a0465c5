"""Builds worker tasks from units of a plan: input files plus site context."""

from collections.abc import Collection, Sequence

from jobs.engine.tasks import Task, TaskInput
from jobs.planning.graph import UnitKey
from jobs.planning.unit_states import UnitStates
from schemas.values import UnitContext, UnitFile


def build_tasks(states: UnitStates, keys: Sequence[UnitKey]) -> tuple[Task, ...]:
    """Builds the tasks of units that go to a worker together, in this order."""
    together = set(keys)
    return tuple(_task(states, key, together) for key in keys)


def _task(states: UnitStates, key: UnitKey, together: Collection[UnitKey]) -> Task:
    plan = states.plan
    unit, op = plan.units[key], plan.ready.ops[key.op].op
    inputs = []
    for read in op.spec.reads:
        sources = [source.key for source in unit.sources if source.read == read]
        inside = tuple(source for source in sources if source in together)
        files = [_file(states, source, read.table) for source in sources if source not in together]
        inputs.append(TaskInput(read, tuple(file for file in files if file), inside))
    context = UnitContext(
        camera=plan.ready.site.config.camera_view(key.camera),
        date=key.date,
        unit=key.unit,
        site_crs=plan.ready.site.config.crs,
        segments=unit.segments,
        # Only for ops that declare them: zones of a large site would travel with every task.
        features=tuple(plan.ready.features_of(key.camera)) if "layers" in op.spec.uses else (),
    )
    return Task(key, states.fingerprint(key), states.ingredients(key), context, tuple(inputs))


def _file(states: UnitStates, key: UnitKey, table: str) -> UnitFile | None:
    """Returns where a source's rows are; None if it has no result, or gave no rows of this table."""
    receipt = states.receipt(key)
    return UnitFile(receipt.files[table], receipt.unit_tag) if receipt and receipt.files.get(table) else None
