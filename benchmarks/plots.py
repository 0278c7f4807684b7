"""Draws what results.json holds into docs/. Needs matplotlib, which is only of the benchmarks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from frame import ROOT

FOLDER = ROOT / "docs" / "benchmarks"


def draw(name: str, curves: list[dict[str, Any]]) -> list[Path]:
    """One SVG for each drawing of a benchmark.

    Raises:
        ImportError: there is no matplotlib.
    """
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "onto_fn"  # the same numbers are the same file
    from matplotlib import pyplot

    FOLDER.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    for drawing in curves:
        figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
        for label, points in drawing["series"].items():
            axes.plot(*zip(*points, strict=True), marker="o", label=label)
        if drawing["log"]:
            axes.set_xscale("log")
            axes.set_yscale("log")
        axes.set(title=drawing["title"], xlabel=drawing["x"], ylabel=drawing["y"])
        axes.grid(which="both", alpha=0.3)
        axes.legend()
        words = re.sub(r"\W+", "-", drawing["title"].lower())
        made.append(FOLDER / f"{name}-{words}.svg")
        figure.savefig(made[-1], metadata={"Date": None})
        pyplot.close(figure)
    return made
