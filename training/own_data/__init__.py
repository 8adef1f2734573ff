"""Fine-tuning on a user's own files: from labelled rows to a checkpoint that can be exported."""
