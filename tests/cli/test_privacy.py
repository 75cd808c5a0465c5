"""`audit` and `subject-access`, with output for people and for machines; docs/privacy.md is true."""

import doctest
import re
import shlex

import pytest

from schemas.anonymity import MODES
from tests.test_readme import examples_of
from tools.generate_docs import DOCS

pytestmark = pytest.mark.slow

FILM = "hall/2026-03-02T21-59-00.mp4"
PAGE = DOCS / "privacy.md"
TRACK_ID = re.compile(r"\b[0-9a-f]{16}-\d{4}-\d{3}\b")


@pytest.fixture
def site(used_site, monkeypatch):
    monkeypatch.chdir(used_site)
    return used_site


@pytest.fixture
def track(nightshift, site):
    sql = f"""SELECT track_id FROM track_points JOIN segments USING (camera, segment_id) JOIN footage USING (footage_id)
        WHERE path = '{FILM}' GROUP BY track_id ORDER BY count(*) DESC, track_id LIMIT 1"""
    (row,) = nightshift("sql", sql, "--json").json
    return row["track_id"]


def test_an_audit_is_printed_for_people(nightshift, site):
    said = nightshift("audit", FILM)
    assert said.code == 0, said.err
    assert said.out.startswith("anonymized to level silhouettes, residual risk: ")
    for words in (
        "residual leak: at most",
        "head zones left uncovered: 0 of",
        "withstands: ",
        "px/m",
        "could not be seen: detect: ",
        "could not be seen: background: ",
        "could not be seen: view: ",
        "file is unaltered",
    ):
        assert words in said.out, words
    assert "GDPR" not in said.out


def test_an_audit_is_printed_for_machines(nightshift, site):
    said = nightshift("audit", FILM, "--json", "--sheet", "sheet.html")
    assert said.code == 0, said.err
    found = said.json
    assert found["files"] == {"video": "sound", "audit": "sound"}
    assert found["audit"]["schema"] == "nightshift.audit" and found["audit"]["schema_version"] == 2
    assert {made["op"] for made in found["made_by"]} >= {"detect", "anonymize", "publish"}
    assert (site / "sheet.html").read_text().count("<img ") == found["sheet_frames"]


def test_an_altered_file_is_reported_and_ends_with_1(nightshift, site):
    (video,) = [
        row["path"] for row in nightshift("sql", "SELECT path FROM anonymized WHERE camera = 'gate'", "--json").json
    ]
    (site / "store" / video).write_bytes(b"another film")
    said = nightshift("audit", video)
    assert said.code == 1 and "was altered" in said.err and "file is unaltered" not in said.out
    sheet = nightshift("audit", video, "--sheet", "sheet.html")
    assert sheet.code == 1 and "no sheet was written" in sheet.err and not (site / "sheet.html").exists()


def test_unknown_footage_is_one_line_and_the_users_mistake(nightshift, site):
    said = nightshift("audit", "no-such-footage")
    assert said.code == 2 and said.err.count("\n") == 1 and "there is no footage 'no-such-footage'" in said.err


def test_unpublished_footage_ends_with_1_and_says_why(nightshift, fresh_site):
    nightshift("scan", "--site", fresh_site)
    said = nightshift("audit", FILM, "--site", fresh_site)
    assert said.code == 1 and said.err.count("\n") == 1 and "is not published: no run has reached it" in said.err


def test_subject_access_says_what_it_did_and_that_it_is_recorded(nightshift, site, track):
    options = ("--track", track, "--reason", "request 17", "--out", "subject.mp4")
    said = nightshift("subject-access", FILM, *options, "--json")
    assert said.code == 0, said.err
    assert said.json["track_id"] == track and 0 < said.json["visible_frames"] <= said.json["frames"] == 80
    (row,) = nightshift("sql", "SELECT * FROM exports", "--json").json
    assert row["sha256"] == said.json["sha256"] and row["reason"] == "request 17" and row["user"]
    again = nightshift("subject-access", FILM, *options)
    assert again.code == 2 and "exists already" in again.err and again.err.count("\n") == 1
    refused = nightshift("export", "exports", "-o", "exports.csv")
    assert refused.code == 2 and "sensitive" in refused.err


