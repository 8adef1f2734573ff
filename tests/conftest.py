"""Property tests have no deadline: an example's time says nothing on a busy machine."""

import os

from hypothesis import settings

# onnxruntime would report its use to Microsoft; read when it is first imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
