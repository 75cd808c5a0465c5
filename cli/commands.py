"""Which function each command is. A command's module is imported when that command runs: Ray, PyTorch and OpenCV take
seconds to load, and most commands need none of them."""

import ast
import importlib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple


class Command(NamedTuple):
    """A command's function, by name."""

    module: str
    function: str

    def load(self) -> Callable[..., int | None]:
        """Imports the function."""
        function: Callable[..., int | None] = getattr(importlib.import_module(self.module), self.function)
        return function

    def summary(self) -> str:
        """Returns the function's docstring, without importing its module: the list of commands needs no more."""
        return _docstrings(self.module)[self.function]


COMMANDS = {
    "init": Command("cli.site", "init"),
    "scan": Command("cli.site", "scan"),
    "status": Command("cli.site", "status"),
    "log": Command("cli.logs", "log"),
    "doctor": Command("cli.site", "doctor"),
    "plan": Command("cli.run", "plan"),
    "run": Command("cli.run", "run"),
    "submit": Command("cli.submit", "submit"),
    "watch": Command("cli.watch", "watch"),
    "night": Command("cli.night", "night"),
    "tune": Command("cli.tune", "tune"),
    "reprocess": Command("cli.reprocess", "reprocess"),
    "diff": Command("cli.reprocess", "diff"),
    "sql": Command("cli.results", "sql"),
    "try-rules": Command("cli.try_rules", "try_interaction_rules"),
    "search": Command("cli.search", "search"),
    "export": Command("cli.exports", "export"),
    "map": Command("cli.pages", "draw_map"),
    "report": Command("cli.pages", "report"),
    "still": Command("cli.excerpts", "still"),
    "clip": Command("cli.excerpts", "clip"),
    "render": Command("cli.excerpts", "render"),
    "calibrate": Command("cli.calibrate", "calibrate"),
    "audit": Command("cli.privacy", "audit"),
    "sign-off": Command("cli.privacy", "sign_off"),
    "subject-access": Command("cli.privacy", "subject_access"),
    "compact": Command("cli.maintenance", "compact"),
    "verify": Command("cli.maintenance", "verify"),
    "repair": Command("cli.maintenance", "repair"),
    "hold": Command("cli.holds", "hold"),
    "purge": Command("cli.maintenance", "purge"),
    "demo": Command("cli.demo", "demo"),
}
"""Every command, in the order of ``--help``."""

MODEL_COMMANDS = {
    "list": Command("cli.models", "models_list"),
    "import": Command("cli.models", "models_import"),
    "convert": Command("cli.models", "models_convert"),
    "verify": Command("cli.models", "models_verify"),
}
"""The commands below ``models``."""

TRAIN_COMMANDS = {"interactions": Command("cli.train", "interactions")}
"""The commands below ``train``."""

EVAL_COMMANDS = {
    "tracks": Command("cli.evaluate", "evaluate"),
    "interactions": Command("cli.evaluate_interactions", "evaluate_interactions"),
    "boxes3d": Command("cli.evaluate_boxes3d", "evaluate_boxes3d"),
}
"""The commands below ``eval``."""


REVIEW_COMMANDS = {
    "list": Command("cli.reviews", "review_list"),
    "clip": Command("cli.reviews", "review_clip"),
    "answer": Command("cli.reviews", "review_answer"),
}
"""The commands below ``review``."""

SCHEDULE_COMMANDS = {
    "add": Command("cli.schedule", "schedule_add"),
    "list": Command("cli.schedule", "schedule_list"),
    "remove": Command("cli.schedule", "schedule_remove"),
}
"""The commands below ``schedule``."""


class Group(NamedTuple):
    """Commands below one word; ``default`` is the one that runs where none is named."""

    summary: str
    commands: Mapping[str, Command]
    default: str | None = None


GROUPS = {
    "schedule": Group(
        "Start a run every night by systemd, cron or Kubernetes; list and remove schedules.", SCHEDULE_COMMANDS, "add"
    ),
    "models": Group("List, import, convert and verify model weights.", MODEL_COMMANDS),
    "train": Group("Train networks on labelled pictures.", TRAIN_COMMANDS),
    "eval": Group(
        "Score tracks, interactions or 3D boxes against what a person labelled.", EVAL_COMMANDS, default="tracks"
    ),
    "review": Group("Say whether interactions are right, which calibrates their scores.", REVIEW_COMMANDS),
}
"""Every group of commands, in the order of ``--help``."""


@cache
def _docstrings(module: str) -> dict[str, str]:
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None, f"{module} is part of this package"
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    return {each.name: ast.get_docstring(each) or "" for each in tree.body if isinstance(each, ast.FunctionDef)}
