"""What other tools make of a checkpoint: ``python -m bench.peer_files CHECKPOINT DIRECTORY``.

Runs in the peers' environment. ``DIRECTORY/made.json`` tells which files could not be made and why,
and the versions of the tools. Each tool is used as its manual says, with its defaults; what is set
otherwise says why.
"""

import json
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
from transformers import AlbertForQuestionAnswering, AlbertForSequenceClassification

from bench.peer_worker import refuse_telemetry

REPORT = "made.json"
TOOLS = ("torch", "transformers", "onnxruntime", "openvino", "nncf")
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
CALIBRATION_SEQUENCES = 32
"""Of random ids: enough for figures of speed, which are all that is asked for here."""


class Wrapped(torch.nn.Module):
    """The model with its inputs in the order of INPUTS, and a tuple of logits as its output."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        answers = isinstance(model, AlbertForQuestionAnswering)
        self.outputs = ["start_logits", "end_logits"] if answers else ["logits"]

    def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
        """Logits of int64 [batch, tokens] each."""
        said = self.model(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        )
        return tuple(said[name] for name in self.outputs)


def load_model(checkpoint: Path) -> Wrapped:
    """The model as transformers makes it, with its default attention."""
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    heads = (AlbertForQuestionAnswering, AlbertForSequenceClassification)
    head = next(head for head in heads if head.__name__ in config["architectures"])
    return Wrapped(head.from_pretrained(checkpoint).eval()).eval()


def example_inputs() -> tuple[torch.Tensor, ...]:
    """Two sequences of 64 tokens, one of them padded, so that no exporter takes the mask for one
    that may be left out.
    """
    ids = torch.randint(5, 1000, (2, 64))
    mask = torch.ones_like(ids)
    mask[1, 48:] = 0
    return ids, mask, torch.zeros_like(ids)


def export_by_tracing(model: Wrapped, path: Path) -> None:
    """The older exporter of torch, which traces (TorchScript)."""
    torch.onnx.export(
        model,
        example_inputs(),
        str(path),
        input_names=list(INPUTS),
        output_names=model.outputs,
        dynamic_axes={name: {0: "batch", 1: "sequence"} for name in INPUTS},
        dynamo=False,
    )


def export_by_dynamo(model: Wrapped, path: Path) -> None:
    """The default exporter of torch (torch.export)."""
    longest = model.model.config.max_position_embeddings
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence", max=longest)}
    torch.onnx.export(
        model,
        example_inputs(),
        str(path),
        input_names=list(INPUTS),
        output_names=model.outputs,
        dynamic_shapes=[axes] * len(INPUTS),
        external_data=False,  # one file, as the others
    )


def quantise_dynamically(exported: Path, path: Path) -> None:
    """The ``quantize_dynamic`` of onnxruntime."""
    from onnxruntime.quantization import quantize_dynamic

    quantize_dynamic(exported, path)


def prepare_and_quantise(exported: Path, path: Path) -> None:
    """The same behind ``quant_pre_process``, which onnxruntime advises. Without ``auto_merge`` it
    refuses the files of both exporters ("Incomplete symbolic shape inference").
    """
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = path.with_name(f"{path.stem}-before.onnx")
    quant_pre_process(exported, prepared, auto_merge=True)
    quantise_dynamically(prepared, path)


def quantise_for_openvino(source: Path | Wrapped, path: Path) -> None:
    """OpenVINO's conversion and NNCF's static quantisation."""
    refuse_telemetry()
    import nncf
    import openvino

    if isinstance(source, Wrapped):
        model = openvino.convert_model(
            source, example_input=dict(zip(INPUTS, example_inputs(), strict=True))
        )
    else:
        model = openvino.convert_model(source)
    openvino.save_model(
        nncf.quantize(
            model,
            nncf.Dataset(calibration_sequences()),
            model_type=nncf.ModelType.TRANSFORMER,
            subset_size=CALIBRATION_SEQUENCES,
        ),
        path,
    )


def calibration_sequences() -> list[dict[str, Any]]:
    """Random ids of different lengths, each int64 [1, tokens]."""
    random = np.random.default_rng(0)
    sequences = []
    for tokens in random.integers(16, 129, CALIBRATION_SEQUENCES):
        ids = random.integers(5, 30_000, (1, tokens))
        arrays = ids, np.ones_like(ids), np.zeros_like(ids)
        sequences.append(dict(zip(INPUTS, arrays, strict=True)))
    return sequences


class Step(NamedTuple):
    """``make`` writes ``file``, of the file ``source`` or, without one, of the torch model."""

    file: str
    make: Callable[[Any, Path], None]
    source: str | None = None


STEPS = (
    Step("traced.onnx", export_by_tracing),
    Step("dynamo.onnx", export_by_dynamo),
    Step("traced-int8.onnx", quantise_dynamically, "traced.onnx"),
    Step("dynamo-int8.onnx", quantise_dynamically, "dynamo.onnx"),
    Step("traced-prepared-int8.onnx", prepare_and_quantise, "traced.onnx"),
    Step("dynamo-prepared-int8.onnx", prepare_and_quantise, "dynamo.onnx"),
    Step("openvino-of-onnx.xml", quantise_for_openvino, "traced.onnx"),
    Step("openvino-of-torch.xml", quantise_for_openvino),
)


def main() -> None:
    """Make every file that can be made."""
    checkpoint, directory = (Path(argument) for argument in sys.argv[1:])
    model = load_model(checkpoint)
    failures: dict[str, str] = {}
    for step in STEPS:
        if step.source in failures:
            failures[step.file] = failures[step.source]
            continue
        try:
            step.make(directory / step.source if step.source else model, directory / step.file)
        except Exception as error:
            failures[step.file] = f"{type(error).__name__}: {error}"
    versions = {tool: version(tool) for tool in TOOLS}
    report = {"failures": failures, "versions": versions}
    (directory / REPORT).write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main()
