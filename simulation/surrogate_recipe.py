"""What the recipe of the surrogate response chooses where its tables leave a choice, and by how much each choice may reasonably differ.

Amounts come from what is known beside the fit: ranges in the release's detector tables, published resolutions, other choices made in this package.
Where nothing is known they are conventions and say so. None was taken from what it does to a fit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from configs.errors import InputError
from physics.constants import DAY_S, HESE_LIVETIME_S
from simulation.response_tables import DCASCADE_FRACTION, TRACK_FRACTION

ByFlavour = tuple[float, float, float]  # electron, muon, tau


@dataclass(frozen=True)
class Recipe:
    """The choices; defaults are those of the specification. ``track_fraction``, ``dcascade_fraction``: P(channel | flavour), cascades have the rest.

    Raises InputError for a recipe that is none.
    """

    track_fraction: ByFlavour = tuple(TRACK_FRACTION.tolist())
    dcascade_fraction: ByFlavour = tuple(DCASCADE_FRACTION.tolist())
    cascade_smearing_deg: float = 8.0  # Rayleigh parameter of the angle between true and reconstructed direction
    track_smearing_deg: float = 0.0
    energy_scale: float = 1.0  # of deposited energies in the kernel
    track_width_scale: float = 1.0  # of the widths of log10(E_deposited / E) of tracks
    nearest_row: bool = False  # of the tables by energy, instead of interpolation in ln E
    points_per_node: int = 1  # of a true-energy node
    background_livetime_days: float = 4269.0  # of the tabulated background, which its source calls "12 years"
    true_over_deposited: float = 1.4  # typical neutrino energy of an atmospheric event over its deposited energy
    veto_slope_scale: float = 1.0  # of the self-veto in the zenith shape of the down-going background, exp(-kappa cos zenith)

    def __post_init__(self) -> None:
        fractions = [*zip(self.track_fraction, self.dcascade_fraction, strict=True)]
        if any(min(pair) < 0.0 or sum(pair) > 1.0 for pair in fractions):
            raise InputError(f"surrogate recipe: fractions of tracks and double cascades {fractions} must be >= 0 and sum to 1 at most by flavour")
        for name in ("energy_scale", "track_width_scale", "background_livetime_days", "true_over_deposited", "points_per_node"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise InputError(f"surrogate recipe: {name} is {getattr(self, name)}; it must be positive")
        if self.points_per_node != int(self.points_per_node):
            raise InputError(f"surrogate recipe: points_per_node is {self.points_per_node}; give a whole number")
        for name in ("cascade_smearing_deg", "track_smearing_deg"):
            if not 0.0 <= getattr(self, name) <= 20.0:
                raise InputError(f"surrogate recipe: {name} is {getattr(self, name)}; give 0 to 20 degrees, the smearing is made for small angles")

    def describe(self) -> str:
        """What differs from the default, in words."""
        changed = [one.name for one in fields(self) if getattr(self, one.name) != getattr(RECIPE, one.name)]
        return ", ".join(f"{name} {getattr(self, name)} instead of {getattr(RECIPE, name)}" for name in changed) or "default"


RECIPE = Recipe()


@dataclass(frozen=True)
class Choice:
    """One choice of the recipe: ``variations`` in words -> recipe, and the ``reason`` for their amounts."""

    name: str
    group: str
    reason: str
    variations: Mapping[str, Recipe]


def choices() -> tuple[Choice, ...]:
    """Every choice that is varied, by group."""
    return (*_topology(), *_direction(), *_energy(), *_background())


def _topology() -> tuple[Choice, ...]:
    seen, unknown = "range of the shapes of the release's detector tables", "not in any table: half and double [convention]"

    def tracks(flavour: int, *values: float) -> dict[str, Recipe]:
        return {f"{100 * value:g} %": replace(RECIPE, track_fraction=_with(RECIPE.track_fraction, {flavour: value})) for value in values}

    def doubles(*flavours: int) -> dict[str, Recipe]:
        own = RECIPE.dcascade_fraction
        return {
            words: replace(RECIPE, dcascade_fraction=_with(own, {one: factor * own[one] for one in flavours}))
            for words, factor in (("half", 0.5), ("twice", 2.0))
        }

    return (
        Choice("tracks_of_nue", "topology", seen, tracks(0, 0.01, 0.05)),
        Choice("tracks_of_numu", "topology", seen, tracks(1, 0.64, 0.73)),
        Choice("tracks_of_nutau", "topology", seen, tracks(2, 0.07, 0.12)),
        Choice("double_cascades_of_nutau", "topology", unknown, doubles(2)),
        Choice("double_cascades_of_others", "topology", unknown, doubles(0, 1)),
    )


def _direction() -> tuple[Choice, ...]:
    cascade = "medians of 4.7 and 14.1 deg; some 15 deg are published for cascades (IceCube, Science 342 (2013) 1242856)"
    return (
        Choice("cascade_direction", "direction", cascade, {f"{one:g} deg": replace(RECIPE, cascade_smearing_deg=one) for one in (4.0, 12.0)}),
        Choice("track_direction", "direction", "that of the event generator", {"1 deg": replace(RECIPE, track_smearing_deg=1.0)}),
    )


def _energy() -> tuple[Choice, ...]:
    scale = "a tenth, the width of the release's prior of the light yield; a quarter of a bin of the table"
    width = "the Gaussian stands for a distribution with a tail: a fifth [convention]"
    return (
        Choice("energy_scale", "energy", scale, {"/ 1.1": replace(RECIPE, energy_scale=1.0 / 1.1), "x 1.1": replace(RECIPE, energy_scale=1.1)}),
        Choice("track_energy_width", "energy", width, {f"x {one:g}": replace(RECIPE, track_width_scale=one) for one in (0.8, 1.2)}),
        Choice("rows_of_tables", "energy", "as the event generator takes them", {"nearest row": replace(RECIPE, nearest_row=True)}),
        Choice("points_of_nodes", "energy", "a node of 0.05 decades is one point", {"4 points": replace(RECIPE, points_per_node=4)}),
    )


def _background() -> tuple[Choice, ...]:
    livetimes = {"12 x 365 days": 12 * 365.0, "12 / 7.5 livetimes": HESE_LIVETIME_S / DAY_S * 12 / 7.5}
    veto = "kappa was chosen so that sums agree: a half [convention]"
    energy = "all energy is deposited, or half of it, as by tracks of 300 TeV; acts through cr_delta_gamma alone"
    return (
        Choice(
            "background_livetime", "background", "other readings of '12 years'",
            {words: replace(RECIPE, background_livetime_days=days) for words, days in livetimes.items()},
        ),
        Choice("background_zenith", "background", veto, {f"kappa x {one:g}": replace(RECIPE, veto_slope_scale=one) for one in (0.5, 1.5)}),
        Choice("background_energy", "background", energy, {f"{one:g} Edep": replace(RECIPE, true_over_deposited=one) for one in (1.0, 2.0)}),
    )  # fmt: skip


def _with(values: ByFlavour, changed: Mapping[int, float]) -> ByFlavour:
    e, mu, tau = (changed.get(i, value) for i, value in enumerate(values))
    return e, mu, tau
