"""The configurations that a joint fit of ``diffuse`` names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from configs.errors import InputError, nearest
from configs.schema import DiffuseConfig, load_config
from data_info.files import find_file


def sample_configs(config: DiffuseConfig, fit: str) -> Mapping[str, DiffuseConfig]:
    """Sample -> the configuration with its data sets, of the joint fit ``fit``.

    Other files are looked up beside the configuration, then in the working directory. Raises InputError naming the sample for a file that is
    absent, not valid or of another analysis, a fit that it does not have, and a fit that is itself a joint one.
    """
    joint = config.fits[fit].joint
    assert joint is not None
    return {name: _sample_config(config, fit, name) for name in joint.samples}


def joined_files(config: DiffuseConfig) -> list[Path]:
    """What the joint fits of a configuration read of others: their configuration, histograms and account; none that cannot be found."""
    found: dict[Path, None] = {}
    for fit, options in config.fits.items():
        for name in {} if options.joint is None else options.joint.samples:
            try:
                other = _sample_config(config, fit, name)
            except InputError:
                continue  # the fit itself reports it
            if other is not config:
                found |= dict.fromkeys((other.source, other.output / "hists.h5", other.output / "processing.json"))
    return list(found)


def _sample_config(config: DiffuseConfig, fit: str, name: str) -> DiffuseConfig:
    joint = config.fits[fit].joint
    assert joint is not None
    wanted, where = joint.samples[name], f"fits.{fit}.joint.samples.{name}"
    try:
        other = config if wanted.config is None else load_config(find_file(wanted.config, config.source))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    if not isinstance(other, DiffuseConfig):
        raise InputError(f"{where}: {other.source} is of the analysis {other.analysis!r}; a joint fit is one of diffuse configurations")
    if wanted.fit not in other.fits:
        raise InputError(f"{where}: {other.source} has no fit {wanted.fit!r}{nearest(wanted.fit, other.fits)}")
    if other.fits[wanted.fit].joint is not None:
        raise InputError(f"{where}: the fit {wanted.fit!r} of {other.source} is itself a joint fit; name its samples one by one")
    if not other.datasets:
        raise InputError(f"{where}: {other.source} has no data sets; name a configuration whose events or simulation were processed")
    return other
