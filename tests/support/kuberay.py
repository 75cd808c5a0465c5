"""The shape of KubeRay's custom resources, as far as our manifests use it, as a JSON schema.

Source: ``ray-operator/apis/ray/v1/raycluster_types.go`` and ``rayjob_types.go`` of github.com/ray-project/kuberay, from
which its CRDs are generated, and Kubernetes' core/v1 types of pods. No package that can be installed ships the CRDs.
Unknown keys are errors here, as ``kubectl apply --validate=strict`` makes them.
"""

from typing import Any

from jsonschema import Draft202012Validator

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
TEXTS: Schema = {"type": "object", "additionalProperties": TEXT}
QUANTITY: Schema = {
    "anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?([KMGTPE]i|[numkMGTPE])?$"}]
}


def _map(*required: str, **keys: Schema) -> Schema:
    return {"type": "object", "properties": keys, "required": list(required), "additionalProperties": False}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _one_of(*values: str) -> Schema:
    return {"enum": list(values)}


RESOURCES = _map(
    requests={"type": "object", "additionalProperties": QUANTITY},
    limits={"type": "object", "additionalProperties": QUANTITY},
)
CONTAINER = _map(
    "name",
    "image",
    name=NAME,
    image=TEXT,
    env=_list(_map("name", name=TEXT, value=TEXT)),
    ports=_list(_map("containerPort", name={**NAME, "maxLength": 15}, containerPort=COUNT)),
    resources=RESOURCES,
    securityContext=_map(
        allowPrivilegeEscalation=FLAG,
        readOnlyRootFilesystem=FLAG,
        capabilities=_map(add=_list(TEXT), drop=_list(TEXT)),
    ),
    volumeMounts=_list(_map("name", "mountPath", name=NAME, mountPath=TEXT, readOnly=FLAG, subPath=TEXT)),
)
POD = _map(
    "containers",
    containers={**_list(CONTAINER), "minItems": 1},
    volumes=_list(_map("name", name=NAME, persistentVolumeClaim=_map("claimName", claimName=NAME, readOnly=FLAG))),
    securityContext=_map(
        runAsNonRoot=FLAG,
        runAsUser=COUNT,
        runAsGroup=COUNT,
        fsGroup=COUNT,
        seccompProfile=_map("type", type=_one_of("RuntimeDefault", "Unconfined", "Localhost")),
    ),
    tolerations=_list(_map(key=TEXT, operator=_one_of("Exists", "Equal"), value=TEXT, effect=TEXT)),
    nodeSelector=TEXTS,
    serviceAccountName=NAME,
    automountServiceAccountToken=FLAG,
)
TEMPLATE = _map("spec", metadata=_map(labels=TEXTS, annotations=TEXTS), spec=POD)
RAY_CLUSTER = _map(
    "headGroupSpec",
    rayVersion=TEXT,
    enableInTreeAutoscaling=FLAG,
    suspend=FLAG,
    headServiceAnnotations=TEXTS,
    authOptions=_map(mode=_one_of("disabled", "token")),
    autoscalerOptions=_map(
        upscalingMode=_one_of("Default", "Aggressive", "Conservative"), idleTimeoutSeconds=COUNT, resources=RESOURCES
    ),
    headGroupSpec=_map("rayStartParams", "template", serviceType=TEXT, rayStartParams=TEXTS, template=TEMPLATE),
    workerGroupSpecs=_list(
        _map(
            *("groupName", "minReplicas", "maxReplicas", "rayStartParams", "template"),
            groupName=NAME,
            replicas=COUNT,
            minReplicas=COUNT,
            maxReplicas=COUNT,
            numOfHosts=COUNT,
            rayStartParams=TEXTS,
            template=TEMPLATE,
        )
    ),
)
RAY_JOB = _map(
    "entrypoint",
    entrypoint=TEXT,
    clusterSelector=TEXTS,
    rayClusterSpec=RAY_CLUSTER,
    submissionMode=_one_of("K8sJobMode", "HTTPMode", "InteractiveMode"),
    runtimeEnvYAML=TEXT,
    metadata=TEXTS,
    backoffLimit=COUNT,
    activeDeadlineSeconds=COUNT,
    shutdownAfterJobFinishes=FLAG,
    ttlSecondsAfterFinished=COUNT,
    suspend=FLAG,
)
KINDS = {"RayCluster": RAY_CLUSTER, "RayJob": RAY_JOB}


def problems(manifest: Schema) -> list[str]:
    """Returns what does not fit, each as ``PATH: MESSAGE``."""
    spec = KINDS.get(str(manifest.get("kind")))
    if spec is None:
        return [f"kind: {manifest.get('kind')!r} is none of {', '.join(KINDS)}"]
    document = _map(
        *("apiVersion", "kind", "metadata", "spec"),
        apiVersion=_one_of("ray.io/v1"),
        kind=TEXT,
        metadata=_map(name=NAME, generateName=TEXT, namespace=NAME, labels=TEXTS, annotations=TEXTS),
        spec=spec,
    )
    found = Draft202012Validator(document).iter_errors(manifest)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in found]
