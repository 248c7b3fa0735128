"""Runs the code cells of a notebook one after the other, as a kernel would, and says what was drawn.

Reads the path of the notebook; writes, for every figure, how many points, lines, bars and pictures it shows, as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.figure import Figure


def run(path: Path) -> list[dict[str, int]]:
    names: dict[str, object] = {}
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] == "code":
            code = "".join(cell["source"])
            exec(compile(code, f"{path.name}, {cell['id']}", "exec"), names)
    return [shown(plt.figure(number)) for number in plt.get_fignums()]


def shown(figure: Figure) -> dict[str, int]:
    figure.canvas.draw()
    (axes,) = figure.axes
    return {
        "points": sum(len(found.get_offsets()) for found in axes.collections),
        "lines": len(axes.lines),
        "patches": len(axes.patches),
        "pictures": len(axes.images),
    }


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]))))
