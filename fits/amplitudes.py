"""Terms of the release's model and their amplitudes: norms, kaon to pion ratio, neutrinos to antineutrinos, tilt about each flux's own pivot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fits.official_parameters import PIVOT_CONVENTIONAL_GEV, PIVOT_PROMPT_GEV, TILT
from fits.response import Response

Array = NDArray[np.float64]

NORMS = {
    "astro": ("astro_norm",),
    "pion": ("conv_norm",),
    "kaon": ("conv_norm", "kpi_ratio"),
    "prompt": ("prompt_norm",),
    "muon": ("muon_norm",),
    "atmo": ("atmos_norm",),
}
PIVOTS_GEV = {"pion": PIVOT_CONVENTIONAL_GEV, "kaon": PIVOT_CONVENTIONAL_GEV, "prompt": PIVOT_PROMPT_GEV, "atmo": PIVOT_CONVENTIONAL_GEV}
WITH_NU_RATIO = ("pion", "kaon", "prompt")
NU_RATIO = "nunubar_ratio"
FLAVOUR_OF_CLASS = {
    "nue": ("e", 1), "nuebar": ("e", -1), "numu": ("mu", 1), "numubar": ("mu", -1), "nutau": ("tau", 1), "nutaubar": ("tau", -1),
    "atmosphere": ("all", 0), "muon": ("", 0),
}  # fmt: skip


@dataclass(frozen=True)
class Term:
    """One component of one flavour: ``sign`` +1 neutrinos, -1 antineutrinos, 0 both; ``key``: row of its detector factors, -1 without any."""

    component: str
    flavour: str
    sign: int
    key: int
    moments: Array

    @property
    def tilts(self) -> bool:
        """Whether the tilt of the cosmic rays acts on it."""
        return self.component in PIVOTS_GEV


@dataclass(frozen=True)
class PairTerm:
    """Products of the weights of two terms, given by their positions."""

    left: int
    right: int
    n_astro: int
    tilts: int
    moments: Array


def terms_of(response: Response, keys: Sequence[tuple[str, str]]) -> tuple[Term, ...]:
    """All terms of a response, astro first; classes that share their parameters are one term."""
    sums: dict[tuple[str, str, int], Array] = {}
    for (label, component), moments in response.moments.items():
        key = _place(label, component)
        sums[key] = sums.get(key, 0.0) + moments
    ordered = sorted(sums, key=lambda key: (key[0] != "astro", key))
    rows = {key: row for row, key in enumerate(keys)}
    return tuple(
        Term(component, flavour, sign, rows.get((component, flavour), -1), sums[component, flavour, sign]) for component, flavour, sign in ordered
    )


def pair_terms(response: Response, terms: Sequence[Term]) -> tuple[PairTerm, ...]:
    """All products of terms of one class."""
    position = {(term.component, term.flavour, term.sign): i for i, term in enumerate(terms)}
    sums: dict[tuple[int, int], Array] = {}
    for (label, one, other), moments in response.pairs.items():
        pair = position[_place(label, one)], position[_place(label, other)]
        sums[pair] = sums.get(pair, 0.0) + moments
    found = []
    for (left, right), moments in sums.items():
        both = terms[left], terms[right]
        found.append(PairTerm(left, right, sum(one.component == "astro" for one in both), sum(one.tilts for one in both), moments))
    return tuple(found)


def _place(label: str, component: str) -> tuple[str, str, int]:
    flavour, sign = FLAVOUR_OF_CLASS.get(label, ("all", 0))
    return component, flavour, sign if component in WITH_NU_RATIO else 0


class Amplitudes:
    """A of every term, products of parameters; the tilt (E_c/pivot)^-(Delta - Delta_0) is taken at the middle ``ln_centre`` of the nodes."""

    def __init__(self, names: Sequence[str], terms: Sequence[Term], ln_centre: float, tilt_at_reference: float) -> None:
        self._n = len(names)
        self._terms = terms
        self._norms = [[names.index(name) for name in NORMS[term.component] if name in names] for term in terms]  # segments have no astro_norm
        self._ratio = names.index(NU_RATIO) if NU_RATIO in names else -1
        self._tilt = names.index(TILT) if TILT in names else -1
        self._lever = np.array([ln_centre - math.log(PIVOTS_GEV[term.component]) if term.tilts else 0.0 for term in terms])
        self._sign = np.array([term.sign for term in terms], dtype=float)
        self._offset = tilt_at_reference

    def values(self, theta: Array) -> Array:
        """(terms,)."""
        return self._of_norms(theta) * self._of_sign(theta) * self._of_tilt(theta)

    def jacobian(self, theta: Array) -> Array:
        """Derivatives (parameters, terms)."""
        found = np.zeros((self._n, len(self._terms)))
        sign, tilt = self._of_sign(theta), self._of_tilt(theta)
        norms = self._of_norms(theta)
        for j, rows in enumerate(self._norms):
            for row in rows:
                found[row, j] = math.prod(theta[i] for i in rows if i != row) * sign[j] * tilt[j]
        if self._ratio >= 0:
            found[self._ratio] = norms * tilt * self._sign
        if self._tilt >= 0:
            found[self._tilt] = -self._lever * norms * sign * tilt
        return found

    def _of_norms(self, theta: Array) -> Array:
        return np.array([math.prod(theta[i] for i in rows) for rows in self._norms])

    def _of_sign(self, theta: Array) -> Array:
        """nunubar_ratio for neutrinos, 2 - nunubar_ratio for antineutrinos, 1 for both."""
        return np.ones(len(self._terms)) if self._ratio < 0 else 1.0 + self._sign * (theta[self._ratio] - 1.0)

    def _of_tilt(self, theta: Array) -> Array:
        return np.ones(len(self._terms)) if self._tilt < 0 else np.exp(-self._lever * (theta[self._tilt] - self._offset))
