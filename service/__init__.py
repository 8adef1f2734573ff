"""The inference service: HTTP in, onnxruntime in the middle, labels and answers out."""

import os

# Both are read by libraries when they are first imported, so they stand before any other import.
# onnxruntime would report its use to Microsoft; Rust threads inside a tokenizer would compete with
# the worker threads.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

__version__ = "0.1.0"
