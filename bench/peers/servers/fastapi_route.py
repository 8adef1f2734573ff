"""A plain FastAPI route: one text a run, as many runs at once as there are cores.

Starlette documents its thread pool's size as what to tune for routes that are not coroutines.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI
from pydantic import BaseModel

from bench.peers.servers.classifier import Classifier
from bench.peers.servers.conditions import Conditions

conditions = Conditions.read()
classifier = Classifier(conditions)


class Question(BaseModel):
    """One text."""

    inputs: str


class Answer(BaseModel):
    """One label of it."""

    label: str
    score: float


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Limit the threads to the cores."""
    current_default_thread_limiter().total_tokens = conditions.cores
    yield


app = FastAPI(lifespan=lifespan)


@app.post("/classify")
def classify(question: Question) -> list[Answer]:
    """Every label of the text, best first."""
    return [Answer(**score) for score in classifier.classify([question.inputs])[0]]
