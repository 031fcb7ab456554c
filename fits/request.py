"""What the fits of a configuration ask, checked before its events are read; so far for the analyses whose fits can be wrong in ways a key cannot."""

from __future__ import annotations

from typing import TypeVar

from configs.schema import Config, DarkMatterConfig, StoppingMuonsConfig

AnyConfig = TypeVar("AnyConfig", bound=Config)


def checked(config: AnyConfig) -> AnyConfig:
    """The configuration, when events could answer all its fits and files of theory are there. Raises ``InputError`` naming the key."""
    if isinstance(config, DarkMatterConfig):
        from fits.dark_matter.request import check

        check(config)
    if isinstance(config, StoppingMuonsConfig):
        from fits.stopping_muons.theory_table import check_theory

        check_theory(config)
    return config
