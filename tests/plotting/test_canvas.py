"""The page: words at the foot, words that do not fit above, tick numbers."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
from figure_content import texts_outside, words

from plotting import draw
from plotting.canvas import NO_CAPTION, Caption, Scale, apply_scale, beside, labelled_ticks, page, short_number
from plotting.style import STYLES, style

STYLE = style("dynode")
RESPONSE = "surrogate response, not a first-principles simulation"


def test_origin_and_warnings_stand_on_the_figure_word_for_word() -> None:
    caption = Caption("Preliminary", "2635 days", (RESPONSE,), ("Partial data: 83.0 % of data processed",))
    figure = draw.correlation(["a", "b"], np.eye(2), style=STYLE, caption=caption).figure
    for text in (RESPONSE, *caption.warnings, "Preliminary", "2635 days", "Dynode"):
        assert text in words(figure)
    warning = next(text for text in figure.texts if text.get_text().startswith("Partial"))
    assert warning.get_weight() == "bold"
    assert not texts_outside(figure)


@pytest.mark.parametrize("name", STYLES)
def test_words_that_do_not_fit_above_go_to_the_foot(name: str) -> None:
    caption = Caption("A long label of somebody's own for the events", "fit with_systematics, 2635 days", (RESPONSE,))
    figure = draw.correlation(["a", "b"], np.eye(2), style=style(name), caption=caption).figure
    foot = " ".join(text.get_text() for text in figure.texts if text.get_gid() == "foot")
    assert "fit with_systematics, 2635 days" in foot
    assert "A long label" in foot
    assert not texts_outside(figure)


def test_lines_at_the_foot_make_the_page_taller_and_leave_the_panels_alone() -> None:
    with STYLE.context():
        bare, noted = page(STYLE, Caption()), page(STYLE, Caption(notes=("one", "two")))
    heights = [sheet.panels[0].get_position().height * sheet.figure.get_size_inches()[1] for sheet in (bare, noted)]
    assert heights[0] == pytest.approx(heights[1])
    assert noted.figure.get_size_inches()[1] > bare.figure.get_size_inches()[1]


@pytest.mark.parametrize("limits", [(0.2, 7.0), (0.03, 40.0), (6e4, 1e7), (3e-9, 5e-8), (2e5, 9e5)])
def test_every_logarithmic_axis_has_a_number(limits: tuple[float, float]) -> None:
    steps = [step * 10.0**power for power in range(-12, 12) for step in labelled_ticks(limits)]
    assert sum(limits[0] <= step <= limits[1] for step in steps) >= 1
    with STYLE.context():
        sheet = page(STYLE, Caption())
        apply_scale(sheet.panels[0], Scale("x", True, limits), Scale("y", True, limits))
        assert not texts_outside(sheet.figure)


def test_numbers_of_ticks_are_short() -> None:
    assert [short_number(value) for value in (0.002, 5.0, 2000.0)] == ["0.002", "5", "2000"]
    assert short_number(1e5) == "$10^{5}$"
    assert short_number(5e-9) == r"$5\times10^{-9}$"
    assert not matplotlib.rcParams["text.usetex"]


def test_room_for_a_colour_bar_is_beside_all_panels_and_as_high() -> None:
    with STYLE.context():
        sheet = page(STYLE, NO_CAPTION, columns=2, right_in=2.0)
        bar = beside(sheet.panels).get_position()
    boxes = [axes.get_position() for axes in sheet.panels]
    assert max(box.x1 for box in boxes) < bar.x0 < bar.x1 < 1.0
    assert (bar.y0, bar.y1) == pytest.approx((boxes[0].y0, boxes[0].y1))
