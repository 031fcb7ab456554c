"""What tests ask of a figure: artists by name, words, legends, and whether the legend lies on the data."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.patches import StepPatch
from matplotlib.text import Text

from plotting.drawn import DrawnFigure, Plan


class Figures(dict[str, DrawnFigure]):
    """Figures of a plan, each drawn when it is first asked for."""

    def __init__(self, todo: Plan) -> None:
        self.todo = todo

    def __missing__(self, name: str) -> DrawnFigure:
        self[name] = self.todo.figures[name]()
        return self[name]


def named(axes: Axes, gid: str) -> list[Artist]:
    """Artists with this name; the parts of an error bar belong to its container."""
    return axes.findobj(lambda artist: artist.get_gid() == gid)


def step_values(axes: Axes, gid: str) -> tuple[np.ndarray, np.ndarray]:
    """Edges and values of a step."""
    (step,) = [artist for artist in named(axes, gid) if isinstance(artist, StepPatch)]
    data = step.get_data()
    return np.asarray(data.edges), np.asarray(data.values)


def legend_words(axes: Axes) -> list[str]:
    """Every line of every legend of a panel."""
    return [text.get_text() for legend in axes.findobj(Legend) for text in legend.get_texts()]


def words(figure: Figure) -> str:
    """All words on a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(Text))


def points_under_legends(axes: Axes, x: np.ndarray, y: np.ndarray) -> int:
    """How many of the points (data coordinates) lie inside a legend of the panel."""
    renderer = FigureCanvasAgg(axes.get_figure(root=True)).get_renderer()
    pixels = axes.transData.transform(np.column_stack([x, y]))
    inside = 0
    for legend in axes.findobj(Legend):
        box = legend.get_window_extent(renderer)
        inside += int(((pixels > [box.x0, box.y0]) & (pixels < [box.x1, box.y1])).all(axis=1).sum())
    return inside


def texts_outside(figure: Figure) -> list[str]:
    """Words that leave the page; tick labels beyond their axis are not drawn and do not count."""
    FigureCanvasAgg(figure).draw()
    renderer = FigureCanvasAgg(figure).get_renderer()
    width, height = figure.canvas.get_width_height()
    hidden = {id(label) for axes in figure.findobj(Axes) for axis in (axes.xaxis, axes.yaxis) for label in _undrawn(axis)}
    found = []
    for text in figure.findobj(Text):
        if id(text) in hidden or not text.get_visible() or not text.get_text().strip():
            continue
        box = text.get_window_extent(renderer)
        if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1:
            found.append(text.get_text())
    return found


def _undrawn(axis: Axis) -> list[Text]:
    low, high = sorted(axis.get_view_interval())
    ticks = [tick for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()) if not low <= tick.get_loc() <= high]
    return [label for tick in ticks for label in (tick.label1, tick.label2)]
