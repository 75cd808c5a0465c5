"""A cluster's machines are checked before a run: weights, mounts, versions, clocks, disks."""

import pytest

from jobs.cluster.nodes import LOW_BYTES, NodeNeeds, NodeReport, clock_offset_s, examine, judge
from jobs.cluster.versions import own_version
from storage.store.store import Store

GOOD = NodeReport("vault-2", own_version(), 100.0, (), "/tmp", LOW_BYTES)


@pytest.fixture
def needs(tmp_path):
    (tmp_path / "archive").mkdir()
    (tmp_path / "yolo.onnx").touch()
    store = Store.create(tmp_path / "store")
    store.blobs.write("_claims/run-x.json", b"1")
    return NodeNeeds(str(tmp_path / "archive"), store.blobs.url, "_claims/run-x.json", (str(tmp_path / "yolo.onnx"),))


def test_a_machine_with_everything_has_no_problems(needs):
    report = examine(needs)
    assert report.problems == () and report.free_bytes > 0 and report.nightshift == own_version()


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ({"weights": ("/srv/models/face.onnx",)}, "lacks the weights /srv/models/face.onnx"),
        ({"archive": "/srv/not-mounted"}, "cannot read the archive: no folder /srv/not-mounted"),
        ({"witness": "_claims/run-other.json"}, "does not see the store"),
        ({"store": "/srv/not-mounted"}, "does not see the store /srv/not-mounted"),
    ],
)
def test_what_a_machine_lacks_is_named(needs, lacking, said):
    (problem,) = examine(needs._replace(**lacking)).problems
    assert said in problem
    problems, _ = judge(NodeReport("vault-2", own_version(), 0.0, (problem,), "/tmp", LOW_BYTES), 0.0)
    assert problems == [f"vault-2 {problem}"]


def test_another_nightshift_on_a_machine_is_a_problem_that_names_both():
    other = NodeReport("vault-2", "0.0.9", 100.0, (), "/tmp", LOW_BYTES)
    assert judge(other, 0.0) == ([f"vault-2 has Nightshift 0.0.9, and the run Nightshift {own_version()}"], [])


@pytest.mark.parametrize(
    ("there_s", "offset_s"),
    [(100.0, 0.0), (103.0, 0.0), (110.0, 7.0), (95.0, -5.0)],
    ids=["right", "within the time of the answer", "ahead", "behind"],
)
def test_a_clock_is_off_by_what_the_delay_of_the_answer_cannot_explain(there_s, offset_s):
    assert clock_offset_s(100.0, there_s, 103.0) == offset_s


def test_a_clock_that_is_off_and_a_disk_that_is_full_are_warnings():
    assert judge(GOOD, 2.0) == ([], [])
    assert judge(GOOD, -7.0)[1][0].startswith("the clock of vault-2 is 7 s behind this machine's")
    full = NodeReport("vault-2", own_version(), 0.0, (), "/scratch", 300_000_000)
    assert judge(full, 0.0) == ([], ["vault-2 has 0.3 GB free in /scratch: free some space"])
