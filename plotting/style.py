"""How figures look: one preset per experiment on mplhep's styles and labels, fixed component colours, no TeX.

Colours are those of Okabe and Ito (jfly.uni-koeln.de/color, 2008), told apart by readers with every kind of colour blindness; a component keeps
its colour on every figure. Fonts come with mplhep, so a figure looks the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import matplotlib
import mplhep
from matplotlib.axes import Axes

from configs.errors import InputError, nearest

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILLION, PURPLE, GREY = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#999999",
)  # fmt: skip

# Ours, then what it is compared with: the same two colours on every figure.
OURS, OTHER, PUBLISHED = BLUE, VERMILLION, BLACK


@dataclass(frozen=True)
class Component:
    """How one contribution to a stack is called and coloured."""

    label: str
    colour: str


# Components of the fits' models, bottom of the stack first.
COMPONENTS: dict[str, Component] = {
    "muon": Component("Atmospheric muons", PURPLE),
    "atmo": Component("Atmospheric background", SKY),
    "conventional": Component("Conventional atm. neutrinos", SKY),
    "prompt": Component("Prompt atm. neutrinos", GREEN),
    "astro": Component("Astrophysical neutrinos", ORANGE),
}

# Particles and, for events without labels, data.
PARTICLES: dict[str, Component] = {
    "gamma": Component(r"$\gamma$", ORANGE),
    "e-": Component(r"$e^-$", BLUE),
    "mu-": Component(r"$\mu^-$", GREEN),
    "pi0": Component(r"$\pi^0$", VERMILLION),
    "e+": Component(r"$e^+$", SKY),
    "mu+": Component(r"$\mu^+$", YELLOW),
    "pi-": Component(r"$\pi^-$", PURPLE),
    "pi+": Component(r"$\pi^+$", GREY),
    "unknown": Component("Unknown particle", BLACK),
}
OTHER_SAMPLES = (PURPLE, SKY, GREY, BLACK, YELLOW)  # samples that are no particles, in order

BASE: dict[Any, Any] = {
    **mplhep.style.CMS,
    "font.size": 17,
    "axes.labelsize": 20,
    "axes.linewidth": 1.4,
    "axes.unicode_minus": True,
    "axes.formatter.use_mathtext": False,  # of numbers at ticks: setting mathematics takes milliseconds each; ``canvas.PlainNumbers`` keeps powers
    "axes.formatter.useoffset": False,
    "xtick.labelsize": 17,
    "ytick.labelsize": 17,
    "xtick.major.size": 9,
    "ytick.major.size": 9,
    "xtick.minor.size": 4.5,
    "ytick.minor.size": 4.5,
    "legend.fontsize": 14,
    "legend.handlelength": 1.6,
    "legend.borderpad": 0.3,
    "legend.labelspacing": 0.35,
    "lines.linewidth": 2.0,
    "errorbar.capsize": 0,
    "image.cmap": "cividis",
    "mathtext.fontset": "stixsans",
    "text.usetex": False,
    "figure.dpi": 100,
    "savefig.dpi": 150,
    "savefig.bbox": None,
    "pdf.compression": 6,
}


@dataclass(frozen=True)
class Style:
    """One preset: the experiment's name on every figure and changes to the base settings."""

    experiment: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    label_italic: bool = True

    @contextmanager
    def context(self) -> Iterator[None]:
        """Settings for the figures made (or saved) inside the ``with`` block; the caller's are restored afterwards."""
        settings: dict[Any, Any] = {**BASE, **self.settings}
        with matplotlib.rc_context(settings):
            yield


STYLES: dict[str, Style] = {
    "dynode": Style("Dynode"),
    "icecube": Style("IceCube", {"xaxis.labellocation": "center", "yaxis.labellocation": "center"}),
    "hyperk": Style("Hyper-Kamiokande", {"xtick.top": False, "ytick.right": False, "axes.linewidth": 1.8}, label_italic=False),
}


def looks(names: Sequence[str]) -> dict[str, Component]:
    """Label and colour of each sample: a particle has its own on every figure, others take the remaining colours in order.

    >>> looks(["gamma", "test"])["gamma"].label, looks(["gamma", "test"])["test"].label
    ('$\\\\gamma$', 'test')
    """
    others = [name for name in names if name not in PARTICLES]
    return {name: PARTICLES.get(name) or Component(name, OTHER_SAMPLES[others.index(name) % len(OTHER_SAMPLES)]) for name in names}


def style(name: str) -> Style:
    """The preset called ``name``; raises ``InputError`` with the nearest known name."""
    if name not in STYLES:
        raise InputError(f"plots.style: {name!r} is not a style{nearest(name, STYLES)}")
    return STYLES[name]


def experiment_label(axes: Axes, preset: Style, text: str = "", right: str = "") -> None:
    """Write the experiment's name and ``text`` above the upper left corner of ``axes`` and ``right`` above the upper right one."""
    slant = "italic" if preset.label_italic else "normal"
    texts = mplhep.label.exp_text(
        preset.experiment, text, lumi=right or None, loc=0, ax=axes, scilocator_adjust=False,
        fontsize=(21, 17, 16, 14), fontstyle=("normal", slant, "normal", "normal"),
    )  # fmt: skip
    for written in texts:
        if written is not None:
            written.set_y(written.get_position()[1] + 0.01)  # clear of the frame
