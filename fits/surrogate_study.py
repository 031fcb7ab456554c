"""The surrogate's own systematic study: rebuild its response with another recipe, fit the same data again, see what moves."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace

import awkward as ak
import hist
import numpy as np

from configs import diffuse
from configs.diffuse_studies import SurrogateStudy as Options
from configs.errors import InputError, nearest
from fits.diffuse_inputs import Inputs, LikelihoodByFlavour, Prepared, likelihoods_by_flavour, prepare
from fits.exposure import datasets_of
from fits.flavour import EQUAL
from fits.free_composition import FreeComposition, as_start, composition_of
from fits.impacts import of_interest
from fits.minimise import Minimum, minimise
from fits.response import Response
from fits.toys import Progress
from physics.constants import HESE_LIVETIME_S
from processors.diffuse import DiffuseProcessor
from readers.events import with_metadata
from records.diffuse import Composition
from records.surrogate_study import SurrogateStudy, SurrogateVariation
from simulation.surrogate import cells
from simulation.surrogate_recipe import RECIPE, Choice, Recipe, choices

SAME = 1e-9  # relative: the response of hists.h5 is that of the default recipe
OWN = "own"


def check_surrogate_study(options: Options, inputs: Inputs) -> None:
    """Refuse the study where the simulation is not the surrogate, whole, and names that no choice has."""
    formats = {name: one.format or "files" for name, one in inputs.config.datasets.items() if one.kind == "mc" and one.format != "surrogate"}
    if formats:
        name, form = next(iter(formats.items()))
        raise InputError(
            f"surrogate_study: the simulation {name!r} is no surrogate (format: {form}); the study varies the recipe of the surrogate response "
            "alone: remove the key, or give the simulation format: surrogate"
        )
    if not isinstance(inputs.config.processor, diffuse.Processor):
        raise InputError("surrogate_study: the response is rebuilt by the analysis' own processor, not by processor.class; remove one of the two")
    partial = [name for name, entry in datasets_of(inputs.account, "mc").items() if entry["fraction"] < 1.0]
    if partial:
        raise InputError(f"surrogate_study: the surrogate response {partial[0]!r} was not processed as a whole; process it again")
    wanted_choices(options)


def wanted_choices(options: Options) -> list[Choice]:
    """The choices that the options name, and the user's own. Raises InputError for an unknown name or a recipe that is none."""
    known = choices()
    names = [one for choice in known for one in (choice.group, choice.name)]
    for wanted in options.choices or ():
        if wanted not in names:
            raise InputError(f"surrogate_study: {wanted!r} is neither a choice of the recipe nor a group of them{nearest(wanted, names)}")
    found = [one for one in known if options.choices is None or {one.name, one.group} & set(options.choices)]
    taken = sorted({*options.own} & {*names})
    if taken:
        raise InputError(f"surrogate_study.own: {', '.join(taken)} is a name of the recipe's own; give yours another name")
    return found + [Choice(name, OWN, "given in the configuration", {name: _own(name, values)}) for name, values in options.own.items()]


def _own(name: str, values: Mapping[str, object]) -> Recipe:
    for field in values:
        if field not in vars(RECIPE):
            raise InputError(f"surrogate_study.own.{name}: {field!r} is not a choice of the recipe{nearest(field, vars(RECIPE))}")
    listed = {field: tuple(value) if isinstance(value, list) else value for field, value in values.items()}
    try:
        return replace(RECIPE, **listed)  # type: ignore[arg-type]
    except InputError as error:
        raise InputError(f"surrogate_study.own.{name}: {error}") from error
    except (TypeError, ValueError) as error:
        defaults = ", ".join(f"{field}: {getattr(RECIPE, field)}" for field in values)
        raise InputError(f"surrogate_study.own.{name}: {dict(values)} has other kinds of values than the defaults ({defaults})") from error


def rebuilt(inputs: Inputs, recipe: Recipe) -> Response:
    """The response of a recipe, by the processor and with the exposure of ``inputs``; cell averages of the detector stay as they are."""
    config = inputs.config
    assert isinstance(config.processor, diffuse.Processor)
    processor = DiffuseProcessor(config.processor.model_copy(update={"systematics": None}))
    hists = {}
    for name in datasets_of(inputs.account, "mc"):
        metadata = config.datasets[name].metadata
        table = cells(float(metadata.get("livetime_s", HESE_LIVETIME_S)), recipe)
        filled = processor.process(with_metadata(ak.zip(table), {"kind": "mc", "filename": name, **metadata}))
        hists[name] = {key: one for key, one in filled.items() if isinstance(one, hist.Hist)}
    response = Response.from_hists(hists, inputs.account, reference_index=config.processor.reference_index)
    return replace(response, cells=inputs.response.cells)


