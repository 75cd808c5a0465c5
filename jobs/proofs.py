"""Has detectors prove themselves on the known picture: before they are imported, in ``doctor``, before units run.

The driver proves them, not each worker: it is the one that finds the weights and hashes them (docs/decisions/0022).
"""

from collections.abc import Collection, Mapping
from pathlib import Path

from jobs.planning.configure import ReadyOp
from ops.anonymize.detectors import MASKS
from ops.known_picture import PHOTOGRAPH, PHOTOGRAPH_PX
from ops.proof import Proof, is_detector, prove
from schemas.errors import ModelError, UserError
from schemas.values import ModelFile
from storage.photographs import read_photograph
from storage.weights.catalogue import ModelStore
from storage.weights.files import Task

REPLACE = "fetch or export them again, and import them with `nightshift models import FILE`"


def prove_model(model: ModelFile) -> Proof:
    """Proves one detector; without the photograph it stays unproven.

    Raises:
        ModelError: the weights cannot be loaded as a detector.
    """
    try:
        photograph = read_photograph(PHOTOGRAPH, PHOTOGRAPH_PX)
    except UserError as error:
        return Proof(model, "unproven", f"there is no known picture: {error}", model.classes)
    return prove(model, photograph)


def prove_ops(ops: Mapping[str, ReadyOp], names: Collection[str]) -> list[tuple[str, Proof]]:
    """Proves the detectors that ops use, each once, in the order of the ops.

    Args:
        ops: all ops by name.
        names: of the ops that are to run.

    Returns:
        Each proof with the names of the ops that use the detector, such as ``detect, anonymize``.

    Raises:
        ModelError: weights cannot be loaded as a detector.
    """
    users: dict[ModelFile, list[str]] = {}
    for name, ready in ops.items():
        for role, model in ready.models.items() if name in names else ():
            if (is_detector(model) or role == MASKS) and name not in users.setdefault(model, []):
                users[model].append(name)
    return [(", ".join(used_by), prove_model(model)) for model, used_by in users.items()]


def require_able(ops: Mapping[str, ReadyOp], names: Collection[str]) -> list[str]:
    """Makes sure that no detector that ops use is broken; returns one warning for each that could not be proven.

    Raises:
        ModelError: a detector is broken, or its weights cannot be loaded.
    """
    warnings = []
    for users, proof in prove_ops(ops, names):
        if proof.verdict == "broken":
            first = users.split(", ")[0]
            raise ModelError(f"{_describe(proof)}; {REPLACE}, or name others under [ops.{first}]")
        if proof.verdict == "unproven":
            warnings.append(f"{users}: nothing proves that weights {proof.model.name} find anything: {proof.result}")
    return warnings


def import_weights(
    models: ModelStore,
    source: Path,
    name: str | None = None,
    task: Task | None = None,
    licence: str | None = None,
    origin: str | None = None,
) -> tuple[ModelFile, Proof | None]:
    """Imports weights. A detector must prove itself first, and weights for interactions must load as QPIC.

    Arguments are those of ``ModelStore.import_model``.

    Returns:
        The imported weights, and the proof of a detector.

    Raises:
        ModelError: see ``ModelStore.import_model``; or the detector is broken, or the network is another one.
    """
    model = models.describe(source, name, task)
    if model.layout == "qpic":
        from ops.interactions.qpic.checkpoints import load_qpic

        load_qpic(model.path)
    proof = prove_model(model) if is_detector(model) else None
    if proof and proof.verdict == "broken":
        raise ModelError(f"{_describe(proof)}; nothing was imported: fetch or export them again")
    return models.import_model(source, name, task, licence, origin), proof


def _describe(proof: Proof) -> str:
    return f"weights {proof.model.name!r} ({proof.model.path}) are not able to see: {proof.result}"
