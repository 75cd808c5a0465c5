"""Loads a depth network of any format."""

from ops.depth_models.network import DepthNetwork
from schemas.errors import ModelError
from schemas.values import ModelFile


def load_depth_network(model: ModelFile, cpus: int) -> DepthNetwork:
    """Loads a transformers folder, an ONNX file or OpenVINO IR, for ``cpus`` threads.

    Raises:
        ModelError: it cannot be loaded, or nothing says what its output means.
    """
    if model.format == "transformers":
        from ops.depth_models.transformers_folder import load_folder

        return load_folder(model, cpus)
    if model.format in {"onnx", "openvino"}:
        from ops.depth_models.graph import load_graph

        return load_graph(model, cpus)
    raise ModelError(f"{model.path}: a {model.format} file; depth needs a transformers folder, ONNX or OpenVINO")
