"""What the fits of a configuration ask, checked before its events are read; so far for the analyses whose fits can be wrong in ways a key cannot."""

from __future__ import annotations

from configs.schema import Config, DarkMatterConfig


def check(config: Config) -> None:
    """Refuse fits that no events could answer. Raises ``InputError`` naming the key."""
    if isinstance(config, DarkMatterConfig):
        from fits.dark_matter.request import check as check_campaign

        check_campaign(config)
