"""Options of the studies that follow a fit of ``diffuse``: impacts, the table of events, longer exposures, other models, the posterior."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, model_validator

from configs.strict import Strict

OtherModel = Literal["log_parabola", "cutoff", "broken_power_law", "segmented"]


class ModelComparison(Strict):
    """Other spectra beside the fit's own; ``toys`` of its own give the p-value of each, 0: the asymptotic one alone.

    Wider ones need a power law; ``segmented`` (edges of ``segments``, else the published ones) may stand beside any spectrum and needs toys.
    """

    models: Annotated[list[OtherModel], Field(min_length=1)] = ["log_parabola", "cutoff", "broken_power_law", "segmented"]
    toys: NonNegativeInt = 100


class Posterior(Strict):
    """The posterior by emcee, with flat priors inside the bounds where a parameter has none.

    ``steps`` of each walker after ``burn`` ones; they are extended up to ``max_extend`` times until the chains have converged.
    """

    walkers: Annotated[int, Field(ge=8)] = 64
    burn: NonNegativeInt = 300
    steps: Annotated[int, Field(ge=10)] = 1000
    max_extend: Annotated[float, Field(ge=1)] = 6.0


class SurrogateStudy(Strict):
    """The fit again with other recipes of the surrogate response: every choice of the recipe, or the groups and choices named.

    ``true`` for short, or a list of names. ``own``: name -> fields of the recipe and their values (``simulation.surrogate_recipe.Recipe``).
    """

    choices: list[str] | None = None
    own: dict[str, dict[str, Any]] = {}

    @model_validator(mode="before")
    @classmethod
    def _true_for_short(cls, given: Any) -> Any:
        return {} if given is True else {"choices": given} if isinstance(given, list) else given


class Studies(Strict):
    """What an entry of ``fits:`` may ask for besides its minimum, intervals and toys."""

    impacts: bool = False  # shift of the norm and the spectrum's parameters with each nuisance at +- 1 sigma
    events: bool = False  # signalness and true energy of every selected event, also as tables/<fit>.events.csv
    asimov_livetimes: list[PositiveFloat] = []  # expected errors for the livetime times these factors
    model_comparison: ModelComparison | None = None
    posterior: Posterior | None = None
    predictive: bool = False  # bands of the counts that the posterior (else the toys) predicts in energy, zenith and topology
    surrogate_study: SurrogateStudy | Literal[False] | None = None  # shifts of the fit with other recipes of the surrogate response
