"""The figure of the surrogate's own study: a bar for each variation in errors, sums in quadrature, fits that failed."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from plotting.canvas import Caption
from plotting.diffuse import FIGURES, WHY_NOT
from plotting.style import style
from plotting.variation_panels import Row, variations
from records.surrogate_study import SurrogateStudy, SurrogateVariation


def variation(choice: str, group: str, change: str, gamma: float, norm: float = 0.1) -> SurrogateVariation:
    shift = {"astro_norm": norm, "astro_gamma": gamma}
    return SurrogateVariation(choice, group, change, "", math.isfinite(gamma), "", shift, {"astro_norm": 1.2, "astro_gamma": 0.2}, 0.0)


STUDY = SurrogateStudy(
    True, "", {"astro_norm": 6.0, "astro_gamma": 2.9}, {"astro_norm": 1.0, "astro_gamma": 0.2},
    [
        variation("energy_scale", "energy", "/ 1.1", -0.06), variation("energy_scale", "energy", "x 1.1", 0.08, -0.3),
        variation("rows_of_tables", "energy", "nearest row", 0.06, 0.4), variation("mine", "own", "mine", math.nan, math.nan),
    ],
    {"energy_scale": "", "rows_of_tables": "", "mine": ""},
)  # fmt: skip


def test_shifts_are_drawn_in_errors_with_their_sums() -> None:
    view: Any = SimpleNamespace(others={"surrogate": STUDY}, style=style("dynode"), caption=Caption("Test"))
    drawn = FIGURES["surrogate"](view)["surrogate"]()
    gamma = drawn.numbers["shift_over_error"]["astro_gamma"]
    assert gamma["Energy scale: / 1.1, x 1.1"] == pytest.approx([-0.3, 0.4])
    assert gamma["Tables: nearest row"] == pytest.approx([0.3])
    assert gamma["All of energy"] == pytest.approx([0.5])
    assert drawn.numbers["shift_over_error"]["astro_norm"]["All choices"] == pytest.approx([0.5])
    assert np.isnan(gamma["mine"]).all()
    left, right = drawn.figure.axes
    assert [text.get_text() for text in left.get_yticklabels()][-2:] == ["mine", "All choices"]
    assert left.get_xlim() == right.get_xlim() == pytest.approx((-0.575, 0.575))
    assert [one.get_text() for one in right.texts if one.get_gid() == "failed mine"] == ["failed"]
    widths = [bar.get_width() for bar in right.patches if bar.get_gid() == "shift Energy scale: / 1.1, x 1.1"]
    assert widths == pytest.approx([-0.3, 0.4])
    (whole,) = [bar for bar in right.patches if bar.get_gid() == "total All of energy"]
    assert (whole.get_x(), whole.get_width()) == pytest.approx((-0.5, 1.0))


def test_without_a_study_there_is_no_figure_and_the_plan_says_how_to_get_one() -> None:
    for others in ({}, {"surrogate": dataclasses.replace(STUDY, valid=False, reason="no", variations=[])}):
        view: Any = SimpleNamespace(others=others)
        assert FIGURES["surrogate"](view) == {}
    assert WHY_NOT["surrogate"] == "no fit has varied the surrogate's recipe; add fits.<name>.surrogate_study: true"


def test_many_parameters_share_several_figures() -> None:
    """As many as the flux in segments has: three on each, on one scale."""
    names = [f"phi_{i}" for i in range(1, 8)]
    one = dataclasses.replace(STUDY.variations[0], shift=dict.fromkeys(names, 0.1) | {"phi_7": 0.4}, error=dict.fromkeys(names, 1.0))
    study = dataclasses.replace(STUDY, values=dict.fromkeys(names, 1.0), errors=dict.fromkeys(names, 1.0) | {"phi_4": 0.0}, variations=[one])
    view: Any = SimpleNamespace(others={"surrogate": study}, style=style("dynode"), caption=Caption("Test"))
    found = FIGURES["surrogate"](view)
    assert list(found) == ["surrogate", "surrogate_2"]
    drawn = [draw() for draw in found.values()]
    assert [list(each.numbers["shift_over_error"]) for each in drawn] == [names[:3], ["phi_5", "phi_6", "phi_7"]]
    assert all(axes.get_xlim() == pytest.approx((-0.46, 0.46)) for each in drawn for axes in each.figure.axes)


def test_choices_without_effect_still_have_an_axis() -> None:
    drawn = variations({"all": [Row("nothing", {"a": [0.0]})]}, {"a": "a"}, style=style("dynode"))
    assert drawn.figure.axes[0].get_xlim() == pytest.approx((-0.0575, 0.0575))
