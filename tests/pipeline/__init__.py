"""Question answering held to Hugging Face's pipeline of transformers 5.2.0, the last that has it.

``python -m tests.pipeline`` asks that pipeline and keeps its answers in golden files; the tests
compare with those, without torch or transformers.
"""
