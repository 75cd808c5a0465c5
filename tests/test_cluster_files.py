"""The cluster files fit the schemas of what reads them: Ray's cluster launcher, and KubeRay's custom resources."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.kuberay import problems

ROOT = Path(__file__).parents[1]
CLUSTER = (ROOT / "ray_cluster.yaml").read_text()
KUBERNETES = ROOT / "deploy" / "kubernetes"
REPLACED = ("provider", "auth", "min_workers", "max_workers", "initialization_commands", "head_setup_commands")

VALIDATE = """
import json, logging, sys
from ray.autoscaler._private.util import prepare_config, validate_config
logging.disable()
for config in json.load(sys.stdin):
    try:
        prepared = prepare_config(config)
        validate_config(prepared)
        print(json.dumps({name: each["max_workers"] for name, each in prepared["available_node_types"].items()}))
    except Exception as error:
        print(json.dumps(str(error).splitlines()[0]))
"""


def cluster_config() -> dict[str, Any]:
    return yaml.safe_load(CLUSTER)


def variant(cloud: str) -> dict[str, Any]:
    """Does what the file says: uncomments a variant, and deletes the keys that it replaces."""
    (commented,) = re.findall(rf"^# --- {cloud} ---\n((?:#.*\n)+)", CLUSTER, re.MULTILINE)
    kept = {key: value for key, value in cluster_config().items() if key not in REPLACED}
    return kept | yaml.safe_load(re.sub(r"^# ?", "", commented, flags=re.MULTILINE))


def validated(*configs: dict[str, Any]) -> list[Any]:
    """Returns each configuration's node types with their most machines, or what Ray says against it."""
    command = [sys.executable, "-W", "ignore", "-c", VALIDATE]
    done = subprocess.run(command, input=json.dumps(configs), capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_ray_accepts_the_cluster_file_and_both_of_its_clouds():
    config, clouds = cluster_config(), [variant("aws"), variant("gcp")]
    broken = [config | {"no_such_key": 1}, clouds[0] | {"head_node_type": "none"}]
    local, aws, gcp, unknown, headless = validated(config, *clouds, *broken)
    assert local == {"local.cluster.node": len(config["provider"]["worker_ips"])}
    assert aws == gcp == {"head": 0, "cpu_worker": 10, "gpu_worker": 2}
    assert "no_such_key" in unknown and "head_node_type" in headless, "the check can fail"


def test_the_file_says_which_keys_a_cloud_replaces():
    said = " ".join(re.findall(r"^# (.*)$", CLUSTER, re.MULTILINE))
    assert f"delete {', '.join(REPLACED[:-1])} and {REPLACED[-1]} above" in said


def test_the_commented_mounts_are_commands_and_the_archive_is_read_only():
    (block,) = re.findall(r"^initialization_commands: \[\]\n((?:#  - .*\n)+)", CLUSTER, re.MULTILINE)
    archive, results = yaml.safe_load(re.sub(r"^#", "", block, flags=re.MULTILINE))
    assert "-o ro," in archive and " -o " not in results


@pytest.mark.parametrize("config", [cluster_config(), variant("aws"), variant("gcp")], ids=["local", "aws", "gcp"])
def test_every_start_of_ray_asks_for_the_token_and_shows_its_dashboard_to_nobody(config):
    starts = [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]
    starts = [each for each in starts if " start " in each]
    assert len(starts) == 2 and all(each.startswith("RAY_AUTH_MODE=token ") for each in starts)
    assert "--dashboard-host=127.0.0.1" in starts[0] and "~/.ray/auth_token" in config["file_mounts"]
    assert {".git/**", ".venv/**"} <= set(config["rsync_exclude"])


def manifest(name: str) -> dict[str, Any]:
    return yaml.safe_load((KUBERNETES / name).read_text())


@pytest.mark.parametrize("name", sorted(path.name for path in KUBERNETES.glob("*.yaml")))
def test_a_kubernetes_manifest_fits_its_custom_resource(name):
    assert problems(manifest(name)) == []


def test_the_pods_of_the_cluster_read_the_archive_only_and_are_nobody_special():
    spec = manifest("ray-cluster.yaml")["spec"]
    pods = [group["template"]["spec"] for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"])]
    assert len(pods) == 3 and spec["authOptions"] == {"mode": "token"}
    for pod in pods:
        (container,) = pod["containers"]
        mounts = {mount["name"]: mount.get("readOnly", False) for mount in container["volumeMounts"][:2]}
        assert mounts == {"archive": True, "results": False}
        assert pod["securityContext"]["runAsNonRoot"] and not container["securityContext"]["allowPrivilegeEscalation"]
    assert pods[2]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_the_job_selects_the_cluster_that_is_beside_it():
    cluster, job = manifest("ray-cluster.yaml"), manifest("ray-job.yaml")
    assert job["spec"]["clusterSelector"] == {"ray.io/cluster": cluster["metadata"]["name"]}


def set_in(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """Returns a function that sets a key of a manifest's ``spec``; ``None`` removes it."""

    def damage(manifest: dict[str, Any]) -> None:
        *folders, key = path.split("/")
        at: Any = manifest["spec"]
        for folder in folders:
            at = at[int(folder) if folder.isdigit() else folder]
        if value is None:
            del at[key]
        else:
            at[key] = value

    return damage


LIMITS = "workerGroupSpecs/0/template/spec/containers/0/resources/limits"
BROKEN = {
    "a misspelt key": ("enableInTreeAutoscalng", set_in("enableInTreeAutoscalng", True)),
    "a missing key": ("headGroupSpec", set_in("headGroupSpec", None)),
    "a number where text belongs": ("num-cpus", set_in("headGroupSpec/rayStartParams/num-cpus", 0)),
    "no quantity": ("limits.memory", set_in(f"{LIMITS}/memory", "8 GB")),
    "no such mode": ("upscalingMode", set_in("autoscalerOptions/upscalingMode", "Fast")),
    "no such kind": ("kind", lambda manifest: manifest.update(kind="RayClusters")),
}


@pytest.mark.parametrize(("where", "damage"), BROKEN.values(), ids=BROKEN)
def test_a_manifest_that_does_not_fit_is_found_out(where, damage):
    damaged = json.loads(json.dumps(manifest("ray-cluster.yaml")))
    damage(damaged)
    (found,) = problems(damaged)
    assert where in found
