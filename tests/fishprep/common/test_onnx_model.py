"""Models written without the library of ONNX, read by it."""

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from fishprep.common.onnx_model import IR_VERSION, OPSET, OnnxModel
from fishprep.common.weights import WeightStore
from fishprep.detectors.blazeface import load_blazeface_network
from fishprep.detectors.blazeface_graph import IMAGES, PLACES, SCORES, graph_of


def small() -> onnx.ModelProto:
    """(N, 2, H, W) to its transposed double, by a constant that is long and one that is negative."""
    model = OnnxModel()
    twice = model.node("Mul", "images", model.constant(np.full((1, 2, 1, 1), 2, np.float32)))
    rows = model.node("Reshape", twice, model.constant(np.array((0, 2, -1), np.int64)))
    model.node("Transpose", rows, output="out", perm=(0, 2, 1))
    model.node("Gather", "images", model.constant(np.arange(300, dtype=np.int64) % 2), output="long", axis=-3)
    shape = ("tiles", 2, "height", "width")
    return onnx.load_from_string(
        model.to_bytes({"images": shape}, {"out": ("tiles", "pixels", 2), "long": ("tiles", 300, "height", "width")})
    )


def test_the_library_reads_what_was_written() -> None:
    model = small()
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version == IR_VERSION
    assert [(each.domain, each.version) for each in model.opset_import] == [("", OPSET)]
    sizes = [size.dim_value or size.dim_param for size in model.graph.input[0].type.tensor_type.shape.dim]
    assert sizes == ["tiles", 2, "height", "width"]
    attributes = [onnx.helper.get_attribute_value(each) for node in model.graph.node for each in node.attribute]
    assert attributes == [[0, 2, 1], -3]


def test_and_computes_what_was_meant() -> None:
    images = np.arange(24, dtype=np.float32).reshape(2, 2, 3, 2)
    out, long = ReferenceEvaluator(small()).run(None, {"images": images})
    np.testing.assert_array_equal(out, 2 * images.reshape(2, 2, 6).transpose(0, 2, 1))
    np.testing.assert_array_equal(long, np.tile(images, (1, 150, 1, 1)))


def test_blazefaces_graph_is_one_of_any_height_and_width() -> None:
    model = onnx.load_from_string(graph_of(load_blazeface_network(WeightStore.from_environment(None))))
    onnx.checker.check_model(model, full_check=True)
    assert [each.name for each in model.graph.input] == [IMAGES]
    assert [each.name for each in model.graph.output] == [SCORES, PLACES]
