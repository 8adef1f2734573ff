"""The inference service: HTTP in, onnxruntime in the middle, labels and answers out."""

__version__ = "0.1.0"
