"""Models in the format of ONNX, written without its library: of its messages (onnx.proto, IR version 8) those that a plain network needs.

A message is a row of fields, each a number and a whole number, or bytes with their length before them (protobuf's wire format).
"""

import numpy as np

IR_VERSION = 8
OPSET = 18
"""As `fishfsr.export` writes: every runtime since 2023 knows it."""

_ELEMENTS = {
    np.dtype(kind): number
    for kind, number in ((np.float32, 1), (np.uint8, 2), (np.int8, 3), (np.int32, 6), (np.int64, 7))
}
Shapes = dict[str, tuple[int | str, ...]]
_INT, _STRING, _INTS = 2, 3, 7  # kinds of attributes


class OnnxModel:
    """A graph that grows by what is added; the name of each result is what later nodes take."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []

    def constant(self, values: np.ndarray) -> str:
        """float32, uint8, int8, int32 or int64 values, of any shape; their name."""
        name = f"constant{len(self._constants)}"
        dims = b"".join(_field(1, size) for size in values.shape)
        raw = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
        self._constants.append(dims + _field(2, _ELEMENTS[values.dtype]) + _field(8, name) + _field(9, raw))
        return name

    def node(self, operator: str, *inputs: str, output: str = "", **attributes: int | str | tuple[int, ...]) -> str:
        """One operator on named inputs (empty: one that is left out); the name of what comes out, `output` where that is given."""
        name = output or f"result{len(self._nodes)}"
        told = b"".join(_field(5, _attribute(key, value)) for key, value in attributes.items())
        self._nodes.append(b"".join(_field(1, each) for each in inputs) + _field(2, name) + _field(4, operator) + told)
        return name

    def to_bytes(self, inputs: Shapes, outputs: Shapes, outputs_are: type = np.float32) -> bytes:
        """The model. inputs, outputs: name → shape, of float32 and of `outputs_are`; a size is a number, or a name where it is free."""
        graph = (
            b"".join(_field(1, node) for node in self._nodes)
            + _field(2, "network")
            + b"".join(_field(5, constant) for constant in self._constants)
            + b"".join(_field(11, _value(name, shape)) for name, shape in inputs.items())
            + b"".join(_field(12, _value(name, shape, outputs_are)) for name, shape in outputs.items())
        )
        return _field(1, IR_VERSION) + _field(7, graph) + _field(8, _field(1, "") + _field(2, OPSET))


def _attribute(name: str, value: int | str | tuple[int, ...]) -> bytes:
    if isinstance(value, int):
        said = _field(3, value) + _field(20, _INT)
    elif isinstance(value, str):
        said = _field(4, value) + _field(20, _STRING)
    else:
        said = b"".join(_field(8, each) for each in value) + _field(20, _INTS)
    return _field(1, name) + said


def _value(name: str, shape: tuple[int | str, ...], elements: type = np.float32) -> bytes:
    sizes = b"".join(_field(1, _field(1 if isinstance(size, int) else 2, size)) for size in shape)
    tensor = _field(1, _ELEMENTS[np.dtype(elements)]) + _field(2, sizes)
    return _field(1, name) + _field(2, _field(1, tensor))


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    """Seven bits a byte, the least first; a negative number as one of 64 bits."""
    value &= (1 << 64) - 1
    rest = bytearray()
    while value >= 0x80:
        rest.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*rest, value))
