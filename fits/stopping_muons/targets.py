"""The two quantities that are unfolded: propagation length and surface energy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from configs.schema import StoppingMuonsConfig
from fits.stopping_muons.stored import Switch


@dataclass(frozen=True)
class Target:
    """One of them: ``name`` as in the configuration and in results, ``truth`` the saved name of the label."""

    name: str
    truth: str
    unit: str

    @property
    def flux_unit(self) -> str:
        """Of fluxes in this quantity."""
        return f"{self.unit}^-1 m^-2 s^-1 sr^-1"

    def wanted(self, config: StoppingMuonsConfig) -> bool:
        """Whether the configuration asks for its unfolding, computed or stored."""
        return bool(self.option(config, "unfolding", "unfold_{}") or self.option(config, "unfolding", "load_unfolding_{}_results"))

    def switch(self, config: StoppingMuonsConfig, section: str, key: str) -> Switch:
        """A key that is true or false, with its name."""
        return Switch(key.format(self.name), bool(self.option(config, section, key)))

    def option(self, config: StoppingMuonsConfig, section: str, key: str) -> Any:
        """The value of a key that exists for each target: ``key`` with {} in place of its name."""
        return getattr(getattr(config, section), key.format(self.name))

    def column(self, config: StoppingMuonsConfig) -> str:
        """Where the label stands in the files of simulation, for messages."""
        named = {saved: column for key, one in config.keys.items() if key.startswith("mc") for saved, column in one.values()}
        return named.get(self.truth, self.truth)


RANGE = Target("range", "propagation_length", "m")
ENERGY = Target("energy", "surface_energy", "GeV")
TARGETS = (RANGE, ENERGY)


def solid_angle_sr(config: StoppingMuonsConfig) -> float:
    """Of the directions that are accepted: cosine of the zenith angle above ``cos_zenith_min``."""
    return 2.0 * math.pi * (1.0 - config.options.cos_zenith_min)
