"""Options of a joint fit of ``diffuse``: which samples it has, each a fit of this or of another configuration, and what they have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from configs.strict import Strict

SampleName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]

BELONG_TO_SAMPLES = ("axes", "likelihood", "empty_bins", "workspace", "segments", "flavour_scan", "events", "predictive", "surrogate_study")
OF_ONE_SAMPLE = ("nuisances", "detector")  # keys of its model


class JointSample(Strict):
    """The entry ``fit`` of ``fits:`` in the file ``config`` (null: this one); the file's name for short."""

    config: str | None = None
    fit: str = "main"

    @model_validator(mode="before")
    @classmethod
    def _file_for_short(cls, given: Any) -> Any:
        return {"config": given} if isinstance(given, str) else given


class Joint(Strict):
    """One flux for several ``samples``, each with its own bins, data, livetime, likelihood and nuisance parameters.

    ``shared``: nuisance parameters that are one and the same in all samples, with one prior. ``alone``: also fit each sample by itself.
    """

    samples: Annotated[dict[SampleName, JointSample], Field(min_length=2)]
    shared: list[str] = []
    alone: bool = True
