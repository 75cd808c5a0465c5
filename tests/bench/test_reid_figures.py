"""The numbers that are stated are those that were measured."""

from collections.abc import Mapping
from types import MappingProxyType

from bench.reid_figures import MARK, OWN, TARGET, numbers
from schemas.anonymity import MODES
from schemas.reidentification import REIDENTIFIED, Reidentified


def test_numbers_of_a_run_are_source_text_in_the_order_of_the_fields():
    found = {
        "reid": {"original": {"to_original": 0.6, "to_anonymized": 0.61}},
        "reid0287": {
            "original": {
                "as_filmed": 0.9,
                "alike": 0.91,
                "wide": 0.92,
                "only_cover": 0.1,
                "only_scene": 0.19,
                "wide_scene": 0.15,
                "chance": 0.1429,
            }
        },
        "reid_attacker": {"original": {"chance": 0.22} | {name: n / 10 for n, name in enumerate(OWN)}},
    }
    names: dict[str, object] = {"Mapping": Mapping, "MappingProxyType": MappingProxyType, "Reidentified": Reidentified}
    exec(numbers(found), names)
    assert names["REIDENTIFIED"]["original"] == Reidentified(0.6, 0.61, 0.9, 0.91, 0.92, 0.1, 0.0, 0.1, 0.2, 0.3, 0.4)
    chances = [names[name] for name in ("CHANCE", "ATTACKER_CHANCE", "ONLY_SCENE", "ONLY_SCENE_WIDE")]
    assert chances == [0.14, 0.22, 0.19, 0.15]


def test_every_mode_has_its_figures_in_the_file_that_is_written():
    assert TARGET.read_text().count(MARK) == 1
    assert set(REIDENTIFIED) == {"original", *MODES}
