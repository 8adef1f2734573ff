"""The peers: how each is started with a model, asked, and understood."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.cli import ROOM_SECONDS
from bench.peers.server import HOST, Scores, Server, free_port
from bench.peers.servers.conditions import BATCH_WAIT_SECONDS, Conditions
from bench.subject import NAME

OURS = "albert-serve"
FP32, INT8 = "fp32", "int8"

Command = Callable[[Path, Conditions, Path], Sequence[str]]
"""From the Python of an environment, the conditions and an empty directory, a command line."""


@dataclass(frozen=True, slots=True)
class Peer:
    """``environment`` is the name of its lock file, ``distribution`` that of its package."""

    environment: str
    name: str
    distribution: str
    path: str
    command: Command
    body: Callable[[str], str]
    scores: Callable[[Any], Scores]


def inputs_body(text: str) -> str:
    """The body that Hugging Face's clients send."""
    return json.dumps({"inputs": text})


def listed_scores(answer: Any) -> Scores:
    """Of ``[{"label": …, "score": …}, …]``."""
    return {each["label"]: each["score"] for each in answer}


def first_listed_scores(answer: Any) -> Scores:
    """Of the first text of a list of such answers."""
    return listed_scores(answer[0])


def _module(name: str) -> Command:
    return lambda python, conditions, directory: [str(python), "-m", f"bench.peers.servers.{name}"]


def _fastapi(python: Path, conditions: Conditions, directory: Path) -> Sequence[str]:
    app = "bench.peers.servers.fastapi_route:app"
    address = ["--host", HOST, "--port", str(conditions.port)]
    return [str(python), "-m", "uvicorn", app, *address, "--no-access-log"]


def _bentoml(python: Path, conditions: Conditions, directory: Path) -> Sequence[str]:
    service = "bench.peers.servers.bentoml_service:Inference"
    address = ["--host", HOST, "--port", str(conditions.port)]
    return [str(python), "-m", "bentoml", "serve", service, *address]


def _bentoml_body(text: str) -> str:
    return json.dumps({"inputs": [text]})


def _mlserver(python: Path, conditions: Conditions, directory: Path) -> Sequence[str]:
    settings = {
        "host": HOST,
        "http_port": conditions.port,
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "parallel_workers": conditions.cores,
        "debug": False,
    }
    model = {
        "name": NAME,
        "implementation": "bench.peers.servers.mlserver_runtime.Inference",
        "max_batch_size": conditions.batch_size,
        "max_batch_time": BATCH_WAIT_SECONDS,
    }
    (directory / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    (directory / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")
    return [str(python.with_name("mlserver")), "start", str(directory)]


def _mlserver_body(text: str) -> str:
    tensor = {"name": "text", "shape": [1, 1], "datatype": "BYTES", "data": [text]}
    return json.dumps({"inputs": [tensor]})


def _mlserver_scores(answer: Any) -> Scores:
    outputs = {each["name"]: each["data"] for each in answer["outputs"]}
    return dict(zip(outputs["labels"], outputs["scores"], strict=True))


def _infinity(python: Path, conditions: Conditions, directory: Path) -> Sequence[str]:
    # Its own directory is the model's: Infinity looks for the graph by a path relative to that.
    for name in ("model.onnx", "tokenizer.json"):
        (directory / name).symlink_to(conditions.directory / name)
    labels = dict(enumerate(conditions.labels))
    config = {
        "model_type": "albert",
        "architectures": ["AlbertForSequenceClassification"],
        "id2label": labels,
        "label2id": {label: index for index, label in labels.items()},
    }
    tokenizer = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 512,
        "pad_token": "<pad>",
        "model_input_names": ["input_ids", "attention_mask", "token_type_ids"],
    }
    (directory / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (directory / "tokenizer_config.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    command = [str(python.with_name("infinity_emb")), "v2", "--model-id", "."]
    command += ["--served-model-name", NAME, "--engine", "optimum", "--device", "cpu"]
    command += ["--onnx-disable-optimize", "--onnx-do-not-prefer-quantized"]
    command += ["--no-model-warmup"]  # which runs texts longer than the model, and cuts none
    command += ["--host", HOST, "--port", str(conditions.port), "--log-level", "error"]
    return command


def _infinity_body(text: str) -> str:
    return json.dumps({"model": NAME, "input": [text]})


def _infinity_scores(answer: Any) -> Scores:
    return first_listed_scores(answer["data"])


PEERS = (
    Peer("fastapi", "plain FastAPI", "fastapi", "/classify", _fastapi, inputs_body, listed_scores),
    Peer(
        "infinity",
        "Infinity",
        "infinity-emb",
        "/classify",
        _infinity,
        _infinity_body,
        _infinity_scores,
    ),
    Peer(
        "mosec",
        "mosec",
        "mosec",
        "/inference",
        _module("mosec_server"),
        inputs_body,
        listed_scores,
    ),
    Peer(
        "litserve",
        "LitServe",
        "litserve",
        "/predict",
        _module("litserve_server"),
        inputs_body,
        listed_scores,
    ),
    Peer(
        "mlserver",
        "MLServer",
        "mlserver",
        f"/v2/models/{NAME}/infer",
        _mlserver,
        _mlserver_body,
        _mlserver_scores,
    ),
    Peer(
        "bentoml",
        "BentoML",
        "bentoml",
        "/classify",
        _bentoml,
        _bentoml_body,
        first_listed_scores,
    ),
)


def named(name: str, precision: str) -> str:
    """As the tables call a server with a file of ``precision``."""
    return name if precision == FP32 else f"{name}, {precision}"


def peer_server(peer: Peer, python: Path, conditions: Conditions, precision: str) -> Server:
    """``peer`` from its environment's ``python``; it gets its port when it is started."""

    def here(port: int) -> Conditions:
        return replace(conditions, port=port)

    def command(port: int, directory: Path) -> Sequence[str]:
        return peer.command(python, here(port), directory)

    def environment(port: int) -> dict[str, str]:
        return here(port).as_environment()

    name = named(peer.name, precision)
    return Server(name, precision, peer.path, command, peer.body, peer.scores, environment)


def own_server(models: Path, precision: str, python: Path = Path(sys.executable)) -> Server:
    """albert-serve with its defaults, but for a queue that is long enough to refuse nothing."""

    def command(port: int, directory: Path) -> Sequence[str]:
        flags = ["--host", HOST, "--port", str(port), "--max-queue-seconds", str(ROOM_SECONDS)]
        return [str(python), "-m", "service", "--models", str(models.absolute()), *flags]

    name, path = named(OURS, precision), f"/v1/models/{NAME}"
    return Server(name, precision, path, command, inputs_body, first_listed_scores)
