"""What looks at frames beside the detector: second detectors for what was encoded, and what finds poses."""

from dataclasses import dataclass

from ops.anonymize.cover.pose import open_pose
from ops.anonymize.cover.skeleton import PoseFinder
from ops.anonymize.params import PEOPLE, AnonymizeParams
from ops.anonymize.verify.faces import FaceDetector
from ops.anonymize.verify.people import SecondDetector, open_people
from schemas.op import Models

VERIFIER, FACES, POSE = "verifier", "faces", "pose"
"""What weights are for."""

HOG = "HOG"


@dataclass(frozen=True)
class DetectorSet:
    """Detectors that are open.

    Attributes:
        people, faces: look at what was encoded; None: nothing does.
        pose: finds poses; for the mode ``skeleton``.
        models: the weights that all of them use.
    """

    people: SecondDetector | None
    faces: SecondDetector | None
    pose: PoseFinder | None
    models: Models

    @classmethod
    def open(cls, params: AnonymizeParams, models: Models, cpus: int) -> "DetectorSet":
        """Loads what the parameters ask for, of the weights that are at hand.

        Raises:
            ModelError: weights are damaged or for something else.
        """
        looks = params.verify_fps > 0 and not PEOPLE.isdisjoint(params.targets)
        people = open_people(models.get(VERIFIER), cpus) if looks and params.verify_model != "none" else None
        faces = FaceDetector(models[FACES], cpus) if looks and FACES in models else None
        pose = open_pose(models[POSE], cpus) if params.mode == "skeleton" else None
        return cls(people, faces, pose, models)

    @property
    def names(self) -> tuple[str, ...]:
        """What looks at what was encoded, for people."""
        people = self.models[VERIFIER].name if VERIFIER in self.models else HOG
        found = [f"detector {people}"] if self.people is not None else []
        return (*found, f"face {self.models[FACES].name}") if self.faces is not None else tuple(found)
