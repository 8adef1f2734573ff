"""Makes a ``tokenizer.json`` of a ``spiece.model`` that gives SentencePiece's own ids.

The chain is ALBERT's text preparation, the model's own normalisation rules, and its lattice of
pieces; docs/export.md says where the two agree and the few places where they cannot.
"""

from collections.abc import Mapping

from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from tokenizers.normalizers import Normalizer
from tokenizers.pre_tokenizers import PreTokenizer

from export.charsmap import read_charsmap
from export.comma_rule import cutting_pattern, is_taken_apart
from export.errors import ExportRefusedError
from export.sentencepiece_model import WORD_START, Kind, SentencePieceModel, read_model
from export.text_preparation import (
    TextPreparation,
    escaped_ranges,
    parse_tokenizer_config,
    read_preparation,
)
from export.unigram import UNKNOWN_PENALTY

HIDDEN = " "
"""Begins the name of a piece that no text may become. The lattice matches pieces by their names,
and a space never comes to it."""

_USER_DEFINED_SCORE = -0.1  # unigram_model.cc: a bonus, so that such a piece wins
_MAX_RULES = 32
_MOST_BITS = 36  # behind the point of a score; leaves room for sums that are exact in float64


def convert_sentencepiece(spiece_model: bytes, tokenizer_config: bytes | None) -> bytes:
    """Return the ``tokenizer.json`` for a ``spiece.model`` and the config beside it, if any.

    ExportRefusedError, in one sentence, if the model is none, or has what cannot be expressed.
    """
    model = read_model(spiece_model)
    preparation = read_preparation(tokenizer_config)
    rules = read_charsmap(model.charsmap)
    own_rules = _own_rules(rules, preparation, _alphabet(model))
    _check_user_defined(model, own_rules, preparation)

    tokenizer = Tokenizer(_unigram(model))
    split_at_words = all(WORD_START not in piece.text[1:] for piece in model.pieces)
    is_usual = split_at_words and model.add_dummy_prefix and model.remove_extra_whitespaces
    joins_spaces = not model.remove_extra_whitespaces  # otherwise the model does, later
    steps = [*preparation.normalizers(join_spaces=joins_spaces), *own_rules]
    if is_usual and WORD_START in rules:
        cuts: list[PreTokenizer] = [
            pre_tokenizers.Split(Regex(" +"), "removed"),
            pre_tokenizers.Metaspace(WORD_START, prepend_scheme="always", split=False),
        ]
    else:
        steps += _spaces_as_word_starts(model)
        cuts = [pre_tokenizers.Split(WORD_START, "merged_with_next")] if split_at_words else []
    pattern = cutting_pattern(_scores(model))
    if pattern is not None and split_at_words:
        cuts.append(pre_tokenizers.Split(Regex(pattern), "isolated"))
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(cuts)
    tokenizer.decoder = decoders.Metaspace(WORD_START, prepend_scheme="always")
    tokenizer.post_processor = _template(model, parse_tokenizer_config(tokenizer_config))
    return tokenizer.to_str(pretty=True).encode()


def _unigram(model: SentencePieceModel) -> Unigram:
    """Return the lattice, with scores that are whole numbers.

    Whole numbers add up without rounding, so that pieces of equal scores tie, and the first way
    wins as in SentencePiece. (Fractions are even read inexactly from JSON.) Only comparisons of
    scores matter, so a common factor changes nothing, but for the penalty of unknown characters:
    tokenizers takes a fixed number from the lowest score there is. That of the piece for the
    unknown, which no text becomes, is set to bring it where it belongs.
    """
    scores = _scores(model)
    factor = 2 ** next(
        (
            k
            for k in range(_MOST_BITS)
            if all(
                (score * 2**k).is_integer()
                for score in scores.values()
                if score != _USER_DEFINED_SCORE
            )
        ),
        _MOST_BITS,
    )
    unknown_score = round((min(scores.values()) - UNKNOWN_PENALTY) * factor) + UNKNOWN_PENALTY
    vocabulary: list[tuple[str, float]] = []
    for piece in model.pieces:
        if piece.is_matched and not is_taken_apart(piece.text):
            vocabulary.append((piece.text, float(round(scores[piece.text] * factor))))
        else:
            is_unknown = piece.kind is Kind.UNKNOWN
            vocabulary.append((HIDDEN + piece.text, unknown_score if is_unknown else 0.0))
    unknown = next(n for n, piece in enumerate(model.pieces) if piece.kind is Kind.UNKNOWN)
    return Unigram(vocabulary, unk_id=unknown)


