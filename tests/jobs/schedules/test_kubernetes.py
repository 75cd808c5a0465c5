"""The manifest of a CronJob: fields that Kubernetes and KubeRay know, and a RayJob that runs the night."""

import shlex
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from jobs.nights.window import NightWindow, parse_days
from jobs.schedules.kubernetes import manifest
from jobs.schedules.schedule import MARK, Schedule


@pytest.fixture
def documents() -> dict[str, dict]:
    window = NightWindow(time(22, 30), time(6), ZoneInfo("Europe/Amsterdam"), parse_days("sun-thu"))
    text = manifest(Schedule(Path("/srv/the yard"), "The Yard: №1", window, "camera", purge=True))
    assert text.startswith(MARK)
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def test_a_cron_job_fires_in_the_sites_zone_and_never_beside_itself(documents):
    spec = documents["CronJob"]["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("30 22 * * 1-4,7", "Europe/Amsterdam")
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["startingDeadlineSeconds"] == 7.5 * 3600, "a start that comes too late for the night is dropped"
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["command"] == ["kubectl", "create", "-f", "/rayjob/rayjob.yaml"]
    name = documents["CronJob"]["metadata"]["name"]
    assert len(name) <= 52, "Kubernetes adds 11 characters to the name of a CronJob"
    assert pod["serviceAccountName"] == documents["ServiceAccount"]["metadata"]["name"] == name
    assert pod["volumes"][0]["configMap"]["name"] == documents["ConfigMap"]["metadata"]["name"]
    assert documents["RoleBinding"]["roleRef"]["name"] == documents["Role"]["metadata"]["name"] == name
    assert documents["Role"]["rules"] == [{"apiGroups": ["ray.io"], "resources": ["rayjobs"], "verbs": ["create"]}]


def test_the_ray_job_runs_the_night_on_its_cluster(documents):
    job = yaml.safe_load(documents["ConfigMap"]["data"]["rayjob.yaml"])
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert "name" not in job["metadata"], "each firing makes a RayJob of its own, and the second finds the night taken"
    spec = job["spec"]
    words = shlex.split(spec["entrypoint"])
    assert words[:4] == ["nightshift", "night", "--site", "/srv/the yard"]
    assert words[4:] == shlex.split("--at 22:30 --until 06:00 --days mon-thu,sun --purge --address auto")
    assert spec["backoffLimit"] == 0 and spec["shutdownAfterJobFinishes"] is True
    assert spec["activeDeadlineSeconds"] == 11.5 * 3600
    cluster = spec["rayClusterSpec"]
    pods = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for pod in (each["template"]["spec"] for each in pods):
        (container,) = pod["containers"]
        assert container["volumeMounts"] == [{"name": "site", "mountPath": "/srv/the yard"}]
        assert [volume["name"] for volume in pod["volumes"]] == ["site"]
        assert set(container["resources"]) == {"limits", "requests"}
    assert cluster["workerGroupSpecs"][0]["groupName"] == "workers"
