import pytest
from tokenizers import Regex, pre_tokenizers

from export.errors import ExportRefusedError
from export.patterns import check_pattern

GPT_2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def loads(pattern: str) -> str:
    Regex(pattern)
    return pattern


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        " {2,}",
        r"\s+",
        GPT_2,
        r"(?i:'s|'t)| ?\p{^L}{1,3}",
        r"(?<=[\p{Cased}&&[^\p{Case_Ignorable}]])\p{Case_Ignorable}*+\KΣ(?!\p{Case_Ignorable}*+x)",
        r"(?<! ) +\z|\A +|(?<= ) +",
        r"[\x{9}-\x{D}\x{85}[:punct:]\]\u2581]",
        r"\(\[\{\*\+\?\|\\",
        "a{,3}b{2}c{3}?d*?",
        "{}{,}]}",
        "(?:ab[cd]){3}(?:ef)+",
        "(?>a|b)?",
        "|".join(f"(?:▁{n},)(?=[1-9]|(?![0-9]))" for n in range(1_000)),
    ],
)
def test_a_pattern_with_few_ways_passes(pattern: str) -> None:
    check_pattern(loads(pattern))


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b",
        "(a|aa)+$",
        "(?:ß|ßß)+ж",
        r"^(\w+\s?)*$",
        r"(\p{Runic}+)+x",
        r"\p{Runic}+\p{Runic}+x",
        "a*a*b",
        "(?=a*)a*b",
        "a**",
        "a{1,2}+b",
        "a{1,2}{3}",
        "((a?){3}){3}",
        "(?:a{2,3})?(a+b)+",
        "a?" * 30,
        "(a|a)" * 30,
        "(?:a|b|c)" * 4 + "x+(?:d|e)",
        "a{5,1}" * 10,
        "[a[b]]+[^[:alpha:]]+",
    ],
)
def test_a_pattern_whose_ways_multiply_is_refused(pattern: str) -> None:
    loads(pattern)
    with pytest.raises(ExportRefusedError, match="multiply each other's ways to match: '"):
        check_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a*)\1b",
        r"\k<n>",
        r"\g<0>",
        "(?<n>a)",
        "(?x)(a+) +",
        "(?#note)a",
        "(?~a)",
        "(*FAIL)",
        r"\Q(a+)+\E",
        r"\c(",
        "[]a+]",
        "[^]a+]",
        "[a",
        "(a",
        "a)",
        "a{2,x}",
        "a{1234567}",
        "\\",
        r"[\Ea]",
    ],
)
def test_what_the_count_does_not_understand_is_refused(pattern: str) -> None:
    with pytest.raises(ExportRefusedError, match=r"^tokenizer\.json has a pattern w"):
        check_pattern(pattern)


def test_an_absurdly_long_pattern_is_refused() -> None:
    with pytest.raises(ExportRefusedError, match="absurdly long"):
        check_pattern("a" * 200_001)


@pytest.mark.parametrize("pattern", [" {2,}", GPT_2, r"(?<! ) +\z|\A +|(?<= ) +", r"a{,99}b"])
@pytest.mark.parametrize("run", [" ", "a", "1", "!", "'"])
def test_what_passes_never_meets_the_librarys_limit(pattern: str, run: str) -> None:
    check_pattern(pattern)
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    assert split.pre_tokenize_str(run * 3_000 + "\0")
