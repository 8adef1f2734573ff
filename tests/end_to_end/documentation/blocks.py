"""The blocks of code and commands in a page of Markdown."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
PROGRAMS = ("sh", "python", "js")
OUTPUTS = ("json", "text")
INDENTED = "indented"

_BLOCK = re.compile(
    r"^```(?P<language>\w*)\n(?P<fenced>.*?)^```$"
    r"|(?:\A|\n\n)(?P<indented>(?: {4}[^\n]*\n|\n(?= {4}))+)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """What one fence holds, or one run of indented lines. ``shown`` is the block right below a
    program, which is what it prints.
    """

    page: str
    line: int
    language: str
    text: str
    shown: "Block | None" = None

    @property
    def first_line(self) -> str:
        """What a list of blocks knows it by, with its page."""
        return self.text.strip().split("\n")[0]

    @property
    def name(self) -> str:
        """What a test of it is called."""
        return f"{self.page}-line-{self.line}-{self.language}"


def blocks_of(page: str, markdown: str) -> list[Block]:
    """All blocks, in order, but for those that a program prints, which it has as ``shown``."""
    blocks: list[Block] = []
    end = 0
    for match in _BLOCK.finditer(markdown):
        indented = match["indented"]
        language = INDENTED if indented is not None else match["language"]
        start = match.start("indented" if indented is not None else 0)
        text = match["fenced"] if indented is None else indented
        line = 1 + markdown.count("\n", 0, start)
        block = Block(page, line, language, text)
        follows = bool(blocks) and not markdown[end : match.start()].strip()
        if follows and language in OUTPUTS and blocks[-1].language in PROGRAMS:
            above = blocks.pop()
            block = Block(page, above.line, above.language, above.text, block)
        blocks.append(block)
        end = match.end()
    return blocks


def all_blocks() -> list[Block]:
    """Those of README.md and of docs/."""
    return [
        block
        for path in PAGES
        for block in blocks_of(_name_of(path), path.read_text(encoding="utf-8"))
    ]


def _name_of(page: Path) -> str:
    """``README.md``, or the path of a page within docs/."""
    return page.relative_to(DOCS if page.is_relative_to(DOCS) else ROOT).as_posix()
