"""The figure of the flux: bands, segments, limits."""

from __future__ import annotations

import numpy as np
from figure_content import legend_words, named, points_under_legends, texts_outside

from plotting.spectrum import ARROWS, Band, Segments, spectrum
from plotting.style import style

ENERGY = np.geomspace(6e4, 3e6, 50)
FLUX = 2.1e-8 * (ENERGY / 1e5) ** -0.87
BAND = Band(ENERGY, FLUX, 0.8 * FLUX, 1.3 * FLUX, "This fit")
SEGMENTS = Segments(
    np.array([4e4, 9e4, 2e5, 4e5]), np.array([1e-8, 2e-8, 2e-9]), np.array([5e-9, 1.5e-8, 0.0]), np.array([2e-8, 2.5e-8, 5e-9]), "Published"
)


def test_band_segments_and_limits_are_the_numbers() -> None:
    drawn = spectrum([BAND], [SEGMENTS], text=["gamma = 2.87"], style=style("dynode"))
    axes = drawn.figure.axes[0]
    (line,) = named(axes, "flux")
    np.testing.assert_array_equal(line.get_ydata(), FLUX)
    np.testing.assert_array_equal(drawn.numbers["bands"][0]["e2_flux_high"], 1.3 * FLUX)
    measured, limits = axes.containers
    np.testing.assert_allclose(measured[0].get_xydata()[:, 1], [1e-8, 2e-8])
    np.testing.assert_allclose([segment[0, 1] for segment in limits[2][0].get_segments()], [5e-9])  # the arrow hangs on the upper end
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert "per flavour" in axes.get_ylabel()
    assert sorted(legend_words(axes)) == ["Published", "This fit", "gamma = 2.87"]
    assert (
        points_under_legends(axes, np.append(ENERGY, np.sqrt(SEGMENTS.edges_gev[1:] * SEGMENTS.edges_gev[:-1])), np.append(BAND.high, SEGMENTS.high))
        == 0
    )
    assert not texts_outside(drawn.figure)
    assert ARROWS in "\n".join(text.get_text() for text in drawn.figure.texts)


def test_without_limits_nothing_is_said_of_arrows() -> None:
    measured = Segments(SEGMENTS.edges_gev[:3], SEGMENTS.flux[:2], SEGMENTS.low[:2], SEGMENTS.high[:2], "Published")
    drawn = spectrum([BAND], [measured], style=style("dynode"))
    assert ARROWS not in "\n".join(text.get_text() for text in drawn.figure.texts)


def test_the_unit_is_stated_in_the_numbers() -> None:
    assert spectrum([BAND], style=style("dynode")).numbers["unit"] == "GeV cm^-2 s^-1 sr^-1 per flavour, nu + nubar"
