"""`models`: lists, imports, converts and verifies weights."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.options import HERE, Json, SiteFolder
from cli.output import Output, counted
from jobs.commands.convert import (
    CALIBRATION_FRAMES,
    LEAST_AGREEMENT,
    LEAST_CALIBRATION_FRAMES,
    Converted,
    ConvertRequest,
    Target,
    convert_model,
)
from jobs.proofs import import_weights
from jobs.site import open_site
from storage.site.file import load_site
from storage.weights.catalogue import ModelStore
from storage.weights.files import Task
from storage.weights.site_models import open_models


def models_list(folder: SiteFolder = HERE, as_json: Json = False) -> None:
    """List the weights that this site can use."""
    output = Output(as_json)
    models = _model_store(folder).list()
    if as_json:
        output.json([asdict(model) for model in models])
        return
    rows = [[m.name, m.task, m.format, m.licence, m.sha256[:12], m.path] for m in models]
    output.table(["name", "task", "format", "licence", "sha256", "path"], rows)
    if not rows:
        output.say("none; `nightshift models import FILE` adds some")


def models_import(
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="Weights: a file, or a folder of OpenVINO or transformers.")
    ],
    folder: SiteFolder = HERE,
    name: Annotated[str | None, typer.Option("--name", help="Name of the model.", show_default="its own")] = None,
    task: Annotated[Task | None, typer.Option("--task", help="Their task.", show_default="what the file says")] = None,
    as_json: Json = False,
) -> None:
    """Copy weights into the site's folder models and record their sha256; detectors prove that they see people."""
    output = Output(as_json)
    model, proof = import_weights(_model_store(folder), source, name, task)
    if proof and proof.verdict == "unproven":
        output.warn(f"nothing proves that {model.name} finds anything: {proof.result}")
    if as_json:
        output.json(asdict(model))
    else:
        output.say(f"{model.name}: {model.task}, {model.format}, licence {model.licence}, sha256 {model.sha256}")
        if proof and proof.verdict == "able":
            output.say(proof.result)


def models_convert(
    source: Annotated[str, typer.Argument(metavar="NAME", help="Name of a detector's weights.")],
    folder: SiteFolder = HERE,
    target: Annotated[Target, typer.Option("--to", help="Format of the result; ONNX from Ultralytics' .pt only.")] = (
        "openvino"
    ),
    int8: Annotated[
        bool, typer.Option("--int8", help="Quantize to INT8, calibrated on frames of the archive.")
    ] = False,
    cameras: Annotated[
        list[str] | None, typer.Option("--camera", help="Only frames of this camera; repeat for more.")
    ] = None,
    frames: Annotated[
        int, typer.Option("--frames", min=LEAST_CALIBRATION_FRAMES, help="Most frames to calibrate on.")
    ] = CALIBRATION_FRAMES,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the result.", show_default="NAME-fp16, NAME-int8 or NAME.onnx")
    ] = None,
    least_agreement: Annotated[
        float,
        typer.Option(
            "--least-agreement", min=0, max=1, help="Share of the boxes that source and result must both find."
        ),
    ] = LEAST_AGREEMENT,
    as_json: Json = False,
) -> None:
    """Convert a detector to a faster format, and import it if it finds what its source finds."""
    output = Output(as_json)
    request = ConvertRequest(source, target, int8, tuple(cameras or ()), frames, name, least_agreement)
    with output.progress("convert") as bar:
        converted = convert_model(open_site(folder), request, bar.update)
    if converted.unreadable:
        output.warn(f"{counted(converted.unreadable, 'frame')} could not be read")
    if converted.proof and converted.proof.verdict == "unproven":
        output.warn(f"nothing proves that {converted.model.name} finds anything: {converted.proof.result}")
    if as_json:
        output.json(asdict(converted))
    else:
        _show_converted(output, converted)


def _show_converted(output: Output, converted: Converted) -> None:
    model = converted.model
    rows = [
        [where, each.pictures, each.boxes, each.found, each.converted_boxes, each.confirmed, f"{each.share:.1%}"]
        for where, each in sorted(converted.agreement.items())
    ]
    output.table(["pictures of", "", "boxes", "found again", "its boxes", "confirmed", "agreement"], rows)
    output.say(f"{model.name}: {model.task}, {model.format}, licence {model.licence}, sha256 {model.sha256}")
    output.say(model.origin)
    if converted.proof and converted.proof.verdict == "able":
        output.say(converted.proof.result)
    ratio = converted.source_s / converted.converted_s
    output.say(
        f"{converted.converted_s * 1000:.0f} ms of a core a picture, its source {converted.source_s * 1000:.0f} ms: "
        f"{ratio:.2f} times as fast"
    )
    if ratio <= 1:
        output.warn(f"{model.name} is not faster on this machine: keep its source")
    else:
        output.say(f'use it with model = "{model.name}" under [ops.detect] in site.toml')


def models_verify(folder: SiteFolder = HERE, as_json: Json = False) -> int:
    """Compare weights with their recorded sha256."""
    output = Output(as_json)
    checks = _model_store(folder).verify()
    if as_json:
        output.json([{"name": name, "ok": fine, "detail": detail} for name, fine, detail in checks])
    else:
        output.table(["name", "", "detail"], [[name, "ok" if fine else "BAD", detail] for name, fine, detail in checks])
    return 0 if all(fine for _, fine, _ in checks) else 1


def _model_store(folder: Path) -> ModelStore:
    files = load_site(folder)
    return open_models(files)
