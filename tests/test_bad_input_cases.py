"""Wrong input of the diffuse analysis (chapter 10 of its specification): every case has tests of its rule and of the door where it is met."""

from __future__ import annotations

import pytest
from findable import lost

DOORS = "doors/test_diffuse_refusals.py"
FILE, OPTION, FIT = f"{DOORS}::test_bad_files_are_refused", f"{DOORS}::test_bad_options_are_refused", f"{DOORS}::test_bad_fits_are_refused"
EVENTS = "processors/test_diffuse_bad_input.py::test_bad_events_are_refused"
SCHEMA = "configs/test_schema.py::test_mistake_is_named_with_its_place"
MAPPINGS = "readers/test_toy_json.py::test_wrong_mappings_are_refused_at_opening"
STAGE = "fits/test_fit_stage.py::test_wrong_requests_are_refused"

CASES: dict[str, tuple[str, ...]] = {
    "missing columns, with the nearest present names": (
        f"{EVENTS}[missing columns with nearest names]",
        f"{EVENTS}[missing column of the exercise]",
        f"{EVENTS}[no known column]",
        f"{FILE}[missing columns]",
    ),
    "unequal list lengths": (
        "readers/test_hese_json.py::test_wrong_content_is_refused_at_opening",
        "readers/test_hese_json.py::test_files_of_unequal_length_are_refused",
        f"{FILE}[unequal lists]",
    ),
    "mapping index out of range": (f"{MAPPINGS}[index out of range]", f"{FILE}[mapping out of range]"),
    "mapping index duplicated": (f"{MAPPINGS}[share the index]", f"{FILE}[mapping with one index twice]"),
    "truncated file": (
        "readers/test_json_scan.py::test_broken_json_is_refused_with_its_place",
        f"{FILE}[truncated JSON]",
        f"{FILE}[truncated rows]",
        f"{FILE}[empty file]",
    ),
    "NaN where there must be none": (f"{EVENTS}[NaN energy]", f"{FILE}[NaN]", f"{FILE}[null in a weight]"),
    "infinity": (f"{EVENTS}[infinite weight]", f"{EVENTS}[infinite length]"),
    "text among numbers": (f"{FILE}[text among numbers]",),
    "negative weights": (
        f"{EVENTS}[negative weight]",
        f"{EVENTS}[negative exercise weight]",
        "processors/test_diffuse_bad_input.py::test_negative_weights_may_be_allowed_by_name",
        f"{FILE}[negative weight]",
    ),
    "negative fluxes": (f"{EVENTS}[negative flux]",),
    "zenith outside 0 to pi, degrees": (f"{EVENTS}[zenith in degrees]", f"{EVENTS}[negative zenith]", f"{FILE}[degrees]"),
    "energies not above 0": (f"{EVENTS}[energy zero]", f"{FILE}[negative energy]"),
    "energies in TeV": (f"{EVENTS}[energies in TeV]", f"{EVENTS}[true energies in TeV]", f"{FILE}[TeV]", f"{FILE}[true energies in TeV]"),
    "energies in eV": (f"{EVENTS}[energies in eV]", f"{FILE}[eV]"),
    "morphology not 0, 1, 2": (f"{EVENTS}[unknown morphology]", f"{FILE}[unknown morphology]"),
    "unknown primaryType": (f"{EVENTS}[unknown primary types]", f"{FILE}[unknown primary type]"),
    "double cascade without length": (
        f"{EVENTS}[double cascade without length]",
        f"{EVENTS}[double cascades of a form without lengths]",
        f"{FILE}[double cascade without length]",
    ),
    "data and simulation of different cuts": (
        "fits/test_fit_stage.py::test_different_cuts_or_bins_are_refused",
        f"{DOORS}::test_different_cuts_are_refused",
    ),
    "no event after the selection": (
        "processors/test_diffuse_data.py::test_a_data_set_without_selected_events_is_refused_with_its_cut_flow",
        "fits/test_fit_stage.py::test_no_event_left_shows_the_cut_flow",
        f"{FILE}[no event left]",
    ),
    "livetime absent": (f"{EVENTS}[livetime absent]", f"{EVENTS}[livetime absent in data]", f"{OPTION}[no livetime]"),
    "livetime not positive": (
        f"{EVENTS}[livetime zero]",
        f"{EVENTS}[livetime negative]",
        "processors/test_diffuse_checks.py::test_a_livetime_that_is_none_is_refused",
        f"{OPTION}[livetime zero]",
    ),
    "simulation used as data": (f"{EVENTS}[simulation used as data]", f"{EVENTS}[exercise simulation used as data]", f"{FILE}[simulation as data]"),
    "data used as simulation": (f"{EVENTS}[data used as simulation]", f"{FILE}[data as simulation]"),
    "true energies outside the nodes": (f"{EVENTS}[true energies outside the nodes]", f"{FILE}[true energies outside the nodes]"),
    "breakpoint outside the axis": (
        "processors/test_diffuse_bad_input.py::test_breakpoint_outside_the_axis_is_refused_before_any_event",
        "physics/test_binning.py::test_breakpoint_outside_the_axis_is_refused",
        f"{OPTION}[breakpoint outside]",
    ),
    "flavour vector that does not sum to 1": (
        "fits/test_flavour.py::test_vectors_that_are_no_composition_are_refused",
        f"{FIT}[composition that is none]",
    ),
    "flavour vector with a negative part": (f"{STAGE}[are not three fractions >= 0]", f"{FIT}[negative composition]"),
    "start outside the bounds": ("fits/test_parameters.py::test_bad_options_are_refused[start 7.0 lies outside]", f"{FIT}[start outside]"),
    "prior without width": ("fits/test_priors.py::test_bad_priors_are_refused", f"{SCHEMA}[prior without width]", f"{FIT}[prior without width]"),
    "prior that is no number": ("fits/test_priors.py::test_bad_priors_are_refused[mean of a prior]", f"{FIT}[prior of no number]"),
    "unknown parameter": (f"{STAGE}[astro_gama]", f"{FIT}[unknown parameter]"),
    "unknown model": ("physics/test_spectra.py::test_names_of_the_configuration", f"{FIT}[unknown spectrum]", f"{FIT}[unknown model]"),
    "unknown likelihood": (
        "fits/test_likelihood.py::test_unknown_likelihood_and_bad_counts",
        f"{SCHEMA}[word nearly right]",
        f"{FIT}[unknown likelihood]",
    ),
    "unknown engine": ("fits/test_pyhf_front_end.py::test_unknown_engines_are_refused", f"{FIT}[unknown engine]"),
    "unknown key": (f"{SCHEMA}[unknown key on top]", f"{OPTION}[misspelt key]", f"{OPTION}[misspelt key below]"),
    "say without pair moments": (
        f"{STAGE}[no pair moments]",
        "fits/test_official_model.py::test_say_without_pairs_is_refused",
        f"{FIT}[say without pairs]",
    ),
    "spline file missing": (
        "readers/test_photospline.py::test_which_of_the_45_is_missing",
        "fits/test_official_release.py::test_one_of_the_45_tables_missing",
        f"{OPTION}[tables missing]",
        f"{OPTION}[no folder of tables]",
    ),
    "spline of another rank": ("readers/test_photospline.py::test_another_rank",),
    "knots not ascending": ("readers/test_photospline.py::test_descending_knots_name_the_file",),
    "coefficients that do not suit the knots": ("readers/test_photospline.py::test_coefficients_and_knots_of_different_tables",),
    "systematics with a response without cells": (
        "fits/test_official_release.py::test_systematics_asked_for_with_a_response_without_cells",
        "fits/test_official_model.py::test_response_without_cells",
        f"{FIT}[systematics without cells]",
    ),
    "scan of fewer than 3 points": (
        f"{SCHEMA}[few points]",
        "fits/test_scans.py::test_impossible_scans_are_refused",
        f"{FIT}[scan of two points]",
        f"{FIT}[profile of two points]",
        f"{FIT}[two tested values]",
    ),
    "toys without seed": ("fits/test_toys.py::test_studies_never_share_random_numbers[toys need a seed]", f"{DOORS}::test_toys_need_a_seed"),
    "official bins of the surrogate": (
        f"{EVENTS}[surrogate in the official binning]",
        "processors/test_diffuse_checks.py::test_the_surrogate_is_refused_in_bins_that_are_not_its_own",
        f"{OPTION}[official bins of a surrogate]",
    ),
    "responses of different binning merged": (
        "fits/test_response.py::test_responses_of_different_binning_are_not_merged",
        "fits/test_response.py::test_responses_of_different_channels_are_not_merged",
        "fits/test_response.py::test_data_in_other_bins_than_the_response_are_refused",
    ),
    "histogram above the limit": (
        "processors/test_engine.py::test_an_announced_histogram_above_the_limit_is_refused_before_any_work",
        f"{OPTION}[large histogram]",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_has_its_tests(case: str) -> None:
    assert lost(CASES[case]) == []
