"""The figure of the surrogate's own systematic study: what each choice of its recipe does to the fit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from plotting.drawn import DrawnFigure
from plotting.fit_view import FitView
from plotting.symbols import symbol
from plotting.variation_panels import Row, variations
from records.surrogate_study import SurrogateStudy

CHOICES = {
    "tracks_of_nue": r"Tracks of $\nu_e$",
    "tracks_of_numu": r"Tracks of $\nu_\mu$",
    "tracks_of_nutau": r"Tracks of $\nu_\tau$",
    "double_cascades_of_nutau": r"Double casc. of $\nu_\tau$",
    "double_cascades_of_others": r"Double casc. of $\nu_e, \nu_\mu$",
    "cascade_direction": "Direction of cascades",
    "track_direction": "Direction of tracks",
    "energy_scale": "Energy scale",
    "track_energy_width": "Track energy width",
    "rows_of_tables": "Tables",
    "points_of_nodes": "True-energy nodes",
    "background_livetime": "Background",
    "background_zenith": "Self-veto",
    "background_energy": "Atmospheric energy",
}
ON_ONE = 3  # parameters on a figure
CHANGES = {"12 x 365 days": "4380 d", "12 / 7.5 livetimes": "4217 d"}


def surrogate(fit: FitView) -> dict[str, Callable[[], DrawnFigure]]:
    """Shifts of the parameters of interest of a fit with a study, three of them on a figure."""
    found = fit.others.get("surrogate")
    if not isinstance(found, SurrogateStudy) or not found.variations:
        return {}
    names = [name for name, error in found.errors.items() if error > 0.0]
    parts = [names[start : start + ON_ONE] for start in range(0, len(names), ON_ONE)]
    return {"surrogate" if number == 1 else f"surrogate_{number}": partial(_draw, fit, found, part) for number, part in enumerate(parts, start=1)}


def _draw(fit: FitView, found: SurrogateStudy, shown: list[str]) -> DrawnFigure:
    names = {name: symbol(name) for name in shown}
    groups = {}
    for group, choices in found.groups.items():
        groups[group] = [_row(found, choice) for choice in choices]
        if len(choices) > 1:
            groups[group].append(_sum(found, f"All of {group}", choices))
    every = [choice for choices in found.groups.values() for choice in choices]
    groups["together"] = [_sum(found, "All choices", every)]
    return variations(groups, names, style=fit.style, caption=fit.caption)


def _row(found: SurrogateStudy, choice: str) -> Row:
    variants = found.of_choice(choice)
    changes = ", ".join(CHANGES.get(one.change, one.change) for one in variants if one.change != choice)
    label = f"{CHOICES.get(choice, choice)}: {changes}" if changes else CHOICES.get(choice, choice)
    return Row(label, {name: [one.shift[name] / error for one in variants] for name, error in found.errors.items() if error > 0.0})


def _sum(found: SurrogateStudy, label: str, choices: list[str]) -> Row:
    return Row(label, {name: [found.together(choices, name) / error] for name, error in found.errors.items() if error > 0.0}, total=True)
