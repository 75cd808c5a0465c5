"""Conditions: what they accept, what they refuse and how, and how likely they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.interactions.params import InteractionsParams, UserQuery, UserRule
from ops.interactions.rules.alone import PRIMITIVES
from ops.interactions.rules.conditions import parse_condition
from schemas.errors import SiteError
from tests.ops.ground_scene import join, make_view, measured_ground
from tests.ops.interactions.rules.day import THING, go, on_ground, only, run, seconds_of, verbs

VIEW = make_view()
PAIR = join(on_ground([(0, 9), (0, 9)], (0, 10), "a"), on_ground([(2, 9), (2, 9)], (0, 10), "b"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("distance_m <", "cannot be read"),
        ("distance_m", "no comparison"),
        ("__import__('os').system('true')", "no comparison"),
        ("distance_m < (lambda: 1)()", "no comparison"),
        ("distance_m < True", "no comparison"),
        ("distance_m == 1", "no comparison"),
        ("distanse_m < 1", "unknown name 'distanse_m'"),
        ("skip < 1", "unknown name 'skip'"),
        ("distance_m < 1 and [speed_m_s]", "no comparison"),
        ("distance_m < 'far'", "no comparison"),
    ],
)
def test_what_is_no_condition_is_refused(text, says):
    with pytest.raises(SiteError, match=says):
        parse_condition(text, InteractionsParams(), alone=False)


def test_a_primitive_of_two_needs_an_object():
    with pytest.raises(SiteError, match="needs an object"):
        parse_condition("distance_m < 1", InteractionsParams(), alone=True)


@given(st.lists(st.sampled_from(sorted(PRIMITIVES)), min_size=1, max_size=4), st.sampled_from([" and ", " or "]))
def test_all_primitives_can_be_compared(names, between):
    text = between.join(f"-1 < {name} < 2 * meet_m" for name in names)
    assert parse_condition(text, InteractionsParams(), alone=False).names == tuple(dict.fromkeys(names))


def own(*rules, points=PAIR, **more):
    found = {rule.verb for rule in rules}
    rows = run(points, VIEW, rules=rules, **more)
    return [row for row in rows if row["verb"] in found]


def test_a_rule_of_the_users_own_is_found():
    near = UserRule("stands_near", "1.5 < distance_m < 2.5 and speed_m_s < 0.3", object=("person",), for_s=2)
    rows = own(near)
    assert [(row["subject"], row["object"]) for row in rows] == [("a", "b"), ("b", "a")]
    assert seconds_of(rows[0]) == pytest.approx([0, 10], abs=0.3)
    assert rows[0]["rule"] == "stands_near 1"
    assert own(UserRule("never", "distance_m < 1", object=("person",))) == []
    assert own(UserRule("not_near", "not (distance_m < 1)", object=("person",)))


def test_until_keeps_an_interaction_going():
    leaves = join(on_ground([(0, 9), (0, 9)], (0, 20), "a"), on_ground([(1, 9), (1, 9), (5, 9)], (0, 5, 15), "b"))
    short = UserRule("near", "distance_m < 1.5", subject=("person",), object=("person",))
    long = UserRule("near", "distance_m < 1.5", "distance_m > 3", object=("person",))
    ends = [seconds_of(own(rule, points=leaves)[0])[1] for rule in (short, long)]
    assert ends == pytest.approx([6, 10], abs=0.7)


def test_rules_know_things_and_zones(tmp_path):
    import shapely

    from schemas.values import Feature, FeatureKind

    zone = Feature("shelf", "layer", FeatureKind.ZONE, "pixel", "cam1", shapely.box(280, 250, 400, 320))
    stays = go([(100, 300), (320, 300), (320, 300), (100, 300)], (0, 8, 30, 38), "a")
    at_zone = UserRule("at_shelf", "distance_m < 0.3", object=("zone:shelf",), for_s=5)
    at_thing = UserRule("at_thing", "gap_m < 0.3", object=("static_object",), for_s=5)
    elsewhere = UserRule("elsewhere", "distance_m < 0.3", object=("zone:other",))
    rows = run(stays, features=[zone], things=[THING], rules=(at_zone, at_thing, elsewhere))
    found = {row["verb"]: row for row in rows}
    assert (found["at_shelf"]["object"], found["at_shelf"]["object_kind"]) == ("shelf", "zone")
    assert seconds_of(found["at_shelf"]) == pytest.approx([6.5, 31.5], abs=1)
    assert (found["at_thing"]["object"], found["at_thing"]["object_kind"]) == ("thing-0", "static_object")
    assert "elsewhere" not in found, "a zone of another camera"
    line = Feature("shelf", "layer", FeatureKind.LINE, "pixel", "cam1", shapely.LineString([(0, 0), (9, 9)]))
    with pytest.raises(SiteError, match="names 'shelf' as a zone"):
        run(stays, features=[line], rules=(at_zone,))


def test_unsure_places_make_unsure_rows():
    near, far = (
        join(on_ground([(0, north), (0, north)], (0, 10), "a"), on_ground([(1, north), (1, north)], (0, 10), "b"))
        for north in (6, 20)
    )
    (sure,), (unsure,) = only("meets", near, VIEW), only("meets", far, VIEW)
    assert sure["score"] > unsure["score"]


def test_a_query_of_the_users_own_is_found():
    query = UserQuery(
        "stood", "SELECT track_id AS subject, min(time) AS start_time, max(time) AS end_time, count(*) AS points "
        "FROM track_points GROUP BY track_id"
    )  # fmt: skip
    rows = [row for row in run(PAIR, VIEW, queries=(query,)) if row["verb"] == "stood"]
    assert [(row["subject"], row["evidence"]["points"], row["score"]) for row in rows] == [("a", 101, 1), ("b", 101, 1)]
    assert rows[0]["rule"] == "stood query"


@pytest.mark.parametrize(
    ("given", "table"), [({"view": VIEW}, "positions"), ({"ground": measured_ground()}, "local_positions")]
)
def test_a_query_sees_places_of_any_ground_and_gives_those_on_the_map(given, table):
    tables = [f"SELECT *, '{name}' AS seen FROM {name}" for name in ("positions", "local_positions")]
    query = UserQuery(
        "stood",
        "SELECT track_id AS subject, min(time) AS start_time, avg(x_m) AS x_m, avg(y_m) AS y_m, count(*) AS points, "
        f"count(*) FILTER (seen = '{table}') AS seen FROM ({' UNION ALL BY NAME '.join(tables)}) GROUP BY ALL",
    )
    rows = [row for row in run(PAIR, queries=(query,), **given) if row["verb"] == "stood"]
    assert [(row["subject"], row["evidence"]["points"], row["evidence"]["seen"]) for row in rows] == [
        ("a", 101, 101),
        ("b", 101, 101),
    ]
    assert [row["x_m"] is None for row in rows] == [table == "local_positions"] * 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("SELECT nothing", "fails"),
        ("SELECT 1 AS subject", "no column start_time"),
        ("SELECT 'a' AS subject, 5 AS start_time", "timestamp"),
        ("SELECT 'a' AS subject, TIMESTAMP '2026-03-02 22:00:00' AS start_time", "with time zone"),
        ("SELECT * FROM read_csv('/etc/hostname')", "fails"),
    ],
)
def test_a_bad_query_is_refused_with_its_verb(text, says):
    with pytest.raises(SiteError, match=says) as refused:
        run(PAIR, VIEW, queries=(UserQuery("mine", text),))
    assert "'mine'" in str(refused.value)


def test_a_query_sees_what_the_rules_found():
    near = join(PAIR, on_ground([(2.8, 9.6), (2.8, 9.6)], (0, 10), "c"))
    query = UserQuery("also", "SELECT subject, start_time, object FROM interactions WHERE verb = 'meets'")
    assert "also" in verbs(near, VIEW, queries=(query,))


def test_skipped_verbs_are_not_looked_for():
    near = join(PAIR, on_ground([(2.8, 9.6), (2.8, 9.6)], (0, 10), "c"))
    assert "meets" in verbs(near, VIEW)
    assert "meets" not in verbs(near, VIEW, skip=("meets",))


def test_likelihood_is_a_half_at_the_limit():
    from ops.interactions.rules.pairs import Pairs

    class Made(Pairs):
        def __init__(self, distance, sigma):
            self.values = np.array(distance), np.full(len(distance), sigma)

        def __len__(self):
            return len(self.values[0])

        def take(self, rows):
            return Made(self.values[0][rows], 1.0)

    primitive = PRIMITIVES["distance_m"]
    known = primitive.__class__(lambda p: p.values[0], "", lambda p: p.values[1])
    PRIMITIVES["distance_m"] = known
    try:
        held, likely = parse_condition("distance_m < 2", InteractionsParams(), False).holds(Made([1.0, 2.0, 3.0], 1.0))
    finally:
        PRIMITIVES["distance_m"] = primitive
    assert held.tolist() == [True, False, False]
    assert likely == pytest.approx([0.841, 0.5, 0.159], abs=0.001)
