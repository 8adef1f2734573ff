"""The tokens of a request, and the windows that would be run."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Offsets = Annotated[list[int], Field(min_length=2, max_length=2)]


class TokenizedText(BaseModel):
    """One text of an input, without special tokens."""

    field: Annotated[str, Field(description="The key that the input has it under.")]
    token_count: int
    ids: list[int]
    tokens: Annotated[list[str], Field(description="What the vocabulary writes for each.")]
    offsets: Annotated[
        list[Offsets],
        Field(
            description="First and one-past-last character of each token, in Unicode code points "
            "of the text as it was sent."
        ),
    ]


class TokenWindow(BaseModel):
    """Tokens ``first`` to ``last - 1`` of a text, which are its characters ``start`` to ``end -
    1``: what one run of the model sees of it. The whole of another text is beside it.
    """

    field: Annotated[str, Field(description="Which text it is cut from.")]
    first: int
    last: int
    start: int
    end: int
    token_count: Annotated[
        int, Field(description="Tokens that are run: special ones and the other text included.")
    ]


class TokenizedInput(BaseModel):
    """One input."""

    token_count: Annotated[int, Field(description="Tokens of all its windows.")]
    texts: list[TokenizedText]
    windows: list[TokenWindow]


class TokenizedRequest(BaseModel):
    """All inputs, also when there is one; ``token_count`` is the ``X-Tokens`` that an answer to the
    same request has.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "sentiment",
                    "max_tokens": 512,
                    "token_count": 5,
                    "inputs": [
                        {
                            "token_count": 5,
                            "texts": [
                                {
                                    "field": "text",
                                    "token_count": 3,
                                    "ids": [12, 46, 9],
                                    "tokens": ["▁a", "▁film", "."],
                                    "offsets": [[0, 1], [2, 6], [6, 7]],
                                }
                            ],
                            "windows": [
                                {
                                    "field": "text",
                                    "first": 0,
                                    "last": 3,
                                    "start": 0,
                                    "end": 7,
                                    "token_count": 5,
                                }
                            ],
                        }
                    ],
                }
            ]
        }
    )

    model: str
    max_tokens: Annotated[int, Field(description="The longest row that the model takes.")]
    token_count: int
    inputs: list[TokenizedInput]
