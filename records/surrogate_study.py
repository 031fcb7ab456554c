"""The surrogate's own systematic study: how far a fit moves when a choice of the surrogate's recipe is made differently."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from records.diffuse import Composition
from records.value import Value


@dataclass(frozen=True, repr=False)
class SurrogateVariation(Value):
    """One other recipe, fitted to the same data with the same options; ``change`` says in words what the choice became.

    ``shift``: parameter of interest -> change of its value; ``error``: its error then; ``delta_nll``: change of the smallest -ln L. All NaN where
    that fit failed, with its ``reason``.
    """

    choice: str
    group: str
    change: str
    recipe: str
    valid: bool
    reason: str
    shift: Mapping[str, float]
    error: Mapping[str, float]
    delta_nll: float
    composition: Composition | None = None  # best one of e, mu, tau at Earth, where the fit has a scan of flavours


@dataclass(frozen=True, repr=False)
class SurrogateStudy(Value):
    """All variations of one fit. ``values``, ``errors``: of the parameters of interest with the default recipe (errors from the Hessian).

    ``why``: choice -> reason for the amounts. Amounts are ends of what is reasonable, not standard deviations.
    """

    valid: bool
    reason: str
    values: Mapping[str, float]
    errors: Mapping[str, float]
    variations: list[SurrogateVariation]
    why: Mapping[str, str]
    composition: Composition | None = None  # with the default recipe

    @property
    def groups(self) -> dict[str, list[str]]:
        """Group -> its choices, in their order."""
        found: dict[str, list[str]] = {}
        for one in self.variations:
            found.setdefault(one.group, [])
            if one.choice not in found[one.group]:
                found[one.group].append(one.choice)
        return found

    def of_choice(self, choice: str) -> list[SurrogateVariation]:
        """Its variations."""
        return [one for one in self.variations if one.choice == choice]

    def size(self, choice: str, name: str) -> float:
        """The largest shift of a parameter by one choice, without its sign; NaN where no fit of it converged."""
        return max((abs(one.shift[name]) for one in self.of_choice(choice) if one.valid), default=math.nan)

    def together(self, choices: Sequence[str], name: str) -> float:
        """Largest shifts of choices in quadrature: they are made independently. Choices without a number are left out."""
        return math.hypot(*(size for size in (self.size(one, name) for one in choices) if not math.isnan(size)))

    def composition_shift(self, flavour: int) -> float:
        """Change of the best fraction of a flavour (0 e, 1 mu, 2 tau): the largest of each choice, in quadrature; NaN where none is known."""
        if self.composition is None:
            return math.nan
        largest: dict[str, float] = {}
        for one in self.variations:
            if one.composition is not None:
                largest[one.choice] = max(largest.get(one.choice, 0.0), abs(one.composition[flavour] - self.composition[flavour]))
        return math.hypot(*largest.values())

    def total(self, name: str) -> float:
        """All choices in quadrature."""
        return self.together([choice for choices in self.groups.values() for choice in choices], name)
