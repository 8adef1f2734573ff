"""Measures the service against what onnxruntime does in process; never imported by the service."""

import os

# onnxruntime would report its use to Microsoft; read when it is first imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
