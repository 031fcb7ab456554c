"""Single events in the plane of what was reconstructed, coloured by how likely each is astrophysical."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plotting.canvas import NO_CAPTION, Array, Caption, Scale, apply_scale, beside, page
from plotting.drawn import DrawnFigure
from plotting.legend import place_legend
from plotting.style import BLACK, GREY, Style

NUMBERED = 10  # events of the highest energies that carry their number
MARKERS = "osDv^"
ROOM = 1.28  # upper end of the cos zenith axis: the legend stands above 1


def event_map(energy_gev: Array, coszen: Array, signalness: Array, numbers: Sequence[int], topology: Sequence[str],
              kinds: Sequence[str], *, style: Style, caption: Caption = NO_CAPTION) -> DrawnFigure:  # fmt: skip
    """Deposited energy and cos zenith of each event; shape by topology, colour by signalness, ``numbers`` at the highest energies.

    ``kinds``: all topologies, in the order of the shapes.
    """
    with style.context():
        sheet = page(style, caption, width_in=9.4, right_in=1.75)
        axes = sheet.panels[0]
        axes.axhline(1.0, color=GREY, linewidth=0.8)
        axes.axhline(0.0, color=GREY, linewidth=1.0, linestyle=":", gid="horizon")
        drawn = None
        for marker, name in markers_of(topology, kinds):
            own = np.array([one == name for one in topology])
            drawn = axes.scatter(energy_gev[own], coszen[own], c=signalness[own], marker=marker, s=70, cmap="viridis", vmin=0.0, vmax=1.0,
                                 edgecolors=BLACK, linewidths=0.8, zorder=3, label=name, gid=f"events {name}")  # fmt: skip
        for i in np.argsort(-energy_gev)[:NUMBERED]:
            axes.annotate(str(numbers[i]), (energy_gev[i], coszen[i]), (6, 5), textcoords="offset points", fontsize=13, gid="number")
        limits = (0.8 * float(energy_gev.min()), 1.6 * float(energy_gev.max()))
        apply_scale(axes, Scale("Deposited energy [GeV]", True, limits), Scale("cos(zenith)", limits=(-1.0, 1.0)))
        axes.set_ylim(-1.05, ROOM)
        place_legend(axes, loc="upper center", columns=3, fontsize=14)
        if drawn is not None:
            sheet.figure.colorbar(drawn, cax=beside([axes])).set_label("Signalness")
    return DrawnFigure(
        sheet.figure,
        {"entry": list(numbers), "topology": list(topology), "deposited_gev": energy_gev, "coszen": coszen, "signalness": signalness},
    )


def markers_of(found: Sequence[str], kinds: Sequence[str]) -> list[tuple[str, str]]:
    """(marker, name) of each of ``kinds`` that was found, then of any others; a name has the same marker in every figure.

    >>> markers_of(["Tracks", "Cascades"], ["Cascades", "Double cascades", "Tracks"])
    [('o', 'Cascades'), ('D', 'Tracks')]
    """
    names = [*kinds, *sorted(set(found) - set(kinds))]
    return [(marker, name) for marker, name in zip(MARKERS, names, strict=False) if name in found]