def test_without_a_reason_it_is_refused(nightshift, site, track):
    said = nightshift("subject-access", FILM, "--track", track, "--out", "subject.mp4")
    assert said.code == 2 and "--reason" in said.err
    said = nightshift("subject-access", FILM, "--track", track, "--reason", "", "--out", "subject.mp4")
    assert said.code == 2 and "--reason is empty" in said.err and not (site / "subject.mp4").exists()


def test_the_commands_of_the_guide_run_and_print_what_the_guide_shows(nightshift, site, track):
    examples = examples_of(PAGE)
    assert len(examples) >= 6 and {"audit", "subject-access"} <= {command.split()[1] for _, command, _ in examples}
    for _, written, shown in examples:
        command = TRACK_ID.sub(track, written.replace("\\\n", " "))
        said = nightshift(*shlex.split(command)[1:])
        assert said.code == 0, f"{command}: {said.err}"
        got = "".join(line.rstrip() + "\n" for line in said.out.splitlines())
        assert not shown or doctest.OutputChecker().check_output(shown, got, doctest.ELLIPSIS), f"{command}:\n{got}"


def test_the_guide_says_of_modes_what_the_code_says():
    rows = re.findall(r"^\| `([a-z-]+)`(.*?) \| [^|]+ \| (\w+) \| (\w+) \| (\w+) \|$", PAGE.read_text(), re.MULTILINE)
    assert [row[0] for row in rows] == list(MODES)
    for name, marks, *withstands in rows:
        mode = MODES[name]
        assert withstands == list(vars(mode.withstands).values()), name
        assert (f"*{mode.marked}*" in marks) if mode.marked else ("*" not in marks), name


def test_the_guide_claims_no_compliance():
    text = PAGE.read_text()
    assert "anonymized to level X, residual risk Y" in text and not re.search(r"complian|GDPR", text)


def test_a_sign_off_is_said_recorded_and_not_repeated(nightshift, site):
    signing = ("sign-off", FILM, "--verdict", "reject", "--by", "Ada Novak", "--note", "a head")
    said = nightshift(*signing)
    assert said.code == 0 and "Ada Novak looked at the video and rejected it on " in said.out, said.err
    again = nightshift(*signing, "--json")
    assert again.code == 0 and again.json["recorded"] is False and again.json["verdict"] == "reject"
    shown = nightshift("audit", FILM)
    assert (
        "signed off: Ada Novak looked at the video and rejected it on " in shown.out and shown.out.count("a head") == 1
    )
    assert [each["by"] for each in nightshift("audit", FILM, "--json").json["sign_offs"]] == ["Ada Novak"]
    (row,) = nightshift("sql", "SELECT * FROM sign_offs", "--json").json
    assert row["user"] and row["note"] == "a head"
    refused = nightshift("export", "SELECT note FROM sign_offs", "-o", "x.csv")
    assert refused.code == 2 and "sensitive" in refused.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("no-such", "--verdict", "accept", "--by", "Ada"), "there is no footage 'no-such'"),
        ((FILM, "--verdict", "maybe", "--by", "Ada"), "'maybe' is not one of 'accept', 'reject'"),
        ((FILM, "--verdict", "accept"), "--by"),
        ((FILM, "--by", "Ada"), "--verdict"),
        ((FILM, "--verdict", "accept", "--by", " "), "--by is empty"),
        ((FILM, "--verdict", "accept", "--by", "Ada", "--sheet", "site.toml"), "is no contact sheet"),
    ],
)
def test_a_wrong_sign_off_is_one_line_and_the_users_mistake(nightshift, site, arguments, words):
    said = nightshift("sign-off", *arguments)
    assert said.code == 2 and words in said.err and said.err.count("\n") == 1, said.err
    assert nightshift("sql", "SELECT * FROM sign_offs", "--json").json == []


def test_status_lists_what_awaits_its_sign_off(nightshift, site):
    assert "handed out" not in nightshift("status").out
    with (site / "site.toml").open("a") as file:
        file.write('\n[publish]\nwait_for = "sign-off"\n')
    shown = nightshift("status")
    assert "published, but not handed out" in shown.out and shown.out.count("awaiting sign-off") == 3
    nightshift("sign-off", FILM, "--verdict", "reject", "--by", "Ada")
    assert sorted(each["state"] for each in nightshift("status", "--json").json["awaiting"]) == [
        "awaiting sign-off",
        "awaiting sign-off",
        "rejected",
    ]
