import pyarrow as pa
import pytest

from schemas.errors import UserError
from schemas.tables import TABLES
from schemas.tables.spec import Privacy
from storage.exports.third_parties import PERSONS, PSEUDONYMS, protect

TRACK = "0123456789abcdef-0000-{:03d}"


def tracks(count: int) -> list[str]:
    return [TRACK.format(number) for number in range(count)]


def test_rows_of_few_people_are_left_out_and_those_of_nobody_stay() -> None:
    rows = pa.table({"zone": ["a", "b", "c", "d"], "people": [5, 4, 0, None]})
    safe = protect(rows, 5, personal=False)
    assert safe.rows["zone"].to_pylist() == ["a", "c"]
    assert safe.note == "For third parties: rows of fewer than 5 people are left out: 2 of 4"


def test_every_number_of_people_in_a_row_counts() -> None:
    rows = pa.table({"people": [9, 9], "crossings": [9, 1]})
    assert protect(rows, 5, personal=False).rows.num_rows == 1


def test_pseudonyms_go_and_equal_rows_of_enough_people_stay() -> None:
    rows = pa.table({"track_id": tracks(7), "label": ["person"] * 5 + ["car"] * 2})
    safe = protect(rows, 5, personal=True)
    assert safe.rows.to_pydict() == {"label": ["person"] * 5}
    assert safe.note.endswith("2 of 7; without track_id")


def test_one_person_in_many_rows_is_one() -> None:
    rows = pa.table({"track_id": tracks(1) * 9, "zone": ["a"] * 9})
    assert protect(rows, 5, personal=True).rows.num_rows == 0


@pytest.mark.parametrize(
    "column",
    [
        pa.array(tracks(6)),
        pa.array([f"seen: {track}" for track in tracks(6)]),
        pa.array([[track] for track in tracks(6)]),
        pa.array([{"id": track} for track in tracks(6)]),
        pa.array(tracks(6)).dictionary_encode(),
    ],
)
def test_an_id_is_dropped_under_any_name(column: pa.Array) -> None:
    safe = protect(pa.table({"who": column, "zone": ["a"] * 6}), 5, personal=True)
    assert safe.rows.to_pydict() == {"zone": ["a"] * 6}


def test_rows_of_people_that_count_nobody_are_refused() -> None:
    with pytest.raises(UserError, match=r"nothing says of how many: add track_id.*AS people"):
        protect(pa.table({"x_m": [1.0]}), 5, personal=True)


def test_rows_of_places_stay_as_they_are() -> None:
    rows = pa.table({"camera": ["a"]})
    assert protect(rows, 5, personal=False).rows == rows
    assert protect(rows, 5, personal=False).note == ""


def test_a_least_number_of_one_is_refused() -> None:
    with pytest.raises(UserError, match="leaves nobody out"):
        protect(pa.table({"people": [1]}), 1, personal=False)


def test_no_rows_are_no_rows() -> None:
    safe = protect(TABLES["positions"].empty(), 5, personal=True)
    assert safe.rows.num_rows == 0 and "track_id" not in safe.rows.column_names


def test_every_id_of_a_pseudonymous_table_is_a_pseudonym() -> None:
    ids_of_footage = {"segment_id", "footage_id", "frame_segment_id", "start_segment_id", "end_segment_id"}
    named = {
        field.name
        for spec in TABLES.values()
        if spec.privacy is Privacy.PSEUDONYMOUS
        for field in spec.columns
        if field.name.endswith("_id") or field.name.startswith("track_")
    }
    ids_of_places = {"feature_id"}  # of the user's own layers
    assert named - ids_of_footage - ids_of_places <= PSEUDONYMS >= set(PERSONS)
