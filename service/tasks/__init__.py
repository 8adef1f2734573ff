"""From texts to token sequences, and from logits to labels and answers. Knows nothing of HTTP or
threads.
"""