def _scores(model: SentencePieceModel) -> dict[str, float]:
    """Return the score of each piece that text can become."""
    return {
        piece.text: _USER_DEFINED_SCORE if piece.kind is Kind.USER_DEFINED else piece.score
        for piece in model.pieces
        if piece.is_matched
    }


def _alphabet(model: SentencePieceModel) -> frozenset[str]:
    """Return the characters that pieces know, and the space."""
    return frozenset(" ").union(*(piece.text for piece in model.pieces if piece.is_matched))


def _own_rules(
    rules: Mapping[str, str], preparation: TextPreparation, alphabet: frozenset[str]
) -> list[Normalizer]:
    """Return the steps that do to prepared text what the model's normalisation rules do.

    Most of the rules are one of Unicode's forms; the few others become replacements. The steps are
    tried on every rule that prepared text can meet and that matters: what turns characters that no
    piece knows into others that none knows either gives the unknown token one way or the other.
    """
    characters = set[str]().union(*rules)
    possible = {each for each in characters if preparation.can_yield(each)}
    met = {
        key: value
        for key, value in rules.items()
        if possible.issuperset(key) and not (value and alphabet.isdisjoint(key + value))
    }
    best: list[Normalizer] | None = None
    forms: tuple[list[Normalizer], ...] = ([], [normalizers.NFC()], [normalizers.NFKC()])
    for form in forms:
        steps = _with_replacements(form, met)
        if steps is not None and (best is None or len(steps) < len(best)):
            best = steps
    if best is None:
        raise ExportRefusedError(
            "spiece.model has normalisation rules that a tokenizer.json cannot express"
        )
    return best


def _with_replacements(form: list[Normalizer], rules: Mapping[str, str]) -> list[Normalizer] | None:
    """Return ``form`` and the replacements that it lacks; None if it lacks too much."""
    unicode_form = normalizers.Sequence(form)
    lacking: dict[str, str] = {}
    for key, value in rules.items():
        if unicode_form.normalize_str(key) != value:
            if len(key) > 1:
                return None
            lacking[value] = lacking.get(value, "") + key
            if len(lacking) > _MAX_RULES:
                return None
    steps = [
        *form,
        *(
            normalizers.Replace(Regex(f"[{escaped_ranges(keys)}]"), value)
            for value, keys in sorted(lacking.items())
        ),
    ]
    chain = normalizers.Sequence(steps)
    if any(chain.normalize_str(key) != value for key, value in rules.items()):
        return None
    return steps


def _check_user_defined(
    model: SentencePieceModel, own_rules: list[Normalizer], preparation: TextPreparation
) -> None:
    """SentencePiece keeps user-defined pieces from its rules; here that must make no difference."""
    chain = normalizers.Sequence(own_rules)
    for piece in model.pieces:
        if (
            piece.kind is Kind.USER_DEFINED
            and all(map(preparation.can_yield, piece.text))
            and chain.normalize_str(piece.text) != piece.text
        ):
            raise ExportRefusedError(
                f"spiece.model keeps {piece.text[:40]!r} from its own normalisation rules, which a "
                "tokenizer.json cannot"
            )


def _spaces_as_word_starts(model: SentencePieceModel) -> list[Normalizer]:
    """Return the steps of SentencePiece's normaliser for spaces, taken one by one."""
    steps: list[Normalizer] = []
    if model.remove_extra_whitespaces:
        ends = rf"(?<![ {WORD_START}])[ {WORD_START}]+\z"  # looked for once in each run
        steps.append(normalizers.Replace(Regex(rf"{ends}|\A +|(?<= ) +"), ""))
    steps.append(normalizers.Replace(" ", WORD_START))
    if model.add_dummy_prefix:
        steps.append(normalizers.Prepend(WORD_START))
    return steps


def _template(
    model: SentencePieceModel, settings: Mapping[str, object]
) -> processors.TemplateProcessing:
    cls = _special(model, settings, "cls_token", "[CLS]")
    sep = _special(model, settings, "sep_token", "[SEP]")
    return processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", cls), ("[SEP]", sep)],
    )


def _special(
    model: SentencePieceModel, settings: Mapping[str, object], name: str, default: str
) -> int:
    """Return the id of a special token, which ``tokenizer_config.json`` may call otherwise."""
    token = settings.get(name, default)
    if isinstance(token, dict):
        token = token.get("content")
    found = next((n for n, piece in enumerate(model.pieces) if piece.text == token), None)
    if found is None:
        raise ExportRefusedError(f"spiece.model has no piece {str(token)[:40]!r} for the {name}")
    return found
