"""The map of the sky: right ascension rises to the left, lines are cut where they leave it."""

from __future__ import annotations

import math

import numpy as np
from figure_content import texts_outside

from physics.galactic import equatorial
from plotting.canvas import Caption
from plotting.mollweide import across, line_pieces, sky_page
from plotting.style import style


def test_right_ascension_rises_to_the_left() -> None:
    style_ = style("dynode")
    with style_.context():
        figure, axes = sky_page(style_, Caption("Test", "right"))
        left, right = (axes.transData.transform((across(np.array([math.radians(ra)]))[0], 0.0))[0] for ra in (200.0, 100.0))
        labels = [text.get_text() for text in axes.get_xticklabels()]
        places = axes.get_xticks()
    assert left < right
    assert dict(zip(labels, places, strict=True))["12 h"] == 0.0
    assert not texts_outside(figure)


def test_the_galactic_plane_is_cut_where_it_leaves_the_map() -> None:
    pieces = line_pieces(*equatorial(np.linspace(0.0, 2.0 * math.pi, 361), np.zeros(361)))
    assert len(pieces) == 2
    assert sum(len(x) for x, _ in pieces) == 361
    for x, _ in pieces:
        assert np.abs(np.diff(x)).max() < 0.2
