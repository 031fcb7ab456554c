"""Configurations in the layout of the reference: every key under its name in any spelling, and what is refused."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from configs.errors import InputError
from configs.reference_layout import MOVED, SECTION_OF, SECTIONS
from configs.schema import StoppingMuonsConfig, load_config

REFERENCE = Path(__file__).with_name("stopping_muons_reference.yaml")
NEW = {
    "grid",
    "tree_weights",
    "allow_overlap",
    "test_mc_stat",
    "coverage_toys",
    "same_showers",
    "livetime_error",
    "range_fit_norm_error",
    "range_fit_delta_gamma_error",
    "energy_fit_form",
}  # options that the reference text does not show


def reference() -> dict[str, Any]:
    return yaml.safe_load(REFERENCE.read_text(encoding="utf-8"))


def loaded(tmp_path: Path, document: Mapping[str, Any] | str, *overrides: str) -> StoppingMuonsConfig:
    path = tmp_path / "config.yaml"
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(dict(document), sort_keys=False), encoding="utf-8")
    return load_config(path, overrides)


def with_changes(**changes: Any) -> dict[str, Any]:
    """The reference with keys changed; ``section__key``, the section in our spelling; None as section: at the top."""
    document = reference()
    titles = {title.lower().replace(" ", "_"): title for title in document}
    for name, value in changes.items():
        section, key = name.split("__")
        document.setdefault(titles.get(section, section), {})[key] = value
    return document


def test_the_reference_file_is_read_whole(tmp_path: Path) -> None:
    config = loaded(tmp_path, reference())
    assert (config.name, config.output_dir, config.seed, config.analysis) == ("standard_analysis", "results/", 42, "stopping_muons")
    assert config.output == Path("results/standard_analysis")
    assert list(config.datasets) == ["mc_l2", "data_l2", "mc_l0"]
    assert config.datasets["mc_l2"].files == ["mc/*.hdf5"]
    assert config.datasets["data_l2"].livetime is True
    assert {one.format for one in config.datasets.values()} == {"hdfwriter"}
    assert config.datasets["mc_l2"].columns["stopping_score"] == "ToyReco.score"
    assert set(config.datasets["mc_l0"].columns) == {"surface_energy", "propagation_length", "cos_zenith", "GaisserToy"}
    assert config.unfolding.reg_range == 1e-3
    assert config.systematics.sectors["lower"] == {"stop_z_reco": (-500.0, 0.0)}
    assert config.options.nuisances["dom_eff"].bounds == (0.85, 1.15)


def test_every_option_of_ours_is_a_key_of_the_reference_or_named_new() -> None:
    """No key of the reference is missing, and each stands in the section that the reference gives it."""
    given = {(title.lower().replace(" ", "_"), key) for title, keys in reference().items() for key in keys}
    moved = {(section, key) for key, (section, _) in MOVED.items()}
    ours = {(section, key) for section, model in SECTIONS.items() for key in model.model_fields}
    assert given <= ours | moved
    assert {key for section, key in (ours | moved) - given} == NEW
    assert len(SECTION_OF) == len(ours)  # a key without its section has one meaning


def flat() -> dict[str, Any]:
    return {key: value for keys in reference().values() for key, value in keys.items()}


@pytest.mark.parametrize(
    "document",
    [
        flat(),
        {title.upper(): {key.replace("_", " ").title(): value for key, value in keys.items()} for title, keys in reference().items()},
        {title.replace(" ", "-").lower(): {key.replace("_", "-"): value for key, value in keys.items()} for title, keys in reference().items()},
        {title.replace(" ", "_").lower(): keys for title, keys in reference().items()},
        {"analysis": "stopping_muons", **reference()},
    ],
    ids=["flat", "capitals and blanks", "hyphens", "underscores", "with analysis"],
)
def test_all_spellings_mean_the_same(tmp_path: Path, document: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert loaded(tmp_path, document) == loaded(tmp_path, reference())


def test_our_own_layout_is_the_same_configuration(tmp_path: Path) -> None:
    document = {key.lower().replace(" ", "_"): value for key, value in reference().items() if key not in ("Main", "General", "Loading data")}
    sets = {
        name: {("files" if key == "path" else "kind" if key == "type" else key): value for key, value in one.items()}
        for name, one in reference()["Loading data"]["inputs"].items()
    }
    top = {"name": "standard_analysis", "output_dir": "results/", "analysis": "stopping_muons", "seed": 42, "datasets": sets}
    assert loaded(tmp_path, {**top, **document, "general": {"model": "GaisserToy"}, "loading_data": {"cut_exceptions": ["mc_l0"]}}) == loaded(
        tmp_path, reference()
    )


def test_a_key_in_the_wrong_section_works_with_a_warning(tmp_path: Path) -> None:
    document = reference()
    del document["Unfolding"]["train_size"]
    document["Binning"]["train_size"] = 500
    with pytest.warns(UserWarning, match=r"config.yaml:\d+: Binning.train_size: this key belongs to the section unfolding, not binning"):
        assert loaded(tmp_path, document).unfolding.train_size == 500


def test_the_command_line_goes_over_the_file_in_either_spelling(tmp_path: Path) -> None:
    config = loaded(
        tmp_path, reference(), "unfolding.reg_range=0.5", "Binning.n_range_bins=6", "n_walkers=50", "loading_data.inputs.mc_l2.path=other.hdf5"
    )
    assert (config.unfolding.reg_range, config.binning.n_range_bins, config.unfolding.n_walkers) == (0.5, 6, 50)
    assert config.datasets["mc_l2"].files == ["other.hdf5"]
    assert config.datasets["mc_l2"].level == 2
    with pytest.raises(
        InputError, match=r"^--set unfolding.reg_range=-1: give a number above 0, .*tau is a variance, smaller = stronger\) \(given: -1\)"
    ):
        loaded(tmp_path, reference(), "unfolding.reg_range=-1")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (with_changes(unfolding__reg_rnge=1), r"config.yaml:\d+: Unfolding.reg_rnge: unknown key; did you mean 'reg_range'\?"),
        (with_changes(unfoldings__reg_range=1), r"config.yaml:\d+: unfoldings: unknown section or key; did you mean 'unfolding'\?"),
        (
            with_changes(unfolding__reg_range=0),
            r"Unfolding.reg_range: give a number above 0, .* \(tau is a variance, smaller = stronger\) \(given: 0\)",
        ),
        (
            with_changes(unfolding__reg_range=[1e-3] * 9),
            "9 values for 10 truth bins; give one number or 10 of them .tau is a variance, smaller = stronger",
        ),
        (with_changes(unfolding__reg_min=2.0), "Unfolding.reg_min: reg_min 2 is not below reg_max 1"),
        (with_changes(unfolding__bin_index=40), r"Unfolding.bin_index: proxy bin 40 of 40"),
        (with_changes(binning__range_min=7000.0), "Binning.range_min: range_min 7000 is not below range_max 6000"),
        (with_changes(binning__range_min=0.0), "range_min 0 and range_log: true"),
        (with_changes(binning__n_energy_bins=2), "Binning.n_energy_bins: 2 truth bins from 500 to 12000; at least 3"),
        (with_changes(binning__n_proxy_bins=10), "n_proxy_bins 10 is not above n_range_bins 10"),
        (
            with_changes(analysis_cuts__cuts={"stoping_score": 0.7}),
            "Analysis cuts.cuts.stoping_score: 'stoping_score' is not saved .* 'stopping_score'",
        ),
        (with_changes(analysis_cuts__cuts={"stopping_score": [0.9, 0.7]}), "Analysis cuts.cuts.stopping_score: low 0.9 is not below high 0.7"),
        (with_changes(analysis_cuts__cuts={"stopping_score": ["=>", 0.7]}), r"Analysis cuts.cuts.stopping_score: a cut is a number v \(x >= v\), "),
        (
            with_changes(analysis_cuts__filtermask="fss_filtr"),
            "Analysis cuts.filtermask: 'fss_filtr' is not saved from every data set with cuts; did you mean 'fss_filter'",
        ),
        (
            with_changes(reconstructions__observables=["stopping_score", "stop_z"]),
            r"observables.1: 'stop_z' is not saved .*; did you mean 'stop_z_reco'",
        ),
        (
            with_changes(systematics__sectors={"a": {"stop_x_reco": 0}}),
            "sectors.a.stop_x_reco: 'stop_x_reco' is not saved .* did you mean 'stop_z_reco'",
        ),
        (
            with_changes(systematics__sectors={"a": {"stop_z_reco": 0}}, systematics__data_based_systematics_range=True),
            r"data_based_systematics_range compares sectors, and there is 1 \(a\); give at least two",
        ),
        (with_changes(general__model="Gaiser"), "General.model: 'Gaiser' is not saved from data set mc_l2; did you mean 'GaisserToy'"),
        (with_changes(data__keys=None), "the columns of your files are not named; give keys"),
        (
            with_changes(data__keys={"mc": {"a": ["x", "A.x"], "b": ["x", "B.x"]}, "data": {}}),
            r"Data.keys: of data set mc_l2: keys.mc.b: 'x' is saved twice",
        ),
        (
            with_changes(loading_data__cut_exceptions=["mc_10"]),
            r"Loading data.cut_exceptions: 'mc_10' is no data set of inputs; did you mean 'mc_l0'",
        ),
        (with_changes(options__binning="grid"), "binning: grid needs the edges of at least one observable"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_file_line_and_key(tmp_path: Path, document: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        loaded(tmp_path, document)


def inputs(**changes: Any) -> dict[str, Any]:
    document = reference()
    for name, options in changes.items():
        sets = document["Loading data"]["inputs"]
        sets[name] = {**sets.get(name, {}), **options} if options is not None else sets.pop(name) and None
    document["Loading data"]["inputs"] = {name: one for name, one in document["Loading data"]["inputs"].items() if one}
    return document


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (inputs(data_l2={"livetime": False}), r"Loading data.inputs.data_l2: data set data_l2 of type data has no livetime; give livetime: true"),
        (
            inputs(data_l2={"livetime": -3}),
            r"Loading data.inputs.data_l2.livetime: give true \(in the files\), false, or seconds above 0 \(given: -3\)",
        ),
        (inputs(data_l2={"livetime_s": 0}), r"Loading data.inputs.data_l2.livetime_s: Input should be greater than 0 \(given: 0\)"),
        (inputs(mc_l2={"livetime": True}), "mc_l2 of type mc has weights in Hz and no livetime"),
        (
            inputs(mc_l0={"level": 2}),
            "Loading data.inputs: calculate_effective_area_range needs untriggered MC: a data set with type mc and level 0 in inputs",
        ),
        (inputs(mc_l2={"hdf5": False}), "Loading data.inputs.mc_l2: hdf5: false reads a pickle, .*can run code.*allow_pickle: true"),
        (inputs(mc_l2={"pth": "x"}), "Loading data.inputs.mc_l2.pth: unknown key"),
        (inputs(mc_l2={"type": "simulation"}), r"Loading data.inputs.mc_l2.type: Input should be 'data' or 'mc' \(given: 'simulation'\)"),
        (
            inputs(set_a={"path": "a", "type": "mc", "systematic": {"name": "dom_ef", "value": 0.95}}),
            "set_a.systematic: 'dom_ef' is none of the nuisances; did",
        ),
    ],
)
def test_data_sets_that_are_wrong(tmp_path: Path, document: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        loaded(tmp_path, document)


def test_data_sets_in_all_their_forms(tmp_path: Path) -> None:
    sets = {
        "dom_95": {"path": ["a.hdf5", "b.hdf5"], "type": "mc", "systematic": {"name": "dom_eff", "value": 0.95}, "nfiles": 20},
        "snow": {"path": "s.hdf5", "type": "mc", "snowstorm": {"dom_eff": "SnowStorm.dom_eff"}},
        "old": {"path": "o.pickle", "type": "mc", "hdf5": False},
        "runs": {"path": "r.hdf5", "type": "data", "good_runs": "grl.txt"},
        "fixed": {"path": "f.hdf5", "type": "data", "livetime": 12.5},
    }
    document = inputs(**sets)
    document["Options"]["allow_pickle"] = True
    found = loaded(tmp_path, document).datasets
    assert found["dom_95"].files == ["a.hdf5", "b.hdf5"]
    assert found["dom_95"].systematic is not None
    assert found["dom_95"].systematic.value == 0.95
    assert found["snow"].columns["snowstorm_dom_eff"] == "SnowStorm.dom_eff"
    assert found["old"].format == "legacy_pickle"
    assert found["fixed"].livetime == 12.5


def test_a_pickle_has_no_table_of_livetimes(tmp_path: Path) -> None:
    """Bug: the pickle was opened as HDF5 to look for its livetime, and called truncated."""
    document = inputs(data_l2={"path": "o.pickle", "hdf5": False, "livetime": True})
    document["Options"]["allow_pickle"] = True
    with pytest.raises(
        InputError, match=r"data_l2: data set data_l2: livetime: true adds up a table of HDF5 files, .* pickle .*; give livetime: SECONDS"
    ):
        loaded(tmp_path, document)


def test_a_name_that_is_missing_is_asked_for_by_the_key_of_the_layout(tmp_path: Path) -> None:
    """Bug: the message asked for the key of another layout."""
    document = reference()
    del document["Main"]["unique_name"]
    with pytest.raises(InputError, match=r"config.yaml:1: Main.unique_name: this key is required"):
        loaded(tmp_path, document)


def test_data_must_be_there_to_be_unfolded(tmp_path: Path) -> None:
    document = inputs(data_l2=None)
    loaded(tmp_path, document)
    document["Unfolding"]["is_sim"] = False
    with pytest.raises(InputError, match=r"is_sim: false unfolds data, but no data set in inputs has type data"):
        loaded(tmp_path, document)


def test_a_key_twice_is_refused_with_both_places(tmp_path: Path) -> None:
    document = reference() | {"n_walkers": 20}
    with pytest.raises(InputError, match=r"config.yaml:\d+: n_walkers: given twice \(also as Unfolding.n_walkers\); keep one"):
        loaded(tmp_path, document)


def test_a_scalar_named_like_a_section_is_the_key(tmp_path: Path) -> None:
    """``binning`` is a section with bins and an option."""
    document = flat()
    document["binning"] = "tree"
    assert loaded(tmp_path, document).options.binning == "tree"


def test_another_analysis_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'difuse' is not an analysis; did you mean 'diffuse'"):
        loaded(tmp_path, {"analysis": "difuse", "name": "x"})
