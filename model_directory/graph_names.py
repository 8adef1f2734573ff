"""The names in a graph that the exporter writes and the service goes by."""

from model_directory.manifest import Task

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
CLASSIFICATION_OUTPUTS = ("logits",)
SPAN_OUTPUTS = ("start_logits", "end_logits")

POSITION_EMBEDDINGS = "albert.embeddings.position_embeddings.weight"
"""A tensor [positions, embedding], in every precision."""


def outputs_of(task: Task) -> tuple[str, ...]:
    """The outputs of a graph for ``task``, in their order."""
    return SPAN_OUTPUTS if task is Task.QUESTION_ANSWERING else CLASSIFICATION_OUTPUTS
