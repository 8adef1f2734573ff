"""ALBERT's own preparation of text, which comes before SentencePiece's.

It is that of ``preprocess_text`` in the original repository (google-research/albert,
tokenization.py) with the quotation marks that transformers' ``AlbertTokenizer`` adds to it: white
space joined, ```` `` ```` and ``''`` to ``"``, NFKD and combining characters dropped, lower case.
"""

import json
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache

from tokenizers import Regex, normalizers
from tokenizers.normalizers import Normalizer

from export.errors import ExportRefusedError

# SIGMA at the end of a word: behind a cased letter, before none (Unicode's Final_Sigma)
_FINAL_SIGMA = (
    r"(?<=[\p{Cased}&&[^\p{Case_Ignorable}]])\p{Case_Ignorable}*+\KΣ"
    r"(?!\p{Case_Ignorable}*+\p{Cased})"
)


@dataclass(frozen=True, slots=True)
class TextPreparation:
    """The three settings of ``tokenizer_config.json`` that decide it."""

    do_lower_case: bool = True
    keep_accents: bool = False
    remove_space: bool = True

    def folded(self, character: str) -> str:
        """Return what a character becomes that is no white space."""
        if not self.keep_accents:
            decomposed = unicodedata.normalize("NFKD", character)
            character = "".join(each for each in decomposed if not unicodedata.combining(each))
        return character.lower() if self.do_lower_case else character

    def can_yield(self, character: str) -> bool:
        """Whether prepared text can hold the character."""
        if self.remove_space and character != " " and character.isspace():
            return False
        return self.folded(character) == character

    def normalizers(self, *, join_spaces: bool) -> list[Normalizer]:
        """Return the steps that do the same.

        Without ``join_spaces`` spaces at the ends and next to each other stay, for a model that
        removes them after rules of its own.
        """
        steps: list[Normalizer] = []
        if self.remove_space:
            steps.append(normalizers.Replace(Regex(_character_class(_white_space())), " "))
            if join_spaces:
                steps.append(normalizers.Replace(Regex(r"\A +| +\z|(?<= ) +"), ""))
            # Now no tab is left, so it can stand for a second backtick: the quotation mark then
            # has the place of the first, where the quotation begins, and '' that of the second.
            steps.append(normalizers.Replace(Regex("`\\K`"), "\t"))
            steps.append(normalizers.Replace(Regex("`(?=\t)"), '"'))
            steps.append(normalizers.Replace("\t", ""))
        else:
            steps.append(normalizers.Replace("``", '"'))
        steps.append(normalizers.Replace("''", '"'))
        if not self.keep_accents:
            steps.append(normalizers.NFKD())
            steps.append(normalizers.Replace(Regex(_character_class(_combining())), ""))
        if self.do_lower_case:
            steps.append(normalizers.Replace(Regex(_FINAL_SIGMA), "ς"))
            steps.append(normalizers.Lowercase())
        return steps


def read_preparation(tokenizer_config: bytes | None) -> TextPreparation:
    """Return the settings of ``tokenizer_config.json``, or ALBERT's own where it has none.

    ExportRefusedError if it is not valid.
    """
    settings = parse_tokenizer_config(tokenizer_config)
    flags: dict[str, bool] = {}
    for field in fields(TextPreparation):
        value = settings.get(field.name, field.default)
        if not isinstance(value, bool):
            raise ExportRefusedError(
                f"tokenizer_config.json: {field.name} is neither true nor false"
            )
        flags[field.name] = value
    return TextPreparation(**flags)


def parse_tokenizer_config(content: bytes | None) -> dict[str, object]:
    """Return the object in ``tokenizer_config.json``, an empty one without the file."""
    if content is None:
        return {}
    try:
        settings = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ExportRefusedError("tokenizer_config.json is not valid JSON") from error
    if not isinstance(settings, dict):
        raise ExportRefusedError("tokenizer_config.json is not an object")
    return settings


@cache
def _white_space() -> str:
    """All white space but the space itself, as Python's str.split() knows it."""
    return "".join(each for each in _every_character() if each.isspace() and each != " ")


@cache
def _combining() -> str:
    return "".join(each for each in _every_character() if unicodedata.combining(each))


def _every_character() -> Iterator[str]:
    return map(chr, range(sys.maxunicode + 1))


def _character_class(characters: str) -> str:
    return f"[{escaped_ranges(characters)}]"


def escaped_ranges(characters: str) -> str:
    """Return the inside of a regular expression's class for the characters."""
    points = sorted(map(ord, characters))
    ranges: list[list[int]] = []
    for point in points:
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return "".join(
        f"\\x{{{first:X}}}" + (f"-\\x{{{last:X}}}" if last > first else "")
        for first, last in ranges
    )
