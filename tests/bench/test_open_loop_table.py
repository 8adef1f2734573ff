from bench.machine import Machine
from bench.open_loop_table import (
    Cell,
    Line,
    at_least,
    at_most,
    caption,
    markdown,
    quantile,
    range_of,
    with_range,
)


def test_a_table_has_goals_figures_and_verdicts():
    table = markdown(
        ["2 ×", "5 ×"],
        [
            Line(
                "goodput", [at_least(0.97, 0.95, "{:.0%}"), at_least(0.5, 0.95, "{:.0%}")], "≥ 95%"
            ),
            Line("sent", [Cell("7"), Cell("8")]),
        ],
    )
    assert table.splitlines() == [
        "| figure | goal | 2 × | 5 × |",
        "|---|--:|--:|--:|",
        "| goodput | ≥ 95% | 97% ✓ | 50% ✗ |",
        "| sent |  | 7 | 8 |",
    ]


def test_a_limit_that_is_just_met_is_met():
    assert at_most(2.0, 2.0, "{:.1f}") == Cell("2.0", True)
    assert at_most(2.1, 2.0, "{:.1f}") == Cell("2.1", False)


def test_a_quantile_is_judged_in_its_own_unit_and_shown_scaled():
    seconds = [0.010, 0.020, 0.030]
    assert quantile(seconds, 1.0, "{:.0f} ms", scale=1e3, limit=0.02) == Cell("30 ms", False)
    assert quantile(seconds, 0.5, "{:.0f} ms", scale=1e3, limit=0.02) == Cell("20 ms", True)
    assert quantile([], 0.5, "{:.0f} ms", limit=0.02) == Cell("none")


def test_a_figure_of_several_turns_has_their_range_with_it():
    assert with_range(0.961, [0.973, 0.961, 0.94], "{:.1%}") == "96.1% (94.0 – 97.3%)"
    assert with_range(1.21, [1.05, 1.4], "{:.2f}") == "1.21 (1.05 – 1.40)"
    assert with_range(0.961, [0.961], "{:.1%}") == "96.1%"
    assert range_of([3.0, 1.0, 2.0], "{:.1f}") == "1.0 – 3.0"


def test_the_caption_says_on_what_and_when():
    machine = Machine("Some CPU", 2, 8 << 30, "Linux", "3.12", {}, "abc1234", "then", 0.5)
    said = caption(machine, "Overload", None)
    assert said.startswith("Overload. Some CPU, 2 cores; commit abc1234; then")
    assert said.endswith("load average just before 0.50.")
    assert caption(machine, "Overload", 0.25).endswith(
        "0.50; others took 25% of the cores meanwhile."
    )
