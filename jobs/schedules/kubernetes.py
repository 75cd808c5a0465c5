"""A schedule of Kubernetes: a CronJob that creates a RayJob of KubeRay, and what it needs to be allowed to.

KubeRay's own RayCronJob is alpha and was seen to fire twice. Fields are those of batch/v1 CronJob (Kubernetes 1.27, in
which ``timeZone`` is stable) and ray.io/v1 RayJob (KubeRay 1.1, which has ``backoffLimit`` and
``activeDeadlineSeconds``). The text is for people to edit: images, claims and sizes are the cluster's own.
"""

import json
import shlex
import textwrap
from importlib.metadata import version

from jobs.schedules.cron import weekdays
from jobs.schedules.schedule import Schedule
from jobs.schedules.systemd import AFTER_NIGHT_H

KUBECTL_IMAGE = "registry.k8s.io/kubectl:v1.33.0"


def manifest(schedule: Schedule) -> str:
    """Returns the manifest of a schedule, for ``kubectl apply -f``."""
    name, window = schedule.name, schedule.window
    length_s = round(window.length.total_seconds())
    ray_job = textwrap.indent(_ray_job(schedule, length_s), "    ")
    return f"""{schedule.mark}
# Edit the lines with "yours", then: kubectl apply -f FILE. `kubectl get cronjobs -l app=nightshift` lists schedules,
# `kubectl delete -l schedule={name} cronjob,configmap,rolebinding,role,serviceaccount` removes this one.
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {name}
  labels: {{app: nightshift, schedule: {name}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {name}
  labels: {{app: nightshift, schedule: {name}}}
rules:
  - apiGroups: [ray.io]
    resources: [rayjobs]
    verbs: [create]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {name}
  labels: {{app: nightshift, schedule: {name}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {name}}}
subjects:
  - kind: ServiceAccount
    name: {name}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
  labels: {{app: nightshift, schedule: {name}}}
data:
  rayjob.yaml: |
{ray_job}
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {name}
  labels: {{app: nightshift, schedule: {name}}}
spec:
  schedule: "{window.at.minute} {window.at.hour} * * {weekdays(window.days)}"
  timeZone: {window.zone.key}
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: {length_s} # a late start still ends by {window.until:%H:%M}
  jobTemplate:
    spec:
      backoffLimit: 2 # a second RayJob of one night does nothing
      template:
        metadata:
          labels: {{app: nightshift, schedule: {name}}}
        spec:
          serviceAccountName: {name}
          restartPolicy: Never
          containers:
            - name: create
              image: {KUBECTL_IMAGE}
              command: [kubectl, create, -f, /rayjob/rayjob.yaml]
              volumeMounts:
                - {{name: rayjob, mountPath: /rayjob, readOnly: true}}
          volumes:
            - name: rayjob
              configMap: {{name: {name}}}
"""


def _ray_job(schedule: Schedule, length_s: int) -> str:
    command = json.dumps(shlex.join(["nightshift", *schedule.command("--address", "auto")[1:]]))
    root = json.dumps(str(schedule.root))
    return f"""apiVersion: ray.io/v1
kind: RayJob
metadata:
  generateName: {schedule.name}-
  labels: {{app: nightshift, schedule: {schedule.name}}}
spec:
  entrypoint: {command}
  backoffLimit: 0
  activeDeadlineSeconds: {length_s + AFTER_NIGHT_H * 3600}
  shutdownAfterJobFinishes: true
  ttlSecondsAfterFinished: 3600
  rayClusterSpec:
    rayVersion: {version("ray")}
    headGroupSpec:
      rayStartParams: {{num-cpus: "0"}}
      template:
        spec:
{_pod("ray-head", root, 2)}
    workerGroupSpecs:
      - groupName: workers
        replicas: 2 # yours
        minReplicas: 2
        maxReplicas: 2
        rayStartParams: {{}}
        template:
          spec:
{textwrap.indent(_pod("ray-worker", root, 4), "  ")}"""


def _pod(container: str, root: str, cpus: int) -> str:
    """Returns the specification of a pod; 2 GB for each CPU, since a worker takes 1.5."""
    return f"""          containers:
            - name: {container}
              image: nightshift:{version("nightshift")} # yours: Python, Ray and Nightshift
              resources: # yours
                limits: {{cpu: "{cpus}", memory: {2 * cpus}Gi}}
                requests: {{cpu: "{cpus}", memory: {2 * cpus}Gi}}
              volumeMounts:
                - {{name: site, mountPath: {root}}}
          volumes:
            - name: site
              persistentVolumeClaim: {{claimName: nightshift-site}} # yours: the site's folder, ReadWriteMany"""
