"""Builds worker tasks from units of a plan: input files plus site context."""

from collections.abc import Sequence

from jobs.engine.tasks import Task, TaskInput
from jobs.planning.graph import UnitKey
from jobs.planning.unit_states import UnitStates
from schemas.values import UnitContext, UnitFile


def build_tasks(states: UnitStates, keys: Sequence[UnitKey]) -> tuple[Task, ...]:
    """Builds the tasks of units that go to a worker together, in this order."""
    plan, tasks = states.plan, []
    for key in keys:
        unit, op = plan.units[key], plan.ready.ops[key.op].op
        inputs = []
        for read in op.spec.reads:
            sources = [source.key for source in unit.sources if source.read == read]
            inside = tuple(source for source in sources if source in keys)
            receipts = {source: states.receipt(source) for source in sources if source not in inside}
            # A receipt without a file of this table is of a result without rows; no receipt is no result at all.
            files = [
                UnitFile(receipt.files[read.table], receipt.unit_tag)
                for receipt in receipts.values()
                if receipt and receipt.files.get(read.table)
            ]
            missing = [source for source, receipt in receipts.items() if receipt is None and read.required]
            inputs.append(TaskInput(read, tuple(files), inside, tuple(missing)))
        context = UnitContext(
            camera=plan.ready.site.config.camera_view(key.camera),
            date=key.date,
            unit=key.unit,
            site_crs=plan.ready.site.config.crs,
            segments=unit.segments,
            # Only for ops that declare them: zones of a large site would travel with every task.
            features=tuple(plan.ready.features_for(key.op, key.camera)),
            tuned=plan.ready.tuned_params(key.op, key.camera),
            stereo=plan.ready.stereo.get(key.camera) if "stereo" in op.spec.uses else None,
        )
        tasks.append(Task(key, states.fingerprint(key), states.ingredients(key), context, tuple(inputs)))
    return tuple(tasks)