def surrogate_study(inputs: Inputs, name: str, options: diffuse.Fit, prepared: Prepared, progress: Progress | None = None) -> SurrogateStudy:
    """Fit the data of ``prepared`` with every recipe that the options ask for, natively and from the fit's own starts.

    A recipe whose fit does not converge, or that leaves data without expectation, is a variation with ``valid=False``. The study is not valid
    where one is, or where the response of ``inputs`` is not that of the default recipe.
    """
    assert options.surrogate_study
    wanted = wanted_choices(options.surrogate_study)
    base = minimise(prepared.nll)
    names = [one for one in of_interest(prepared.nll) if one not in base.fixed]
    reason = base.reason or _other_response(inputs)
    works = [] if reason else _works(wanted)
    likelihoods = likelihoods_by_flavour(inputs, options, prepared.nll)
    best = None if reason else _composition(options, likelihoods, base)
    report = progress or (lambda done, total: None)
    found: list[SurrogateVariation] = []
    for done, (choice, change, recipe) in enumerate(works, start=1):
        again = _refitted(inputs, name, options, prepared, recipe)
        found.append(_variation(choice, change, recipe, again, base, names))
        report(done, len(works))
    reason = reason or _failed(found)
    values, errors = ({one: of[one] for one in names} for of in (base.values, base.errors))
    return SurrogateStudy(not reason, reason, values, errors, found, {choice.name: choice.reason for choice in wanted}, best)


def _works(wanted: Sequence[Choice]) -> list[tuple[Choice, str, Recipe]]:
    return [(choice, change, recipe) for choice in wanted for change, recipe in choice.variations.items()]


def _failed(found: Sequence[SurrogateVariation]) -> str:
    """Which variations have no fit; nothing where all have."""
    failed = [f"{one.choice}: {one.change}" for one in found if not one.valid]
    return f"no fit with {', '.join(failed)}" if failed else ""


_OTHER = "hists.h5 does not hold the surrogate response of this version; run run_processor.py with the same configuration, then the fit again"


def _other_response(inputs: Inputs) -> str:
    """Why the response in the histograms is no basis; nothing where it is the default recipe's."""
    again = rebuilt(inputs, RECIPE)
    same = inputs.response.moments.keys() == again.moments.keys() and np.array_equal(inputs.response.ln_energy, again.ln_energy)
    same = same and all(np.allclose(array, again.moments[key], rtol=SAME, atol=0.0) for key, array in inputs.response.moments.items())
    return "" if same else _OTHER


def _refitted(inputs: Inputs, name: str, options: diffuse.Fit, prepared: Prepared, recipe: Recipe) -> tuple[Minimum, Composition | None] | str:
    """The minimum with another recipe and the best composition, or why there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is said of empty bins was said by the fit
            varied = replace(inputs, response=rebuilt(inputs, recipe))
            nll = prepare(varied, name, options).nll.with_counts(prepared.nll.counts)
            found = minimise(nll)
            return found, _composition(options, likelihoods_by_flavour(varied, options, nll), found) if found.valid else None
    except InputError as error:
        return str(error)


def _composition(options: diffuse.Fit, likelihoods: LikelihoodByFlavour, near: Minimum) -> Composition | None:
    """The best composition by flavour, of a fit that has a scan of them and the Poisson likelihood; None where the fit fails."""
    if options.flavour_scan is None or options.likelihood != "poisson":
        return None
    best = minimise(FreeComposition.made(likelihoods), starts=[as_start(near.values, EQUAL)], hesse=False)
    return composition_of(best.values) if best.valid else None


def _variation(
    choice: Choice, change: str, recipe: Recipe, again: tuple[Minimum, Composition | None] | str, base: Minimum, names: Sequence[str]
) -> SurrogateVariation:
    about, missing = (choice.name, choice.group, change, recipe.describe()), dict.fromkeys(names, math.nan)
    if isinstance(again, str):
        return SurrogateVariation(*about, False, again, missing, missing, math.nan)
    found, composition = again
    if not found.valid:
        return SurrogateVariation(*about, False, found.reason, missing, missing, math.nan)
    shift = {one: found.values[one] - base.values[one] for one in names}
    return SurrogateVariation(*about, True, "", shift, {one: found.errors[one] for one in names}, found.nll - base.nll, composition)
