"""The model directory: what the exporter writes, the service reads, and both share."""
