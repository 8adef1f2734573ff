from bench.rounds import rotated


def test_each_round_begins_with_the_next_and_leaves_none_out():
    rounds = [rotated("abc", number) for number in range(4)]
    assert rounds == [list("abc"), list("bca"), list("cab"), list("abc")]


def test_of_nobody_nobody_begins():
    assert rotated([], 1) == []
