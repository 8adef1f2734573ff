"""The Open Inference Protocol v2, as KServe and Triton have it, on ``/v2``.

A model has two faces: its own name takes texts, and the name with ``_tensors`` takes token ids.
"""
