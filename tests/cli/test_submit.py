"""`submit` sends a site's settings to a job server, follows the run, and ends as the run ended.

The server is a stand-in that speaks Ray's REST API; ``tests/jobs/engine/test_ray_pool.py`` submits to a real head.
"""

import threading

import pytest

from jobs.cluster import job
from jobs.cluster.versions import CLIENT_VERSION, own_version
from jobs.commands.submit import submit_run
from jobs.site import open_site
from tests.support.job_server import JobServer, serving

SECRET = "s3cr3t-of-this-machine"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """A client that waits for nothing, with a secret in its environment and no token of this user."""
    monkeypatch.setattr(job, "POLL_S", (0.0, 0.0))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("HOME", "/nonexistent")


def test_a_run_is_sent_followed_and_ends_as_on_the_cluster(small_site, nightshift):
    jobs = JobServer(["scanned", "1 of 2 units", "done"], exit_code=3)
    (small_site / ".env").write_text(f"TOKEN={SECRET}")
    with serving(jobs) as address:
        options = ("--until", "06:00", "--camera", "hall", "--camera", "gate", "--retry")
        said = nightshift("submit", "--site", small_site, "--address", address, *options, "--json")
    assert said.code == 3, said.err
    assert {"job": "job-1", "status": "FAILED", "exit_code": 3}.items() <= said.json.items()
    (request,) = jobs.submitted
    assert request["entrypoint"] == (
        "nightshift run --site . --address auto --camera hall --camera gate --retry --until 06:00"
    )
    assert [line for line in said.err.splitlines() if line in jobs.lines] == jobs.lines
    sent = jobs.sent_files()
    assert sorted(sent) == sorted(said.json["files"]) and "site.toml" in sent
    everything = b"".join([*sent.values(), str(request).encode(), said.out.encode(), said.err.encode()])
    assert SECRET.encode() not in everything
    assert request["runtime_env"]["env_vars"][CLIENT_VERSION] == own_version()
    assert str(small_site / "store").encode() in sent["site.toml"]


def test_the_first_ctrl_c_stops_the_run_and_the_command_waits_for_its_end(small_site):
    jobs, stop, lines = JobServer(["a"] * 50), threading.Event(), []
    stop.set()
    with serving(jobs) as address:
        run = submit_run(open_site(small_site), [], address, lines.append, stop=stop)
    assert jobs.stopped == 1 and run.end is not None and run.end.status == "STOPPED" and run.exit_code == 130
    assert int(jobs.submitted[0]["runtime_env"]["env_vars"]["RAY_JOB_STOP_WAIT_TIME_S"]) >= 300


def test_a_job_server_that_is_gone_for_a_moment_ends_nothing(small_site):
    jobs, lines = JobServer(["a", "b"]), []
    jobs.outages = job.FORGIVEN_LOOKS - 1
    with serving(jobs) as address:
        run = submit_run(open_site(small_site), [], address, lines.append)
    assert lines[1:] == ["a", "b"] and run.exit_code == 0


def test_a_job_server_that_stays_away_is_an_error_that_names_the_job(small_site, nightshift):
    jobs = JobServer(["a"])
    jobs.outages = 10_000
    with serving(jobs) as address:
        said = nightshift("submit", "--site", small_site, "--address", address)
    assert said.code == 1 and "job-1 may go on" in said.err.splitlines()[-1]


def test_nobody_waits_with_no_wait_and_another_ray_is_named(small_site, nightshift):
    jobs = JobServer(["a"], ray_version="2.59.0")
    with serving(jobs) as address:
        said = nightshift("submit", "--site", small_site, "--address", address, "--no-wait")
    assert said.code == 0 and "job-1 is on the cluster" in said.out and "the cluster has Ray 2.59.0" in said.err


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--address", "http://127.0.0.1:1"], "no job server answers"),
        (["--address", "auto"], "submit needs the head's job server"),
        (["--in-process"], "--in-process is for"),
        (["--until", "25:00"], "is not a time of day"),
    ],
)
def test_mistakes_are_one_line(small_site, nightshift, options, problem):
    said = nightshift("submit", "--site", small_site, *options)
    assert said.code == 2 and said.out == ""
    (line,) = said.err.splitlines()
    assert problem in line
