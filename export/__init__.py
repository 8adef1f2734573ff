"""The exporter: a Hugging Face ALBERT checkpoint in, a verified model directory out."""

import os

# onnxruntime would report its use to Microsoft; read when it is first imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
