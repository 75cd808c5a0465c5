"""Turns V-COCO's annotations and lists of detections into arrays (github.com/s-gupta/v-coco)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ops.interactions.scores.vcoco_roles import PredictedRoles, TrueRoles
from schemas.values import Float64

_PERSON = 1
"""COCO's category of persons."""


def action_roles(actions: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Returns the roles of each action but the agent's, in order, from the entries of a V-COCO file."""
    return {entry["action_name"]: tuple(entry["role_name"][1:]) for entry in actions}


def true_roles(actions: Sequence[Mapping[str, Any]], coco: Mapping[str, Any], images: Sequence[int]) -> list[TrueRoles]:
    """Returns the persons of each picture, and what they do.

    Args:
        actions: entries of a V-COCO file, one an action.
        coco: COCO's annotations of the same pictures.
        images: ids of the pictures.
    """
    roles = action_roles(actions)
    most = max(map(len, roles.values()))
    sizes = {image["id"]: (image["width"], image["height"]) for image in coco["images"]}
    boxes = {each["id"]: _true_box(each, *sizes[each["image_id"]]) for each in coco["annotations"]}
    persons: dict[int, list[int]] = {image: [] for image in images}
    for each in coco["annotations"]:
        if each["category_id"] == _PERSON and boxes[each["id"]] is not None and each["image_id"] in persons:
            persons[each["image_id"]].append(each["id"])
    does: dict[int, Any] = {}
    objects: dict[int, Float64] = {}
    for index, entry in enumerate(actions):
        of_roles = np.array(entry["role_object_id"], int).reshape(len(entry["role_name"]), -1).T
        for person, label, ids in zip(entry["ann_id"], entry["label"], of_roles.tolist(), strict=True):
            does.setdefault(person, np.zeros(len(actions), np.bool_))[index] = label == 1
            shown = objects.setdefault(person, np.full((len(actions), most, 4), np.nan))
            for place, thing in enumerate(ids[1:]):
                if label == 1 and boxes.get(thing) is not None:
                    shown[index, place] = boxes[thing]
    nothing, nowhere = np.zeros(len(actions), np.bool_), np.full((len(actions), most, 4), np.nan)
    return [
        TrueRoles(
            np.array([boxes[person] for person in ids], np.float64).reshape(-1, 4),
            np.array([person in does for person in ids], np.bool_),
            np.array([does.get(person, nothing) for person in ids], np.bool_).reshape(-1, len(actions)),
            np.array([objects.get(person, nowhere) for person in ids], np.float64).reshape(-1, len(actions), most, 4),
        )
        for ids in persons.values()
    ]


def _true_box(annotation: Mapping[str, Any], width: int, height: int) -> Float64 | None:
    """Returns a box within the picture as x1, y1, x2, y2 with the last pixel; None if it is empty."""
    left, top, wide, high = annotation["bbox"]
    x1, y1 = max(0.0, left), max(0.0, top)
    x2, y2 = min(width - 1.0, x1 + max(0.0, wide - 1)), min(height - 1.0, y1 + max(0.0, high - 1))
    return np.array([x1, y1, x2, y2]) if annotation["area"] > 0 and x2 >= x1 and y2 >= y1 else None


def predicted_roles(
    detections: Sequence[Mapping[str, Any]], roles: Mapping[str, Sequence[str]], images: Sequence[int]
) -> list[PredictedRoles]:
    """Returns the persons that were found in each picture.

    Args:
        detections: of all pictures: ``image_id``, ``person_box``, ``hold_agent`` with a score, ``hold_obj`` with box
            and score, and so on; a missing object has four null or NaN.
        roles: the actions with their roles.
        images: ids of the pictures.
    """
    by_image: dict[int, list[Mapping[str, Any]]] = {image: [] for image in images}
    for each in detections:
        by_image[each["image_id"]].append(each)
    return [_predicted(rows, roles) for rows in by_image.values()]


def _predicted(rows: Sequence[Mapping[str, Any]], roles: Mapping[str, Sequence[str]]) -> PredictedRoles:
    most = max(map(len, roles.values()))
    found = np.full((len(rows), len(roles), most, 5), np.nan)
    agents = np.zeros((len(rows), len(roles)))
    for row, each in enumerate(rows):
        for index, (action, names) in enumerate(roles.items()):
            agents[row, index] = each[f"{action}_agent"]
            for place, role in enumerate(names):
                found[row, index, place] = np.array(each[f"{action}_{role}"], np.float64)
    boxes = np.array([each["person_box"] for each in rows], np.float64).reshape(-1, 4)
    return PredictedRoles(boxes, agents, found[..., :4], found[..., 4])
