"""Reads the data sets, xz-compressed, into plain rows; ``README.md`` says where each is from."""

import json
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.splits import held_out_rows, is_held_out_article, mentions_any

SENTIMENT_LABELS = ("negative", "positive")
TOPIC_LABELS = ("World", "Sports", "Business", "Sci/Tech")
TOPIC_HELD_OUT = 2_000
IMDB_HELD_OUT = 1_000
OUT_OF_SCOPE = "out_of_scope"
ENTITIES = {
    "#39;": "'",
    "&quot;": '"',
    "quot;": '"',
    "&amp;": "&",
    "amp;": "&",
    "&lt;": "<",
    "&gt;": ">",
}


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text and the number of its label."""

    text: str
    label: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question over a context. ``answers`` are (first character, text); none: unanswerable."""

    article: str
    context: str
    question: str
    answers: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One text of the unlabelled corpus, as its paragraphs."""

    title: str
    paragraphs: tuple[str, ...]


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of an ``.jsonl.xz`` file; a broken line is an error that names it."""
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}, line {number}: not a JSON object ({error})") from error


def read_wikipedia(path: Path) -> Iterator[Document]:
    """Articles of a shard: ``= Title =`` lines, one paragraph a line; not the held-out ones."""
    title, paragraphs = "", []
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            line = line.strip()
            if line.startswith("= ") and line.endswith(" ="):
                if paragraphs and not is_held_out_article(title):
                    yield Document(title, tuple(paragraphs))
                title, paragraphs = line[2:-2].strip(), []
            elif line:
                paragraphs.append(line)
    if paragraphs and not is_held_out_article(title):
        yield Document(title, tuple(paragraphs))


def read_reviews(path: Path) -> Iterator[Document]:
    """The unlabelled reviews, one a line."""
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            text = line.replace("<br />", " ").strip()
            if text:
                yield Document("", (text,))


def read_sst2(data: Path, part: str) -> list[LabelledText]:
    """SST-2, ``part`` train or dev: film review phrases, tokenised in the Penn Treebank's way."""
    return [
        LabelledText(row["text"], SENTIMENT_LABELS.index(row["label"]))
        for row in read_rows(data / "sentiment" / f"sst2-{part}.jsonl.xz")
    ]


def read_reviews_labelled(data: Path, name: str) -> list[LabelledText]:
    """The other sentiment sets, whose labels are ``negative``/``positive`` or 0/1."""
    labels = {"negative": 0, "positive": 1, "0": 0, "1": 1}
    return [
        LabelledText(row["text"].replace("<br />", " ").strip(), labels[str(row["label"])])
        for row in read_rows(data / "sentiment" / f"{name}.jsonl.xz")
    ]


def read_imdb(data: Path) -> tuple[list[LabelledText], list[LabelledText]]:
    """The training part of the Large Movie Review Dataset as (training rows, own held-out rows)."""
    rows = read_reviews_labelled(data, "imdb-train")
    held_out = held_out_rows([row.text for row in rows], IMDB_HELD_OUT)
    return (
        [row for number, row in enumerate(rows) if number not in held_out],
        [rows[number] for number in sorted(held_out)],
    )


def read_ag_news(data: Path) -> tuple[list[LabelledText], list[LabelledText]]:
    """AG News as (training rows, own held-out rows); remains of HTML entities are resolved."""
    rows = list(read_rows(data / "topics" / "ag-news-train.jsonl.xz"))
    texts = [clean_news(row["text"]) for row in rows]
    held_out = held_out_rows(texts, TOPIC_HELD_OUT)
    train: list[LabelledText] = []
    validation: list[LabelledText] = []
    for number, (row, text) in enumerate(zip(rows, texts, strict=True)):
        split = validation if number in held_out else train
        split.append(LabelledText(text, TOPIC_LABELS.index(row["label"])))
    return train, validation


def read_bbc_news(data: Path) -> list[Document]:
    """BBC articles, title first; used unlabelled, for the language of news."""
    return [
        Document("", (row["title"], *row["text"].split("\n")))
        for row in read_rows(data / "topics" / "bbc-news.jsonl.xz")
    ]


def read_bbc_labelled(data: Path) -> list[LabelledText]:
    """Titles and articles of BBC News on the topics that AG News has too, with AG News' labels."""
    topics = {"sport": "Sports", "business": "Business", "tech": "Sci/Tech"}
    return [
        LabelledText(text, TOPIC_LABELS.index(topics[row["label"]]))
        for row in read_rows(data / "topics" / "bbc-news.jsonl.xz")
        if row["label"] in topics
        for text in (row["title"], row["text"])
    ]


def intent_labels(data: Path) -> tuple[str, ...]:
    """CLINC150's names of its 150 intents, in alphabetical order, and `OUT_OF_SCOPE` last."""
    rows = read_rows(data / "intents" / "clinc150-train.jsonl.xz")
    return (*sorted({row["label"] for row in rows}), OUT_OF_SCOPE)


def read_clinc(data: Path, part: str, *, in_scope: bool | None = None) -> list[LabelledText]:
    """CLINC150, ``part`` train or val, labels numbered as in `intent_labels`.

    ``in_scope`` True or False gives these rows only; None gives both.
    """
    labels = intent_labels(data)
    files = [(True, f"clinc150-{part}"), (False, f"clinc150-oos-{part}")]
    return [
        LabelledText(row["text"], labels.index(row["label"] if inside else OUT_OF_SCOPE))
        for inside, name in files
        if in_scope is None or in_scope is inside
        for row in read_rows(data / "intents" / f"{name}.jsonl.xz")
    ]


def clean_news(text: str) -> str:
    """Undoes the half-removed HTML entities of AG News (``It #39;s`` is ``It's``)."""
    text = text.replace(" #39;", "'").replace("&lt;b&gt;", " ").replace("&lt;/b&gt;", " ")
    for entity, character in ENTITIES.items():
        text = text.replace(entity, character)
    return " ".join(text.replace("\\", " ").split())


def read_questions(path: Path) -> Iterator[Question]:
    """The questions of a SQuAD-like file, in its order; answers that do not match are errors."""
    for number, row in enumerate(read_rows(path), start=1):
        for item in row["questions"]:
            answers = tuple((answer["start"], answer["text"]) for answer in item["answers"])
            for start, text in answers:
                if row["context"][start : start + len(text)] != text:
                    raise ValueError(f"{path}, line {number}: {text!r} is not at {start}")
            yield Question(row["title"], row["context"], item["question"].strip(), answers)


def read_question_sets(
    data: Path, names: tuple[str, ...], held_out_titles: tuple[str, ...]
) -> list[Question]:
    """Training questions of several sets: no held-out article, nor what may be from one."""
    return [
        question
        for name in names
        for question in read_questions(data / "qa" / f"{name}.jsonl.xz")
        if not is_held_out_article(question.article)
        and not mentions_any(question.context, held_out_titles)
    ]
