"""The exporter: a Hugging Face ALBERT checkpoint in, a verified model directory out."""
