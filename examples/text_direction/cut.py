"""PP-OCR's classifier of text directions without the Softmax at its end, which the host may compute if it wants it."""

import argparse
from pathlib import Path

import onnx


def without_softmax(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model, changed: its only output is what its one Softmax reads, float32 (1, 2)."""
    nodes = model.graph.node
    found = [index for index, node in enumerate(nodes) if node.op_type == "Softmax"]
    if len(found) != 1:
        raise SystemExit(
            f"error: the model has {len(found)} Softmax nodes, but must have one; give PP-OCR's classifier"
        )
    logits = onnx.helper.make_tensor_value_info(nodes[found[0]].input[0], onnx.TensorProto.FLOAT, [1, 2])
    # After it the file only renames its result.
    del nodes[found[0] :], model.graph.output[:]
    model.graph.output.append(logits)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="ch_ppocr_mobile_v2.0_cls_infer.onnx")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    onnx.save(without_softmax(onnx.load(arguments.model)), arguments.output)


if __name__ == "__main__":
    main()
