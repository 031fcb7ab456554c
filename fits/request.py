"""What the fits of a configuration ask, checked before its events are read; so far for the analyses whose fits can be wrong in ways a key cannot."""

from __future__ import annotations

from configs.schema import Config, DarkMatterConfig


def checked(config: Config) -> Config:
    """The configuration, when events could answer all its fits. Raises ``InputError`` naming the key."""
    if isinstance(config, DarkMatterConfig):
        from fits.dark_matter.request import check

        check(config)
    return config
