from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from schemas.backlog import Backlog, CameraBacklog
from schemas.night_report import (
    BusyPlace,
    CameraCoverage,
    HourOfPeople,
    NightOfReport,
    OpCost,
    PrivacyChecks,
    QuarantinedUnit,
    SiteReport,
)
from storage.exports.report_page import render_report
from tests.support.browser import needs_browser, opened

START = datetime(2026, 3, 2, 19, tzinfo=UTC)
NOW = datetime(2026, 3, 3, 6, tzinfo=UTC)
HOUR = HourOfPeople("gate", "hall", "2026-03-02T20:00:00+01:00", START, 70, 3600, 23, 9, 37, 5, "more")
REPORT = SiteReport(
    version=1,
    site="Dam",
    timezone="Europe/Amsterdam",
    date="2026-03-02",
    coverage=(CameraCoverage("gate", "Gate", 3600, 3600, 12, 1, 60, 7200, 9, ((START, START + timedelta(hours=1)),)),),
    quarantine=(QuarantinedUnit("scan", "gate", "u", "footage", "truncated", "<b>ends</b>", "gate/x.mp4", NOW),),
    places=(BusyPlace("zone", "hall", "gate", 1234, 7, "2026-03-02T20:00:00+01:00", 70),),
    hours=(HOUR, replace(HOUR, hour=START + timedelta(hours=1), verdict="usual")),
    costs=(OpCost("detect", 12, 1200.0, 1200.0),),
    privacy=PrivacyChecks(2, 3600, 2, ("silhouette",), 500, 0, 0.006, 0, 4, 0, 0),
    backlog=Backlog((CameraBacklog("yard", 1200, 7200, 36000, "2026-02-27"),), 2.0, 18000, 9000, 2, "2026-03-04"),
    nights=(NightOfReport("2026-03-03", "deadline", NOW, NOW, 321, 1200, 1),),
)
NO_CHECKS = PrivacyChecks(0, 0, 0, (), 0, 0, None, 0, 0, 0, 0)
DONE = Backlog((), None, None, None, 0, None)
NOTHING = SiteReport(1, "Dam", "Europe/Amsterdam", "2026-03-02", (), (), (), (), (), NO_CHECKS, DONE)


def page(report: SiteReport, target: Path) -> str:
    render_report(report, target, NOW)
    return target.read_text()


def test_the_page_shows_what_the_report_has(tmp_path: Path) -> None:
    text = page(REPORT, tmp_path / "night.html")
    assert page(REPORT, tmp_path / "night.html") == text, "the same report gives the same bytes"
    for said in ("Monday 2 March 2026", "1,234", "truncated", "&lt;b&gt;ends", "more than usual", "9 to 37", "50 %"):
        assert said in text, said
    for said in (
        "1,200 units are left, 5.0 h of running",
        "after 2 nights, that of 2026-03-04",
        "2026-02-27",
        "deadline",
    ):
        assert said in text, said


def test_a_night_of_nothing_says_so(tmp_path: Path) -> None:
    text = page(NOTHING, tmp_path / "night.html")
    for said in (
        "No camera has footage",
        "Nothing is left",
        "Nothing of this day is in quarantine",
        "Nobody was counted",
        "Too little history",
    ):
        assert said in text, said


@needs_browser
def test_both_open_in_a_browser_without_an_error(tmp_path: Path) -> None:
    for report in (REPORT, NOTHING):
        page(report, tmp_path / "night.html")
        with opened(tmp_path / "night.html", "theme=dark") as tab:
            assert tab.root("drawn") == "yes"
            assert tab.console == ()
