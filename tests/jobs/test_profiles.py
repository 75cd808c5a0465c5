"""The fastest profile within the bound is chosen, and where none is, the reason is given."""

from jobs.profiles import PROFILES, Measured, fitting, why_ungated
from ops.detect import DetectParams

ALL, SHORT, *_, LONG = PROFILES


def test_profiles_differ_and_are_sorted_from_careful_to_fast() -> None:
    gaps = [profile.params.gap_s for profile in PROFILES]
    assert gaps == sorted(set(gaps), key=float)
    assert len({profile.name for profile in PROFILES}) == len(PROFILES)
    assert all(profile.params.skip_unchanged for profile in PROFILES)


def test_the_fastest_within_the_bound_comes_first() -> None:
    measured = [Measured(ALL, 0.01, 50), Measured(SHORT, 0.05, 30), Measured(LONG, 0.06, 10)]
    assert [each.profile for each in fitting(measured, 100, 0.05)] == [SHORT, ALL]
    assert [each.profile for each in fitting(measured, 100, 0.06)] == [LONG, SHORT, ALL]
    assert fitting(measured, 100, 0.005) == []


def test_of_equally_fast_ones_the_more_careful_comes_first() -> None:
    measured = [Measured(ALL, 0.0, 50), Measured(LONG, 0.0, 50)]
    assert [each.profile for each in fitting(measured, 100, 0.05)] == [ALL, LONG]


def test_a_profile_that_saves_hardly_anything_is_none() -> None:
    assert fitting([Measured(ALL, 0.0, 91)], 100, 0.05) == []
    assert len(fitting([Measured(ALL, 0.0, 90)], 100, 0.05)) == 1


def test_the_reason_says_what_was_measured() -> None:
    restless = [Measured(ALL, 0.0, 98), Measured(LONG, 0.2, 95)]
    assert why_ungated(restless, 100, []).startswith("its view changes all the time: long gaps takes 95%")
    lossy = [Measured(ALL, 0.08, 60), Measured(LONG, 0.2, 30)]
    assert why_ungated(lossy, 100, []) == "all changes loses 8.0%, and no other less"
    both = [Measured(ALL, 0.01, 92), Measured(SHORT, 0.06, 53), Measured(LONG, 0.09, 27)]
    assert why_ungated(both, 100, []) == (
        "all changes takes 92% of the looks at every frame; short gaps loses 6.0%, and no other less"
    )
    refused = [Measured(SHORT, 0.09, 30), Measured(ALL, 0.07, 60)]
    assert why_ungated(lossy, 100, refused) == "all changes, chosen on one part, loses 7.0% on the other"


def test_no_profile_looks_less_than_an_untuned_camera_is_looked_at() -> None:
    """docs/privacy.md says so: the anonymizer reads what detect finds."""
    assert max(profile.params.gap_s or 0.0 for profile in PROFILES) <= DetectParams().gap_s
