"""The search alone: drifts are made up, so that every way through it is taken."""

from collections.abc import Callable

import pytest

from bench.checkpoints import BASE, TINY, Shape, config_of
from export.config import AlbertConfig
from export.parity import ParitySequence
from export.quantisation.plan import Plan, Rounding, Site
from export.quantisation.search import (
    MAX_MEAN_DRIFT,
    MIN_AGREEMENT,
    Attempt,
    affordable,
    int8_share,
    search,
)
from model_directory.manifest import Agreement

Drift = Callable[[Plan], float]


def config(shape: Shape) -> AlbertConfig:
    return AlbertConfig.model_validate(config_of(shape, ("a", "b"), None))


def outcome(drift: Drift, agreement: float = 1.0) -> Callable[[Plan], Attempt]:
    def attempt(plan: Plan) -> Attempt:
        measured = Agreement(
            texts=10, agreement=agreement, mean_drift=drift(plan), max_drift=drift(plan)
        )
        return Attempt(plan, measured, int8_share(config(BASE), plan))

    return attempt


def additive(harm: dict[Site, float], remains: dict[Rounding, float]) -> Drift:
    """Each site adds its harm, less of it where the rounding is more exact."""
    return lambda plan: sum(amount * remains.get(plan[site], 1.0) for site, amount in harm.items())


def test_a_static_plan_that_passes_is_taken_at_once() -> None:
    accepted, tried = search(outcome(lambda _: MAX_MEAN_DRIFT))
    assert accepted is not None
    assert accepted.plan == Plan()
    assert len(tried) == 1


def test_the_most_harmful_site_gets_the_first_rounding_that_is_enough() -> None:
    drift = additive({Site.ATTENDED: 0.5}, {Rounding.PER_TOKEN: 0.001, Rounding.NONE: 0.0})
    accepted, tried = search(outcome(drift))
    assert accepted is not None
    assert accepted.plan == Plan().but(Site.ATTENDED, Rounding.PER_TOKEN)
    assert len({attempt.plan for attempt in tried}) == len(tried)


def test_several_sites_are_made_more_exact_one_after_the_other() -> None:
    harm = {Site.ATTENDED: 0.5, Site.SCORES: 0.2}
    drift = additive(harm, {Rounding.SMOOTHED: 0.0, Rounding.NONE: 0.0})
    accepted, _ = search(outcome(drift))
    assert accepted is not None
    assert accepted.plan == Plan().but(Site.ATTENDED, Rounding.SMOOTHED).but(
        Site.SCORES, Rounding.NONE
    )


def test_what_no_rounding_mends_is_refused() -> None:
    accepted, tried = search(outcome(lambda _: 0.3))
    assert accepted is None
    assert all(attempt.agreement.mean_drift == 0.3 for attempt in tried)


def test_a_plan_with_little_left_in_int8_is_not_taken() -> None:
    harm = {Site.ATTENDED: 0.5, Site.ACTIVATED: 0.5}
    accepted, _ = search(outcome(additive(harm, {Rounding.NONE: 0.0})))
    assert accepted is None


def test_nearness_without_agreement_does_not_pass() -> None:
    assert search(outcome(lambda _: 0.0, agreement=MIN_AGREEMENT - 0.001))[0] is None


@pytest.mark.parametrize(
    ("site", "share"), [(Site.HIDDEN, 9 / 12), (Site.CONTEXT, 11 / 12), (Site.ACTIVATED, 8 / 12)]
)
def test_the_share_in_int8_counts_multiplications(site: Site, share: float) -> None:
    assert int8_share(config(BASE), Plan()) == 1
    assert int8_share(config(BASE), Plan().but(site, Rounding.NONE)) == pytest.approx(share)


def test_a_large_model_is_judged_on_fewer_texts() -> None:
    sequences = [ParitySequence((2, *range(5, 65), 3), (0,) * 62) for _ in range(128)]
    xxlarge = Shape(hidden_size=4096, intermediate_size=16384, num_hidden_layers=12)
    assert len(affordable(config(TINY), sequences)) == 128
    assert len(affordable(config(BASE), sequences)) == 128
    assert 16 <= len(affordable(config(xxlarge), sequences)) < 64
    assert len(affordable(config(xxlarge), sequences[:3])) == 3
