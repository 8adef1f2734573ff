"""Reads the normalisation rules of a SentencePiece model: strings that become other strings.

They are stored as a double-array trie (https://github.com/s-yata/darts-clone) behind its size in
four bytes, and behind it the values, each with a zero byte at its end, by their positions in the
trie.
"""

import numpy as np

from export.errors import ExportRefusedError

_MAX_KEY_BYTES = 64
_MAX_VALUE_BYTES = 256
_MAX_NODES = 1 << 20  # nmt_nfkc has 273,000


def read_charsmap(charsmap: bytes) -> dict[str, str]:
    """Return each key with its value; ExportRefusedError if the trie is not a sound one."""
    if not charsmap:
        return {}
    size = int.from_bytes(charsmap[:4], "little")
    if len(charsmap) < 8 or size % 4 or not 0 < size <= len(charsmap) - 4:
        raise _unsound()
    units = np.frombuffer(charsmap, "<u4", size // 4, 4).astype(np.int64)
    values = charsmap[4 + size :]
    labels = units & 0xFF
    bases = np.arange(len(units)) ^ ((units >> 10) << ((units & 0x200) >> 6))
    is_node = (units >> 31 == 0) & (labels > 0)
    # A node's children lie at its base xor their labels, so each unit knows its parent's base.
    children = np.nonzero(is_node)[0]
    parents_base = children ^ labels[children]
    order = np.argsort(parents_base, kind="stable")
    children, parents_base = children[order], parents_base[order]

    rules: dict[str, str] = {}
    level, keys, seen = np.zeros(1, np.int64), [b""], 1
    for _ in range(_MAX_KEY_BYTES):
        first = np.searchsorted(parents_base, bases[level], "left")
        counts = np.searchsorted(parents_base, bases[level], "right") - first
        seen += int(counts.sum())
        if seen > _MAX_NODES:
            raise _unsound()
        parents = np.repeat(np.arange(len(level)), counts)
        within = np.arange(len(parents)) - np.repeat(np.cumsum(counts) - counts, counts)
        level = children[first[parents] + within]
        keys = [
            keys[parent] + bytes((label,))
            for parent, label in zip(parents.tolist(), labels[level].tolist(), strict=True)
        ]
        if not keys:
            return rules
        for index in np.nonzero((units[level] >> 8) & 1)[0].tolist():
            rules[_text(keys[index])] = _value(units, int(bases[level[index]]), values)
    raise _unsound()


def _value(units: np.ndarray[tuple[int], np.dtype[np.int64]], leaf: int, values: bytes) -> str:
    if leaf >= len(units):
        raise _unsound()
    start = int(units[leaf]) & 0x7FFFFFFF
    end = values.find(b"\0", start, start + _MAX_VALUE_BYTES)
    if end < 0:
        raise _unsound()
    return _text(values[start:end])


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unsound() from error


def _unsound() -> ExportRefusedError:
    return ExportRefusedError("spiece.model has normalisation rules that are not sound")
