"""Rows and their fingerprints."""

import numpy as np

from service.runtime.sequence import Sequence


def row(*ids, types=0):
    return Sequence(np.array(ids), np.full(len(ids), types))


def test_identical_rows_share_a_fingerprint_and_no_others_do():
    same = {row(2, 7, 3).fingerprint() for _ in range(2)}
    others = {each.fingerprint() for each in (row(2, 8, 3), row(2, 7), row(2, 7, 3, types=1))}
    assert (len(same), len(same | others)) == (1, 4)


def test_a_fingerprint_is_computed_once():
    """Where it is asked for a second time others wait."""
    one = row(2, 7, 3)
    assert one.fingerprint() is one.fingerprint()
