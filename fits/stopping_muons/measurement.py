"""One target (in all events or in a sector) as an unfolding problem: response, counts, spectra to test it with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from configs.errors import InputError
from fits.stopping_muons import nuisances
from fits.stopping_muons.inputs import ALL, Cells, Inputs, truth_edges
from fits.stopping_muons.layout import Layout, layout
from fits.stopping_muons.seeds import seed_of
from fits.stopping_muons.targets import TARGETS, Target
from fits.unfolding import NuisanceTemplate, UnfoldingProblem
from fits.unfolding.coverage import Truth
from processors.stopping_muons_axes import TILTS

Array = NDArray[np.float64]
FLOOR = 1e-3  # events


@dataclass(frozen=True)
class TestSplit:
    """Simulation that neither tree nor response has seen, by proxy bin and truth column, for the livetime: sums of weights and of their squares.

    ``worth``: events without weights that know its total as well.
    """

    cells: Cells
    worth: float

    @property
    def truth(self) -> Truth:
        """The spectrum (an empty bin is taken to hold next to nothing) and expected counts."""
        return Truth(np.maximum(self.cells.W.sum(axis=0), FLOOR), self.cells.W.sum(axis=1))

    def of_spectrum(self, problem: UnfoldingProblem) -> Truth:
        """Its events with weights by truth bin such that their spectrum is the reference of ``problem``; an empty column is that of the problem.

        The spectrum of a small sample jumps from bin to bin, a smoothness prior takes that away, and a closure test would call it a bias.
        """
        total = self.cells.W.sum(axis=0)
        response = np.where(total > 0, self.cells.W / np.maximum(total, FLOOR**2), problem.A)
        return Truth(problem.f_reference, response @ problem.f_reference)

    @property
    def variance(self) -> Array:
        """Of its response, given the sum of each column (delta method)."""
        w, s = self.cells.W, self.cells.S
        total = np.maximum(w.sum(axis=0), FLOOR)
        return np.maximum((1.0 - 2.0 * w / total) * s + (w / total) ** 2 * s.sum(axis=0), 0.0) / total**2


@dataclass(frozen=True)
class Measurement:
    """A problem, without a strength of its prior, and what belongs to it.

    ``layout``: which bins of the histograms it has. ``spectra``: name -> truth, of the simulation and of tilted ones, scaled to
    the counts. ``test``: the test split, None where it holds no event. ``pseudo``: whether the counts are drawn from it.
    """

    target: Target
    sector: str
    problem: UnfoldingProblem
    livetime_s: float
    layout: Layout
    spectra: Mapping[str, Truth]
    test: TestSplit | None
    pseudo: bool

    @property
    def notes(self) -> list[str]:
        """What a reader of the results must know of the data."""
        if not self.pseudo or self.test is None:
            return []
        found = [f"pseudo data of {self.livetime_s:.6g} s, drawn from a test sample worth {self.test.worth:.0f} events"]
        if self.problem.g.sum() > 1.5 * self.test.worth:
            found.append("there are more counts than that: the test sample has fluctuated by more than their errors, which do not know of it")
        return found


def measurement(inputs: Inputs, target: Target, sector: str = ALL, *, area_m2: Array | None = None) -> Measurement:
    """What is unfolded of ``target``. ``area_m2``: effective area by truth bin in range, for spaces of the flux.

    InputError, naming the bin and the column of the truth, for a response that cannot be unfolded, and for data without an event.
    """
    inputs.check_rate(target.name)
    name = f"response_{target.name}"
    edges = truth_edges(inputs.hist(inputs.nominal, name))
    rate = inputs.cells(inputs.nominal, name, sector=sector)
    livetime_s = livetime_of(inputs)
    chosen = layout(rate, livetime_s, target=target.name, sector=sector, min_expected=inputs.config.options.min_expected)
    test = _test_split(inputs, target, sector, livetime_s, chosen)
    pseudo = inputs.config.unfolding.is_sim
    g = _drawn(inputs, target, sector, test) if pseudo else _counted(inputs, target, sector, chosen.groups)
    cells = chosen.of(rate).scaled(livetime_s)
    try:
        problem = _problem(inputs, target, sector, cells, g, edges, chosen, area_m2)
    except InputError as error:
        raise InputError(f"{target.name} (label {target.column(inputs.config)} of data set {inputs.nominal}): {error}") from None
    return Measurement(target, sector, problem, livetime_s, chosen, _spectra(inputs, target, problem, chosen, sector), test, pseudo)


def _problem(
    inputs: Inputs, target: Target, sector: str, cells: Cells, g: Array, edges: Array, chosen: Layout, area_m2: Array | None
) -> UnfoldingProblem:
    options, edges = inputs.config.options, edges[chosen.first : chosen.last + 1]
    templates = [nuisances.template(inputs, target, name, chosen, sector) for name in nuisances.names(inputs)]
    if options.compat is not None:
        templates = [_row_template(one, cells.W) for one in templates]
    area = np.ones(edges.size - 1) if area_m2 is None else area_m2[chosen.inside]
    return UnfoldingProblem(
        cells.W,
        cells.S,
        g,
        templates=tuple(templates),
        edges=edges,
        underflow=chosen.underflow,
        overflow=chosen.overflow,
        flux_factor=1.0 / (area * np.diff(edges)),
        space=options.space,
        mc_stat=options.mc_stat,
        epsilon=inputs.config.unfolding.epsilon,
        compat=options.compat,
        name=f"{target.name}, sector {sector}",
    )


def _row_template(one: NuisanceTemplate, nominal: Array) -> NuisanceTemplate:
    """Whole rows, as the program funfolding has them."""
    share = nominal / nominal.sum(axis=1, keepdims=True)
    return replace(one, alpha=(share * one.alpha).sum(axis=1), beta=(share * one.beta).sum(axis=1))


def livetime_of(inputs: Inputs) -> float:
    """Of data or pseudo data, in seconds.

    Pseudo data: ``pseudo_livetime_s``; null: until ``test_size`` events are expected, or as many as the test split is worth.
    """
    if not inputs.config.unfolding.is_sim:
        return inputs.livetime_s
    given = inputs.config.options.pseudo_livetime_s
    if given is not None:
        return float(given)
    first = next(one for one in TARGETS if f"pseudo_{one.name}" in inputs.hists[inputs.nominal])
    cells = inputs.cells(inputs.nominal, f"pseudo_{first.name}", sector=ALL)
    rate = float(cells.W.sum())
    if not rate > 0:
        raise InputError(f"data set {inputs.nominal}: the test split holds no event, so there are no pseudo data; simulate more, or is_sim: false")
    return min(float(inputs.config.unfolding.test_size), _worth(cells)) / rate


def _worth(cells: Cells) -> float:
    """Events without weights that know the total as well."""
    return float(cells.W.sum() ** 2 / cells.S.sum())


def _test_split(inputs: Inputs, target: Target, sector: str, livetime_s: float, chosen: Layout) -> TestSplit | None:
    cells = inputs.cells(inputs.nominal, f"pseudo_{target.name}", sector=sector)
    if not cells.W.sum() > 0:
        return None
    return TestSplit(chosen.of(cells).scaled(livetime_s), _worth(cells))


def _drawn(inputs: Inputs, target: Target, sector: str, test: TestSplit | None) -> Array:
    """Counts of a Poisson distribution around the test split; the same for a seed whatever else is done."""
    if test is None:
        raise InputError(f"{target.name}, sector {sector}: the test split holds no event, so there are no pseudo data; simulate more")
    generator = np.random.default_rng(seed_of(inputs.config.seed, "pseudo data", target.name, sector))
    return generator.poisson(test.truth.expected).astype(float)


def _counted(inputs: Inputs, target: Target, sector: str, groups: list[list[int]]) -> Array:
    counts = inputs.counts(f"counts_{target.name}", sector=sector)
    if not counts.sum() > 0:
        raise InputError(f"{target.name}, sector {sector}: no event of data ({', '.join(inputs.data)}) is selected; check cuts and filter")
    return np.array([counts[group].sum() for group in groups])


def _spectra(inputs: Inputs, target: Target, problem: UnfoldingProblem, chosen: Layout, sector: str) -> dict[str, Truth]:
    """The simulated spectrum, and the same events with the energy to the power of -0.1 and +0.1 (of all sectors together)."""
    found = {"reference": Truth(problem.f_reference, problem.expected(problem.f_reference))}
    if sector != ALL:
        return found
    for tilt in TILTS:
        cells = inputs.cells(inputs.nominal, f"tilted_{target.name}", tilt=tilt)
        part = chosen.of(cells).W
        part = part * problem.g.sum() / part.sum()
        found[tilt] = Truth(part.sum(axis=0), part.sum(axis=1))
    return found
