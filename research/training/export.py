"""Weights of runs → the reader's folder: averaged, ONNX, fused, int8.

    python -m research.training.export RUN_FOLDER [RUN_FOLDER ...] READER_FOLDER [--float]

The weights of several runs are averaged; a run that is named twice counts twice.
`--float` keeps float32, to say what quantisation costs. The calibration is the next step's:
research/training/calibrate.py.
"""

import argparse
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from onnx import TensorProto
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.optimizer import optimize_model

from research.training.network import SpanReader, average, pretrained

_OUTPUTS = ("start", "end", "answers")


def export(network: SpanReader, path: Path) -> None:
    """Write the network as float32 ONNX, its layers fused."""
    # Three tensors that differ: equal ones would be merged in the graph.
    sample = (
        torch.randint(1000, 2000, (2, 24)),
        torch.ones((2, 24), dtype=torch.long),
        torch.cat([torch.zeros((2, 8)), torch.ones((2, 16))], dim=1).long(),
    )
    names = ("input_ids", "attention_mask", "token_type_ids")
    shape = {0: "batch", 1: "tokens"}
    torch.onnx.export(
        network.eval(),
        sample,
        str(path),
        input_names=list(names),
        output_names=list(_OUTPUTS),
        dynamic_axes={name: shape for name in (*names, "start", "end")} | {"answers": {0: "batch"}},
        opset_version=17,
        dynamo=False,  # the newer exporter's graphs are not those that the fusion knows
    )
    config = network.encoder.config
    fused = optimize_model(
        str(path),
        model_type="bert",
        num_heads=config.num_attention_heads,
        hidden_size=config.hidden_size,
    )
    fused.save_model_to_file(str(path))
    print("fused:", {name: n for name, n in fused.get_fused_operator_statistics().items() if n})


def quantize(path: Path, into: Path) -> None:
    """Weights as int8, a scale for each channel; activations are quantised as it runs."""
    quantize_dynamic(
        path,
        into,
        per_channel=True,
        reduce_range=True,  # processors without VNNI would overflow 16 bits
        weight_type=QuantType.QInt8,
        extra_options={"DefaultTensorType": TensorProto.FLOAT},  # fused nodes hide theirs
    )


def main() -> None:
    """Write model.onnx, tokenizer.json and config.json into READER_FOLDER."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("reader", type=Path)
    parser.add_argument("--float", action="store_true")
    options = parser.parse_args()
    network = SpanReader(pretrained())
    network.load_state_dict(average(options.runs))
    options.reader.mkdir(parents=True, exist_ok=True)
    (options.reader / "calibration.json").unlink(missing_ok=True)  # it was of other weights
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export(network, path)
        if options.float:
            shutil.copy(path, options.reader)
        else:
            quantize(path, options.reader / "model.onnx")
    for name in ("tokenizer.json", "config.json"):
        shutil.copy(pretrained() / name, options.reader)
    size = (options.reader / "model.onnx").stat().st_size
    print(f"{options.reader / 'model.onnx'}: {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
