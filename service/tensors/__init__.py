"""Named arrays and texts as the Open Inference Protocol has them, and their two forms on the wire.

Knows arrays, and nothing of HTTP or models.
"""
