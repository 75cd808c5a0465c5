"""Distance, bearing, closing speed and time to collision of pairs whose geometry is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.ground.relative_motion import Movers, RelativeMotion, relative_motion
from schemas.values import Float64

TOUCH_M = 0.6


def movers(place: Float64, velocity: Float64, sigma_m: float = 0.1, sigma_m_s: float = 0.05) -> Movers:
    count = len(place)
    return Movers(place, np.tile(np.eye(2) * sigma_m**2, (count, 1, 1)), velocity, np.full(count, sigma_m_s))


def compare(one: Movers, other: Movers) -> RelativeMotion:
    return relative_motion(one, other, np.full(len(one.place_m), TOUCH_M))


def one_pair(place: tuple[float, float], velocity: tuple[float, float]) -> dict[str, float]:
    """Compares a track at rest at (0, 0) with a moving one."""
    found = compare(movers(np.zeros((1, 2)), np.zeros((1, 2))), movers(np.array([place]), np.array([velocity])))
    return {name: float(getattr(found, name)[0]) for name in found.__dataclass_fields__}


@pytest.mark.parametrize(
    ("place", "velocity", "distance", "bearing", "closing", "collision"),
    [
        ((0, 4), (0, -1), 4, 0, 1, 3.4),
        ((3, 0), (1, 0), 3, 90, -1, None),
        ((0, -3), (1, 0), 3, 180, 0, None),
        ((-3, 4), (0.6, -0.8), 5, 323.13, 1, 4.4),
        ((2, 4), (0, -1), np.hypot(2, 4), 26.565, 4 / np.hypot(2, 4), None),  # passes at two metres
        ((0.3, 0), (0, 1), 0.3, 90, 0, 0),  # touches already
    ],
)
def test_known_geometry(
    place: tuple[float, float],
    velocity: tuple[float, float],
    distance: float,
    bearing: float,
    closing: float,
    collision: float | None,
) -> None:
    found = one_pair(place, velocity)
    assert found["distance_m"] == pytest.approx(distance)
    assert found["bearing_deg"] == pytest.approx(bearing, abs=0.01)
    assert found["closing_speed_m_s"] == pytest.approx(closing)
    expected = np.nan if collision is None else collision
    assert found["collision_s"] == pytest.approx(expected, nan_ok=True)
    assert np.isnan(found["collision_sigma_s"]) == (not collision)


def test_two_at_one_place_have_no_direction() -> None:
    found = one_pair((0, 0), (1, 1))
    assert found["distance_m"] == found["bearing_deg"] == found["collision_s"] == 0
    assert np.isnan(found["bearing_sigma_deg"])


def test_an_unknown_speed_leaves_the_distance() -> None:
    found = one_pair((3, 4), (np.nan, np.nan))
    assert found["distance_m"] == pytest.approx(5)
    assert np.isnan(found["closing_speed_m_s"]) and np.isnan(found["collision_s"])


COORDINATE = st.floats(-8, 8)


@given(st.tuples(*[COORDINATE] * 8))
def test_exchanged_the_bearing_turns_and_all_else_stays(values: tuple[float, ...]) -> None:
    place, velocity = np.array(values).reshape(2, 2, 1, 2)
    one, other = (movers(place[i], velocity[i], 0.1 + i, 0.05 + i) for i in (0, 1))
    there, back = compare(one, other), compare(other, one)
    for name in set(there.__dataclass_fields__) - {"bearing_deg"}:
        np.testing.assert_allclose(getattr(back, name), getattr(there, name), rtol=1e-9, atol=1e-9)
    if there.distance_m[0] > 1e-6:
        turned = (back.bearing_deg - there.bearing_deg) % 360
        assert turned[0] == pytest.approx(180, abs=1e-6)


def test_first_order_sigmas_match_monte_carlo() -> None:
    random = np.random.default_rng(1)
    count = 40_000
    covariances = np.array([[[0.02, 0.008], [0.008, 0.01]], [[0.005, -0.002], [-0.002, 0.012]]])
    places, velocities, sigmas = np.array([[0.0, 0], [3, 3.1]]), np.array([[0.9, 0.8], [-0.5, -0.6]]), (0.03, 0.05)
    exact = [Movers(places[i][None], covariances[i][None], velocities[i][None], np.array([sigmas[i]])) for i in (0, 1)]
    drawn = [
        Movers(
            random.multivariate_normal(places[i], covariances[i], count),
            np.tile(covariances[i], (count, 1, 1)),
            velocities[i] + random.normal(0, sigmas[i], (count, 2)),
            np.full(count, sigmas[i]),
        )
        for i in (0, 1)
    ]
    said, seen = compare(*exact), compare(*drawn)
    for value, sigma in (
        ("distance_m", "distance_sigma_m"),
        ("bearing_deg", "bearing_sigma_deg"),
        ("closing_speed_m_s", "closing_sigma_m_s"),
        ("collision_s", "collision_sigma_s"),
    ):
        spread = np.nanstd(getattr(seen, value))
        assert getattr(said, sigma)[0] == pytest.approx(spread, rel=0.08), value
