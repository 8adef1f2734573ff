"""Contexts of unusual characters, whose offsets a tokenizer's normalisation could shift."""

import itertools
from collections.abc import Iterator

NAMES = {
    "plain": "Ana Costa",
    "combining acute": "Ame\u0301lie Cafe\u0301",
    "two marks on a letter": "Nguye\u0302\u0303n Va\u0306n",
    "composed accents": "Zoë Ångström-Žižek",
    "Turkish dotted capital": "İpek Işık",
    "sharp s and long s": "Groß Wieſe",
    "final sigma": "Οδυσσέας Ελύτης",
    "Cyrillic": "Фёдор Достоевский",
    "Chinese": "王小明",
    "Japanese": "山田 太郎さん",
    "half-width katakana": "ﾔﾏﾀﾞ ﾀﾛｳ",
    "Korean": "김철수",
    "Hangul in parts": "\u1100\u1175\u11b7 \u110e\u1165\u11af",
    "Arabic with marks": "مُحَمَّد عَلِيّ",
    "Hebrew with points": "שָׁלוֹם",
    "Devanagari": "सुनीता क्षत्रिय",
    "Thai": "สมชาย ใจดี",
    "emoji": "Ana 🎉 Costa 🎂",
    "emoji joined": "Ana 👩‍👩‍👧‍👦 Costa",
    "emoji with tone": "Ana 👍🏽 Costa",
    "flags": "Ana 🇵🇹🇧🇷 Costa",
    "keycap": "Agent 0️⃣0️⃣7️⃣",
    "mathematical letters": "𝓐𝓷𝓪 𝕮𝖔𝖘𝖙𝖆",
    "outside the first plane": "Ana 𠜎𠜱 Costa",
    "ligatures": "Steﬀen Oﬃcer",
    "ligature of a phrase": "ﷺ Costa",
    "fractions and circles": "½ Costa ①②",
    "units": "㎏ ㍿ Costa",
    "full width": "Ａｎａ　Ｃｏｓｔａ",
    "superscript": "Ana² Costa™",
    "zero width space": "Ana\u200bCosta",
    "zero width joiners": "A\u200dna C\u200costa",
    "byte order mark": "\ufeffAna Costa",
    "soft hyphen": "Ana Co\u00adsta",
    "direction marks": "\u202eAna\u202c \u200fCosta\u200e",
    "variation selector": "Ana☃\ufe0e Costa☃\ufe0f",
    "no-break space": "Ana\u00a0Costa",
    "narrow spaces": "Ana\u2009Costa\u202fda\u3000Luz",
    "many spaces": "Ana    Costa",
    "tab": "Ana\tCosta",
    "line separators": "Ana\u2028Costa\u2029da\x85Luz\x0bx\x0cy",
    "control characters": "A\x01na\x7f Co\x00sta",
    "private use": "Ana \ue000\uf8ff Costa",
    "not assigned": "Ana \u0378 Costa",
    "replacement character": "Ana \ufffd Costa",
    "curly quotes": "“Ana” ‘Costa’",
    "typewriter quotes": "``Ana'' Costa",
    "apostrophes": "D’Arcy O'Neil",
    "dashes": "Ana–Costa — Luz‑Sá",
    "special tokens": "Ana [SEP] Costa [MASK] <pad> <unk>",
    "classifier token": "Ana [CLS] Costa",
    "Metaspace": "Ana▁Costa ▁ ▁▁",
    "many marks": "A" + "\u0301" * 40 + "na Costa",
    "one long word": "Anacosta" * 30,
}
BREAKS = {
    "space": " ",
    "CRLF": "\r\n",
    "blank line": "\r\n\r\n",
    "CR": "\r",
    "space at both ends": " \t\n",
}
QUESTIONS = (
    "Who founded the society?",
    "When was the society founded?",
    "Who led it after {name}?",
    "How many members has it — or hasn’t it?",
)
REPEATS = 12
"""So many passages are longer than a window."""


def unicode_texts() -> Iterator[tuple[str, str]]:
    """Questions and contexts, short ones and one long one for each line break."""
    for name, (number, gap) in itertools.product(NAMES.values(), enumerate(BREAKS.values())):
        question = QUESTIONS[(number + len(name)) % len(QUESTIONS)]
        yield question.format(name=name), _passage(name, gap)
    for gap in BREAKS.values():
        for first in range(0, len(NAMES), REPEATS):
            names = list(NAMES.values())[first : first + REPEATS]
            context = gap.join(_passage(name, gap) for name in names)
            yield QUESTIONS[0], context
            yield QUESTIONS[2].format(name=names[-1]), context


def _passage(name: str, gap: str) -> str:
    sentences = (
        f"The society of {name} was founded in 1987 by {name}, a baker.",
        f"It has 412 members; {name} led it until 2003, and {name}'s brother after that.",
    )
    edge = gap if len(gap) > 2 else ""
    return edge + gap.join(sentences) + edge
