"""Where models run: on the processor, or on a GPU by onnxruntime's CUDA provider."""

from dataclasses import dataclass
from typing import Any

import onnxruntime as ort

DEVICE_PATTERN = r"^(cpu|cuda(:[0-9]{1,3})?)$"
CPU_PROVIDER = "CPUExecutionProvider"
CUDA_PROVIDER = "CUDAExecutionProvider"


class DeviceError(Exception):
    """A model cannot run on the device that was asked for. The message is one sentence."""


@dataclass(frozen=True, slots=True)
class Device:
    """``cpu``, ``cuda``, or ``cuda:N`` for the GPU of that number."""

    name: str = "cpu"

    @property
    def is_gpu(self) -> bool:
        """Whether it is a GPU."""
        return self.name != "cpu"

    def providers(self) -> list[str | tuple[str, dict[str, Any]]]:
        """What onnxruntime calls it, the CPU for the rest behind it.

        On a GPU float32 stays float32, which by default is TF32, and LayerNormalization adds up in
        float32, which by default some releases do in float16.
        """
        if not self.is_gpu:
            return [CPU_PROVIDER]
        options = {
            "device_id": self.name.partition(":")[2] or "0",
            "use_tf32": "0",
            "enable_skip_layer_norm_strict_mode": "1",
        }
        return [(CUDA_PROVIDER, options), CPU_PROVIDER]

    def missing(self) -> str | None:
        """Why the installed onnxruntime cannot use it, or None."""
        if not self.is_gpu or CUDA_PROVIDER in ort.get_available_providers():
            return None
        return (
            "the onnxruntime that is installed has no CUDA; put the one that has in its place: "
            "pip uninstall onnxruntime, then pip install 'onnxruntime-gpu[cuda,cudnn]'"
        )


CPU = Device()
