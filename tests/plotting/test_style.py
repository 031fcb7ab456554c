"""Styles: presets, colours that everyone tells apart, no trace in the caller's settings."""

from __future__ import annotations

import itertools
import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from configs.diffuse import Plots
from configs.errors import InputError
from plotting import draw
from plotting.style import COMPONENTS, OTHER, OURS, PUBLISHED, STYLES, style

# Machado, Oliveira, Fernandes, IEEE Trans. Vis. Comput. Graph. 15 (2009) 1291, severity 1.0: linear RGB seen by three kinds of dichromats.
DICHROMATS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
JUST_TOLD_APART = 10.0  # CIE 1976 colour difference; 2.3 is just noticeable side by side


def lab(linear: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (D65) of linear sRGB."""
    to_xyz = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
    t = to_xyz @ np.clip(linear, 0.0, 1.0) / [0.95047, 1.0, 1.08883]
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def linear_rgb(colour: str) -> np.ndarray:
    value = np.array(to_rgb(colour))
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("eye", DICHROMATS)
def test_colours_of_one_figure_are_told_apart_by_every_eye(eye: str) -> None:
    seen = np.array(DICHROMATS[eye])
    stacks = [("muon", "conventional", "prompt", "astro"), ("atmo", "astro")]
    together = [[COMPONENTS[name].colour for name in stack] for stack in stacks] + [[OURS, OTHER, PUBLISHED]]
    for colours in together:
        for one, other in itertools.combinations(colours, 2):
            difference = np.linalg.norm(lab(seen @ linear_rgb(one)) - lab(seen @ linear_rgb(other)))
            assert difference > JUST_TOLD_APART, (one, other)


def test_every_style_of_the_configuration_exists() -> None:
    assert set(Plots.model_fields["style"].annotation.__args__) == set(STYLES)


def test_an_unknown_style_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"plots\.style: 'icecub' is not a style; did you mean 'icecube'\?"):
        style("icecub")


@pytest.mark.parametrize("name", STYLES)
def test_drawing_leaves_no_trace_and_carries_the_experiment(name: str) -> None:
    before = dict(matplotlib.rcParams)
    drawn = draw.correlation(["a", "b"], np.eye(2), style=style(name), caption=draw.Caption("Preliminary"))
    assert dict(matplotlib.rcParams) == before
    assert plt.get_fignums() == []
    written = {text.get_text() for text in drawn.figure.axes[0].texts}
    assert {STYLES[name].experiment, "Preliminary"} <= written


def test_no_style_needs_tex() -> None:
    for preset in STYLES.values():
        with preset.context():
            assert matplotlib.rcParams["text.usetex"] is False
            assert matplotlib.rcParams["font.sans-serif"][0] == "TeX Gyre Heros"


def test_the_configuration_and_the_fits_do_not_load_matplotlib() -> None:
    code = "import sys, configs.schema, configs.command_line, fits.stage; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
