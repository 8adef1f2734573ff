"""Measures the service against what onnxruntime does in process; never imported by the service."""
