"""Small ticks drawn in one stroke are where matplotlib would put them."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import AutoMinorLocator, LogLocator, NullLocator

from plotting.canvas import Scale, apply_scale
from plotting.style import STYLES, style
from plotting.ticks import Quiet, SmallTicks, small_ticks


def pixels(*, ours: bool, log: bool, preset: str) -> np.ndarray:
    """The page with ticks in our way, or in that of matplotlib."""
    with style(preset).context():
        figure = Figure(figsize=(5.0, 4.0))
        canvas = FigureCanvasAgg(figure)
        axes = figure.add_axes((0.2, 0.2, 0.7, 0.7))
        limits = (0.3, 70.0) if log else (-0.13, 7.4)
        apply_scale(axes, Scale("", log, limits), Scale("", log, limits))
        if not ours:
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_minor_locator(LogLocator(subs=tuple(range(2, 10)), numticks=12) if log else AutoMinorLocator())
        canvas.draw()
        return np.asarray(canvas.buffer_rgba(), dtype=float)[:, :, :3].mean(axis=2)


@pytest.mark.parametrize("preset", STYLES)
@pytest.mark.parametrize("log", [False, True])
def test_they_look_like_those_of_matplotlib(log: bool, preset: str) -> None:
    ours, theirs = (pixels(ours=mine, log=log, preset=preset) for mine in (True, False))
    dark = theirs < 128
    assert np.mean((ours < 128) != dark) < 2e-4
    assert dark.mean() > 0.01


def test_axes_make_no_small_ticks_themselves_and_others_may_take_them_away() -> None:
    with style("dynode").context():
        figure = Figure()
        canvas = FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        apply_scale(axes, Scale("x", limits=(0.0, 10.0)), Scale("y", limits=(0.0, 1.0)))
        apply_scale(axes, Scale("x", limits=(0.0, 10.0)))
        assert len([one for one in axes.artists if isinstance(one, SmallTicks)]) == 2
        canvas.draw()
        assert axes.xaxis.get_minor_ticks() == []
        assert isinstance(axes.xaxis.get_minor_locator(), Quiet)
        with_ticks = np.asarray(canvas.buffer_rgba()).copy()
        axes.xaxis.set_minor_locator(NullLocator())
        canvas.draw()
        assert (np.asarray(canvas.buffer_rgba()) != with_ticks).any()


def test_a_style_without_small_ticks_has_none() -> None:
    figure = Figure()
    axes = figure.add_subplot()
    small_ticks(axes.xaxis, AutoMinorLocator())  # matplotlib's own style
    assert not any(isinstance(one, SmallTicks) for one in axes.artists)
