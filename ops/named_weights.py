"""Ops that are off until their parameter ``model`` names weights."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from schemas.errors import ModelError
from schemas.op import ModelRequest, Models, Op
from schemas.values import ModelFile


class NamedWeightsOp(Op):
    """An op that runs the weights that ``params.model`` names, and nothing without them.

    Attributes:
        task: what the weights are for.
        role: their name among the op's weights.
        how_to_get: what a message says to do where they are missing.
    """

    task: ClassVar[Literal["depth", "interactions", "pose"]]
    role: ClassVar[str]
    how_to_get: ClassVar[str] = "put them into the site's models/"

    @property
    def enabled(self) -> bool:
        """Whether weights are named."""
        return bool(self.params.model)

    @property
    def model_requests(self) -> Mapping[str, ModelRequest]:
        """Asks for the weights named."""
        return {self.role: ModelRequest(self.params.model, self.task, required=True)} if self.enabled else {}

    def weights_of(self, models: Models) -> ModelFile:
        """Returns the weights named.

        Raises:
            ModelError: they are missing.
        """
        if self.role not in models:
            raise ModelError(f"weights {self.params.model!r} for {self.task} are missing; {self.how_to_get}")
        return models[self.role]
