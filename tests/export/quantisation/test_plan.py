from export.quantisation.plan import ROUNDINGS, SITE_OF_PRODUCT, Plan, Rounding, Site


def test_a_plan_is_static_but_for_its_exceptions() -> None:
    plan = Plan().but(Site.ATTENDED, Rounding.SMOOTHED).but(Site.HIDDEN, Rounding.NONE)
    assert plan[Site.ATTENDED] is Rounding.SMOOTHED
    assert plan[Site.CONTEXT] is Rounding.STATIC
    assert str(plan) == "static, but query/key/value: fp32, ffn: smoothed"
    assert str(Plan()) == "all static"


def test_plans_that_do_the_same_are_equal() -> None:
    one = Plan().but(Site.ATTENDED, Rounding.NONE).but(Site.HIDDEN, Rounding.NONE)
    other = Plan().but(Site.HIDDEN, Rounding.NONE).but(Site.ATTENDED, Rounding.NONE)
    assert one == other
    assert one.but(Site.HIDDEN, Rounding.STATIC).but(Site.ATTENDED, Rounding.STATIC) == Plan()


def test_every_site_can_be_left_in_fp32_and_begins_static() -> None:
    for site in Site:
        assert ROUNDINGS[site][0] is Rounding.STATIC
        assert ROUNDINGS[site][-1] is Rounding.NONE
    assert set(SITE_OF_PRODUCT.values()) == set(Site) - {Site.EMBEDDINGS, Site.SCORES}
