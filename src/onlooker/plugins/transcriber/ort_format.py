"""From ONNX Runtime's own file format to ONNX.

ONNX Runtime optimises `.onnx` when it loads one, `.ort` not: weights that are kept as int8 are then
turned into floats again at every step. A model rewritten once runs some fifteen times faster.

Source: the schema that ONNX Runtime ships, onnxruntime/core/flatbuffers/schema/ort.fbs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

_FBS = "onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs"
_TENSOR_KIND = 1  # of a value's type: the only one that is read


def to_onnx(ort_path: Path) -> Any:
    """Read an `.ort` file and give the ONNX model."""
    import onnx

    root = _class("InferenceSession").GetRootAs(bytearray(ort_path.read_bytes()), 0)
    source = root.Model()
    model = onnx.ModelProto(ir_version=source.IrVersion())
    _fill(model.graph, source.Graph())
    for opset in _each(source.OpsetImport, source.OpsetImportLength):
        model.opset_import.add(domain=_text(opset.Domain()), version=opset.Version())
    return model


def _fill(graph: Any, source: Any) -> None:
    graph.name = "graph"
    graph.initializer.extend(map(_tensor, _each(source.Initializers, source.InitializersLength)))
    values = {
        _text(value.Name()): _value(value)
        for value in _each(source.NodeArgs, source.NodeArgsLength)
    }
    known = {tensor.name for tensor in graph.initializer}
    inputs = map(_text, _each(source.Inputs, source.InputsLength))
    graph.input.extend(values[name] for name in inputs if name not in known)
    graph.output.extend(values[_text(name)] for name in _each(source.Outputs, source.OutputsLength))
    nodes = [_node(node) for node in _each(source.Nodes, source.NodesLength)]
    graph.node.extend(_ordered(nodes))


def _ordered(nodes: list[Any]) -> Iterator[Any]:
    """Put every node after those whose outputs it reads."""
    maker = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    waits = [{maker[name] for name in _read_by(node) if name in maker} for node in nodes]
    done: set[int] = set()
    for first in range(len(nodes)):
        stack = [first]
        while stack:
            index = stack[-1]
            if missing := waits[index] - done:
                stack += missing
                continue
            stack.pop()
            if index not in done:
                done.add(index)
                yield nodes[index]


def _read_by(node: Any) -> set[str]:
    """Name what a node reads, and what the graphs within it read from outside."""
    names = set(node.input)
    for attribute in node.attribute:
        if attribute.HasField("g"):
            made = {name for inner in attribute.g.node for name in inner.output}
            made |= {tensor.name for tensor in attribute.g.initializer}
            names |= {name for inner in attribute.g.node for name in _read_by(inner)} - made
    return names


def _node(source: Any) -> Any:
    import onnx

    node = onnx.NodeProto(
        name=_text(source.Name()), op_type=_text(source.OpType()), domain=_text(source.Domain())
    )
    node.input.extend(map(_text, _each(source.Inputs, source.InputsLength)))
    node.output.extend(map(_text, _each(source.Outputs, source.OutputsLength)))
    node.attribute.extend(map(_attribute, _each(source.Attributes, source.AttributesLength)))
    return node


def _attribute(source: Any) -> Any:
    import onnx

    kinds = onnx.AttributeProto
    attribute = kinds(name=_text(source.Name()), type=source.Type())
    match source.Type():
        case kinds.FLOAT:
            attribute.f = source.F()
        case kinds.INT:
            attribute.i = source.I()
        case kinds.STRING:
            attribute.s = source.S()
        case kinds.TENSOR:
            attribute.t.CopyFrom(_tensor(source.T()))
        case kinds.GRAPH:
            _fill(attribute.g, source.G())
        case kinds.FLOATS:
            attribute.floats.extend(_each(source.Floats, source.FloatsLength))
        case kinds.INTS:
            attribute.ints.extend(_each(source.Ints, source.IntsLength))
        case kinds.STRINGS:
            attribute.strings.extend(_each(source.Strings, source.StringsLength))
        case kind:
            raise ValueError(f"the attribute {attribute.name!r} is of the kind {kind}")
    return attribute


def _tensor(source: Any) -> Any:
    import onnx

    tensor = onnx.TensorProto(name=_text(source.Name()), data_type=source.DataType())
    tensor.dims.extend(_each(source.Dims, source.DimsLength))
    if source.RawDataLength():
        tensor.raw_data = source.RawDataAsNumpy().tobytes()
    tensor.string_data.extend(_each(source.StringData, source.StringDataLength))
    return tensor


def _value(source: Any) -> Any:
    """Read a value's element type; shapes are left open, as ONNX Runtime finds them itself."""
    from onnx import helper

    name, kind = _text(source.Name()), source.Type()
    if kind is None or kind.ValueType() != _TENSOR_KIND:
        return helper.make_empty_tensor_value_info(name)
    table, typed = kind.Value(), _class("TensorTypeAndShape")()
    typed.Init(table.Bytes, table.Pos)
    return helper.make_tensor_value_info(name, typed.ElemType(), None)


def _each(get: Callable[[int], Any], length: Callable[[], int]) -> Iterator[Any]:
    return (get(index) for index in range(length()))


def _text(data: bytes | None) -> str:
    return data.decode() if data else ""


def _class(name: str) -> Any:
    return getattr(import_module(f"{_FBS}.{name}"), name)
