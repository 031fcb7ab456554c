"""Every drawing function under one name: arrays -> ``DrawnFigure`` (a figure and the numbers drawn in it). Nothing here reads, fits or saves.

>>> from plotting import draw, style
>>> drawn = draw.correlation(["a", "b"], [[1.0, 0.5], [0.5, 1.0]], style=style.style("dynode"))
>>> drawn.numbers["parameters"]
['a', 'b']
"""

from plotting.canvas import Caption, Scale
from plotting.contour import Points, Region, contour
from plotting.curves import Critical, Published, feldman_cousins, profile
from plotting.drawn import DrawnFigure, save_figure
from plotting.histograms import categories, histogram, lines, map_2d
from plotting.matrix import correlation, pulls
from plotting.spectrum import Band, Segments, spectrum
from plotting.stack import Projection, Words, stacked
from plotting.toys import Goodness, PullSet, goodness, likelihood_ratio, toy_pulls

__all__ = [
    "Band", "Caption", "Critical", "DrawnFigure", "Goodness", "Points", "Projection", "Published", "PullSet", "Region", "Scale", "Segments", "Words",
    "categories", "contour", "correlation", "feldman_cousins", "goodness", "histogram", "likelihood_ratio", "lines", "map_2d", "profile", "pulls",
    "save_figure", "spectrum", "stacked", "toy_pulls",
]  # fmt: skip
