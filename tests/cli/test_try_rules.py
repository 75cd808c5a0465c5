"""`try-rules`, as it is typed: what the rules of site.toml would find, without storing it."""

from pathlib import Path

RULE = """
[[ops.interactions.rules]]
verb = "is_there"
when = "speed_m_s < 100"
for_s = 0.5
"""
DAY = "2026-03-02"


def stored(nightshift, site: Path) -> list[list[object]]:
    query = "SELECT verb, count(*) AS n FROM interactions WHERE camera = 'hall' GROUP BY verb ORDER BY verb"
    return nightshift("sql", query, "--site", site, "--json").json


def test_a_rule_is_tried_without_storing_what_it_finds(nightshift, used_site: Path) -> None:
    before = stored(nightshift, used_site)
    plain = nightshift("try-rules", "hall", "--date", DAY, "--site", used_site)
    assert plain.code == 0 and "against the store: as many of each verb" in plain.out + plain.err
    config = used_site / "site.toml"
    config.write_text(config.read_text() + RULE)
    tried = nightshift("try-rules", "hall", "--date", DAY, "--site", used_site, "--verb", "is_there", "--json")
    assert tried.code == 0, tried.err
    assert {row["verb"] for row in tried.json["found"]} == {"is_there"}
    assert all(row["rule"] == "is_there 1" for row in tried.json["found"])
    said = nightshift("try-rules", "hall", "--date", DAY, "--site", used_site)
    assert f"is_there 0 → {len(tried.json['found'])}" in said.out + said.err
    assert stored(nightshift, used_site) == before


def test_mistakes_are_one_line(nightshift, used_site: Path) -> None:
    config = used_site / "site.toml"
    plain = config.read_text()
    assert (
        "no footage on 2020-01-01" in nightshift("try-rules", "hall", "--date", "2020-01-01", "--site", used_site).err
    )
    assert "there is no camera 'roof'" in nightshift("try-rules", "roof", "--date", DAY, "--site", used_site).err
    for rule, message in (
        (RULE.replace("speed_m_s <", "sped_m_s <"), "unknown name 'sped_m_s'"),
        (RULE.replace("when =", "wenn ="), "wenn"),
        (RULE + 'object = ["zone:shef"]\n', "'is_there' names the zone 'shef'; the layers have entrance, hall_centre"),
        ('\n[[ops.interactions.queries]]\nverb = "x"\nquery = "SELECT 1 AS subject"\n', "no column start_time"),
        ("\n[ops.link]\nhidden_s = 3.0\n", "no current result of link"),
        ('\nskip_ops = ["interactions"]\n', "take it out of skip_ops"),
    ):
        config.write_text(rule + plain if "skip_ops" in rule else plain + rule)
        said = nightshift("try-rules", "hall", "--date", DAY, "--site", used_site)
        assert said.code != 0 and message in said.err and said.err.strip().count("\n") == 0, said.err
    query = '\n[[ops.interactions.queries]]\nverb = "x"\nquery = "SELECT subject FROM interactions"\n'
    for rule in (RULE.replace("speed_m_s <", "sped_m_s <"), RULE + 'object = ["zone:shef"]\n', query):
        config.write_text(plain + rule)
        said = nightshift("plan", "--site", used_site)
        assert said.code == 2, "before a night begins, not once for each day of it"
