"""What contradicts itself in a configuration of ``stopping_muons``, found before a file is opened: key path and words of each problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from configs.document import KeyPath
from configs.errors import InputError, nearest
from configs.saved_columns import columns_for
from configs.stopping_muons import DERIVED, TAU_RULE, Binning

if TYPE_CHECKING:
    from configs.schema import MuonDataset, StoppingMuonsConfig

MIN_BINS = 3
PICKLE = (
    "reading a pickle can run code of whoever wrote it; write HDF5 instead, or set allow_pickle: true for a file of your own "
    "(containers, numbers, text, NumPy arrays and frames are read, all else is refused)"
)
Problem = tuple[KeyPath, str]


def problems(config: StoppingMuonsConfig) -> Iterator[Problem]:
    """Every problem of a configuration whose keys are each valid."""
    yield from _binning(config.binning)
    yield from _regularisation(config)
    yield from _data_sets(config)
    yield from _names(config)
    yield from _sectors(config)
    if config.options.binning == "grid" and not config.options.grid:
        yield (
            ("options", "grid"),
            "binning: grid needs the edges of at least one observable, e.g. grid: {propagation_length_reco: [1000, 2000, 4000]}",
        )


def _binning(binning: Binning) -> Iterator[Problem]:
    for target in ("range", "energy"):
        low, high, count = (getattr(binning, name) for name in (f"{target}_min", f"{target}_max", f"n_{target}_bins"))
        if not low < high:
            yield ("binning", f"{target}_min"), f"{target}_min {low:g} is not below {target}_max {high:g}"
        elif getattr(binning, f"{target}_log") and low <= 0:
            yield ("binning", f"{target}_min"), f"{target}_min {low:g} and {target}_log: true: logarithmic bins begin above 0"
        if count < MIN_BINS:
            yield ("binning", f"n_{target}_bins"), f"{count} truth bins from {low:g} to {high:g}; at least {MIN_BINS} are needed"
        if binning.n_proxy_bins <= count:
            yield (
                ("binning", "n_proxy_bins"),
                f"n_proxy_bins {binning.n_proxy_bins} is not above n_{target}_bins {count}; give more proxy bins than truth bins",
            )


def _regularisation(config: StoppingMuonsConfig) -> Iterator[Problem]:
    for target in ("range", "energy"):
        tau, count = getattr(config.unfolding, f"reg_{target}"), getattr(config.binning, f"n_{target}_bins")
        if isinstance(tau, list) and len(tau) != count:
            yield ("unfolding", f"reg_{target}"), f"{len(tau)} values for {count} truth bins; give one number or {count} of them ({TAU_RULE})"
    if not config.unfolding.reg_min < config.unfolding.reg_max:
        yield ("unfolding", "reg_min"), f"reg_min {config.unfolding.reg_min:g} is not below reg_max {config.unfolding.reg_max:g}"
    index = config.unfolding.bin_index
    if index is not None and index >= config.binning.n_proxy_bins:
        yield ("unfolding", "bin_index"), f"proxy bin {index} of {config.binning.n_proxy_bins} (they count from 0)"


def _data_sets(config: StoppingMuonsConfig) -> Iterator[Problem]:
    wanted = [target for target in ("range", "energy") if getattr(config.effective_area, f"calculate_effective_area_{target}")]
    if wanted and not any(one.kind == "mc" and one.level == 0 for one in config.datasets.values()):
        yield (
            ("datasets",),
            f"calculate_effective_area_{wanted[0]} needs untriggered MC: a data set with type mc and level 0 in inputs, or false",
        )
    if not config.unfolding.is_sim and not any(one.kind == "data" for one in config.datasets.values()):
        yield ("datasets",), "is_sim: false unfolds data, but no data set in inputs has type data; add one or set is_sim: true"
    for name, one in config.datasets.items():
        yield from _data_set(config, name, one)
    yield from _cut_exceptions(config)


def _cut_exceptions(config: StoppingMuonsConfig) -> Iterator[Problem]:
    for name in config.loading_data.cut_exceptions if "cut_exceptions" in config.loading_data.model_fields_set else ():
        if name not in config.datasets:
            yield ("loading_data", "cut_exceptions"), f"{name!r} is no data set of inputs{nearest(name, config.datasets)}"


def _data_set(config: StoppingMuonsConfig, name: str, one: MuonDataset) -> Iterator[Problem]:
    where: KeyPath = ("datasets", name)
    if not one.hdf5 and not config.options.allow_pickle:
        yield where, f"hdf5: false reads a pickle, and {PICKLE}"
    elif not one.hdf5 and one.kind == "data" and one.livetime is True and one.livetime_s is None and one.good_runs is None:
        yield where, f"data set {name}: livetime: true adds up a table of HDF5 files, which a pickle does not have; give livetime: SECONDS"
    if one.kind == "data" and not _has_livetime(one):
        yield where, f"data set {name} of type data has no livetime; give livetime: true (in the files), livetime_s: SECONDS or good_runs: FILE"
    if one.kind == "mc" and (one.livetime is True or one.good_runs is not None):
        yield where, f"data set {name} of type mc has weights in Hz and no livetime; set livetime: false and leave good_runs out"
    known = config.options.nuisances
    if one.systematic and known and one.systematic.name not in known:
        yield (*where, "systematic"), f"{one.systematic.name!r} is none of the nuisances{nearest(one.systematic.name, known)}"


def _has_livetime(one: MuonDataset) -> bool:
    return one.example is not None or one.livetime is not False or one.livetime_s is not None or one.good_runs is not None


def _names(config: StoppingMuonsConfig) -> Iterator[Problem]:
    """Names in cuts, observables, sectors, model and filter must be saved ones."""
    if config.data.keys is None and any(one.example is None for one in config.datasets.values()):
        yield ("data", "keys"), "the columns of your files are not named; give keys: {mc: {sub: [name_to_save, Table.column]}, ...}"
        return
    saved: dict[str, set[str]] = {}
    for name, one in config.datasets.items():
        try:
            saved[name] = set(columns_for(config.keys, one.kind, one.level)) | set(one.columns)
        except InputError as error:
            yield ("data", "keys"), f"of data set {name}: {error}"
            return
    yield from _unsaved(config, saved)


def _unsaved(config: StoppingMuonsConfig, saved: Mapping[str, set[str]]) -> Iterator[Problem]:
    with_cuts = [saved[name] for name, one in config.datasets.items() if name not in config.loading_data.cut_exceptions and one.level != 0]
    columns = set.intersection(*(with_cuts or list(saved.values()))) | set(DERIVED)
    for place, name in _used(config):
        if name not in columns:
            yield place, f"{name!r} is not saved from every data set with cuts{nearest(name, columns)}"
    for data_set, one in config.datasets.items():
        if one.kind == "mc" and config.general.model not in saved[data_set]:
            yield (
                ("general", "model"),
                f"{config.general.model!r} is not saved from data set {data_set}{nearest(config.general.model, saved[data_set])}",
            )


def _used(config: StoppingMuonsConfig) -> Iterator[tuple[KeyPath, str]]:
    cuts: Mapping[str, Any] = config.analysis_cuts.cuts
    yield from ((("analysis_cuts", "cuts", name), name) for name in cuts)
    if config.analysis_cuts.filtermask is not None:
        yield ("analysis_cuts", "filtermask"), config.analysis_cuts.filtermask
    yield from ((("reconstructions", "observables", number), name) for number, name in enumerate(config.reconstructions.observables))
    for sector, chosen in config.systematics.sectors.items():
        yield from ((("systematics", "sectors", sector, name), name) for name in chosen)
    yield from ((("options", "grid", name), name) for name in config.options.grid)


def _sectors(config: StoppingMuonsConfig) -> Iterator[Problem]:
    wanted = [name for name, on in config.systematics.model_dump().items() if on is True]
    count = len(config.systematics.sectors)
    if wanted and count < 2:
        listed = ", ".join(config.systematics.sectors) or "none"
        yield ("systematics", "sectors"), f"{wanted[0]} compares sectors, and there is {count} ({listed}); give at least two"
