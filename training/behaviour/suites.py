"""Which suite is a model's."""

from model_directory.manifest import Manifest, Task
from training.behaviour.cases import Suite
from training.behaviour.intents import OUT_OF_SCOPE_LABEL, intents_suite
from training.behaviour.question_answering import question_answering_suite
from training.behaviour.sentiment import NEGATIVE, POSITIVE, sentiment_suite
from training.behaviour.topics import HEADLINES, topics_suite


def suite_of(manifest: Manifest) -> Suite:
    """The suite of the model's task and labels. ValueError if there is none."""
    labels = set(manifest.labels)
    if manifest.task is Task.QUESTION_ANSWERING:
        return question_answering_suite()
    if labels == {NEGATIVE, POSITIVE}:
        return sentiment_suite()
    if labels == set(HEADLINES):
        return topics_suite()
    if OUT_OF_SCOPE_LABEL in labels:
        return intents_suite()
    raise ValueError(f"there is no suite for the labels {', '.join(manifest.labels[:8])}")
