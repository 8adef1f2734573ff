"""Draws texts per second and p99 of every server; runs in the environment ``plot``.

Reads from standard input ``{mix: {server: [texts/s, p99 in seconds]}}``, writes the SVG that its
argument names.
"""

import json
import sys

import matplotlib as mpl
from matplotlib import pyplot as plt

OURS, OTHERS = "#d1495b", "#8d99ae"
INCHES_A_BAR, INCHES_A_PANEL, INCHES_OF_TITLES = 0.22, 3.1, 0.9
FIGURES = ("texts/s, more is better", "p99 in s, less is better")


def main() -> None:
    """Two rows of panels, one column for each mix."""
    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "peers", "font.size": 8}
    mixes: dict[str, dict[str, list[float]]] = json.load(sys.stdin)
    servers = list(dict.fromkeys(name for mix in mixes.values() for name in mix))[::-1]
    height = 2 * (INCHES_A_BAR * len(servers) + INCHES_OF_TITLES)
    figure, panels = plt.subplots(
        2, len(mixes), sharey=True, squeeze=False, figsize=(INCHES_A_PANEL * len(mixes), height)
    )
    for column, (mix, values) in enumerate(mixes.items()):
        for row, title in enumerate(FIGURES):
            panel = panels[row][column]
            widths = [values.get(name, [0.0, 0.0])[row] for name in servers]
            colours = [OURS if name.startswith("albert-serve") else OTHERS for name in servers]
            bars = panel.barh(servers, widths, color=colours)
            panel.bar_label(bars, [f"{width:.3g}" for width in widths], padding=2, fontsize=7)
            panel.set_title(f"{mix}: {title}", fontsize=8)
            panel.margins(x=0.18)
            panel.xaxis.set_visible(False)  # each bar has its number
            panel.spines[["top", "right", "bottom"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(sys.argv[1], metadata={"Date": None})


if __name__ == "__main__":
    main()
