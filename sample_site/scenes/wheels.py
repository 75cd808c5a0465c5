"""Scenes with vehicles: ridden and pushed bicycles, a pushed cart, and a car that people leave, enter and load."""

from typing import Literal

from sample_site.geometry import Point
from sample_site.scenes.floor import CAR_LENGTH_M, CAR_WIDTH_M, DOOR, LOT, beside_picture
from sample_site.stage import Performer, Stage, Thing

_DOOR_M, _BESIDE_M = 0.35, 0.4
"""Distance of the driver's door from the middle of the car, and of a person at the door from the car."""

_AT_DOOR_S = 2.0


def ride(stage: Stage, at_s: float, y: float, left: bool, speed_m_s: float, colour: str) -> float:
    """Somebody rides a bicycle across the picture."""
    rider = stage.person("rider", at_s, beside_picture(y, left), speed_m_s).to(*beside_picture(y, not left))
    rider.pose("rides", at_s, rider.now)
    bicycle(stage, colour).ridden(rider, at_s)
    return rider.now


def push(stage: Stage, at_s: float, y: float, left: bool, toward_m: float, what: Literal["bicycle", "cart"]) -> float:
    """Somebody walks a bicycle or a cart across the picture."""
    person = stage.person("pusher", at_s, beside_picture(y, left), 1.1).to(*beside_picture(y, not left))
    if what == "bicycle":
        bicycle(stage, "green").pushed(person, at_s, toward_m=toward_m)
    else:
        stage.thing("cart", "cart", "cart", 1.0, 0.5, 0.3).pushed(person, at_s, 0.85, toward_m)
    return person.now


def bicycle(stage: Stage, colour: str) -> Thing:
    """Returns a bicycle, ``green`` or ``blue``."""
    return stage.thing("bicycle", "bicycle", f"bicycle-{colour}", 1.05, 0.7, 0.3)


def arrive(stage: Stage, at_s: float, colour: str) -> tuple[Thing, Performer]:
    """A car comes from the right and stops; its driver gets out and walks to the door of the hall."""
    start = beside_picture(LOT[1], False, CAR_LENGTH_M)
    driver = stage.person("driver", at_s, start)
    car = a_car(stage, colour).driven(driver)
    driver.to(LOT[0] + 1.5, LOT[1], 3.0).to(*LOT, 1.2)
    car.rests(*LOT, at_s=driver.now)
    driver.wait(2.5)
    # It heads to the left, so the door ahead of its middle is there too.
    out_s = driver.now
    driver.to(*_door(LOT), speed_m_s=20.0)
    driver.pose("inside", at_s, driver.now)
    driver.wait(_AT_DOOR_S)
    stage.record("exits_vehicle", driver, car, out_s, driver.now)
    driver.to(LOT[0] - 3.1, LOT[1] - 0.8).to(8.3, 2.0).along(*DOOR[::-1])
    return car, driver


def leave(stage: Stage, at_s: float, car: Thing, from_right: bool) -> float:
    """Somebody walks to the car, gets in, and backs out to the right."""
    start = beside_picture(-2.6, False) if from_right else DOOR[0]
    driver = stage.person("driver", at_s, start)
    if not from_right:
        driver.along(*DOOR[1:]).to(8.3, 2.0).to(LOT[0] - 3.1, LOT[1] - 0.8)
    driver.to(*_door(LOT))
    at_door_s = driver.now
    driver.wait(_AT_DOOR_S)
    stage.record("enters_vehicle", driver, car, at_door_s, driver.now)
    in_s = driver.now
    driver.to(*LOT, speed_m_s=20.0).wait(2.5)
    car.driven(driver, backwards=True)
    driver.to(LOT[0] + 1.5, LOT[1], 1.2).to(*beside_picture(LOT[1], False, CAR_LENGTH_M), 3.0)
    driver.pose("inside", in_s, driver.now + 1.0)
    car.gone(driver.now)
    return driver.now


def load(stage: Stage, at_s: float, car: Thing, trips: int, unload: bool) -> float:
    """Somebody goes to and fro at the rear of the car, and puts a suitcase into it, or takes one out."""
    person = stage.person("loader", at_s, beside_picture(-3.0, False))
    case = stage.luggage("bag")
    rear = (LOT[0] + CAR_LENGTH_M / 2 + 0.35, LOT[1] + 0.1)
    if not unload:
        case.carried(person)
    person.to(rear[0] + 0.6, -2.2).to(*rear)
    begun_s = person.now
    person.wait(3.0)
    if not unload:
        case.gone(person.now - 1.0)
    for _ in range(trips):
        person.to(rear[0] + 0.7, rear[1] - 0.5, 0.8).wait(1.0).to(*rear, 0.8).wait(2.5)
    if unload:
        case.carried(person, person.now - 1.0)
    stage.record("loads_unloads", person, car, begun_s, person.now)
    person.to(rear[0] + 0.6, -2.2).to(*beside_picture(-3.2, False))
    return person.now


def ride_along(stage: Stage, at_s: float, car: Thing, seconds: float) -> float:
    """Somebody gets into the car on its far side, and out again after a while."""
    far = (LOT[0] - 0.6, LOT[1] + CAR_WIDTH_M + 0.3)
    person = stage.person("passenger", at_s, DOOR[0]).along(*DOOR[1:]).to(far[0] - 1.5, far[1] + 1.0).to(*far)
    at_door_s = person.now
    person.wait(_AT_DOOR_S)
    stage.record("enters_vehicle", person, car, at_door_s, person.now)
    person.pose("inside", person.now, person.now + seconds)
    person.wait(seconds)
    out_s = person.now
    person.wait(_AT_DOOR_S)
    stage.record("exits_vehicle", person, car, out_s, person.now)
    person.to(far[0] - 1.5, far[1] + 1.0).along(*DOOR[::-1])
    return person.now


def a_car(stage: Stage, colour: str) -> Thing:
    """Returns a car, ``silver`` or ``red``."""
    return stage.thing("car", "car", f"car-{colour}", 1.45, CAR_LENGTH_M / 2, CAR_WIDTH_M / 2)


def _door(car: Point) -> Point:
    return car[0] - _DOOR_M, car[1] - _BESIDE_M
