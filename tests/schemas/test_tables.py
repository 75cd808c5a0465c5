"""All tables together: which of them are sensitive."""

import pyarrow as pa

from schemas.tables import TABLES, Privacy


def test_pictures_of_places_are_sensitive() -> None:
    """Tables hold no pictures of people; those with any pixels at all are not for everybody."""
    with_bytes = {
        name for name, spec in TABLES.items() if any(pa.types.is_binary(field.type) for field in spec.columns)
    }
    # Their bytes are a bit each: in which tiles something changed, and the pixels of a thing that came or went.
    with_pixels = with_bytes - {"motion", "static_regions"}
    sensitive = {name for name, spec in TABLES.items() if spec.privacy is Privacy.SENSITIVE}
    people = {"exports", "holds", "interaction_reviews", "sign_offs"}
    bodies = {"keypoints"}
    files = {"depth_files", "depth_frames"}  # the pictures are in the files that they name
    named = with_pixels | people | bodies | files
    assert named == sensitive, "people: who was let see whom, who looked, why what is held"
