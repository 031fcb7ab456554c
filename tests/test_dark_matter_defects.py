"""What the published scripts of the dark-matter search do wrong (specification 9), and the tests that keep it from us.

A defect without its tests fails here: a renamed or deleted test is noticed.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FITS = "fits/dark_matter"

DEFECTS: dict[str, tuple[str, ...]] = {
    "1 oscillation without effect": (
        "physics/test_oscillation.py::test_an_electron_source_arrives_in_all_flavours",
        "physics/test_oscillation.py::test_golden_2_matrix_of_nufit_and_a_pion_source",
        "physics/test_annihilation_spectra.py::test_golden_6_numbers_at_earth",
    ),
    "2 mixing matrix not unitary": ("physics/test_oscillation.py::test_mixing_is_unitary_for_any_angles",),
    "3 two test statistics": (
        f"{FITS}/test_trials.py::test_trials_without_injection_are_background_trials",
        f"{FITS}/test_reference.py::test_consistent_statistic_without_signal_is_that_of_the_background",
        f"{FITS}/test_reference.py::test_published_statistic_is_not_that_of_its_background",
    ),
    "4 window missing in the limit": (
        f"{FITS}/test_acceptance.py::test_window_is_in_the_conversion",
        f"{FITS}/test_acceptance.py::test_sigma_v_does_not_depend_on_the_window",
        f"{FITS}/test_combination.py::test_one_factor_between_events_and_cross_section",
    ),
    "5 arbitrary number of events": (
        f"{FITS}/test_sky.py::test_sensitivity_goes_with_the_root_of_the_events",
        f"{FITS}/test_sensitivity.py::test_sensitivity_goes_with_the_root_of_the_events",
        f"{FITS}/test_combination.py::test_wrong_questions_name_the_combination",
    ),
    "6 signal without weights": (
        "processors/test_dark_matter_processor.py::test_signal_depends_on_the_weights_of_far_events",
        f"{FITS}/test_dark_matter_inputs.py::test_folding_is_the_sum_over_events",
    ),
    "7 signal in the background": (
        f"{FITS}/test_sky.py::test_golden_23_injected_signal_comes_back_exactly",
        f"{FITS}/test_event_level.py::test_injected_signal_is_recovered",
        f"{FITS}/test_event_level.py::test_without_subtraction_a_part_of_it_is_lost",
    ),
    "8 copies of trials": (
        f"{FITS}/test_trials.py::test_golden_19_any_split_and_any_number_of_workers",
        f"{FITS}/test_trials.py::test_no_trial_is_a_copy_of_another",
        f"{FITS}/test_reference.py::test_golden_19_trials_do_not_depend_on_the_split",
    ),
    "9 averages of fits to the same events": (
        f"{FITS}/test_event_level.py::test_trials_of_counts_are_those_of_events",
        f"{FITS}/test_p_values.py::test_scrambled_skies_are_background_trials",
    ),
    "10 positions of sources": (
        "data_info/test_dwarf_galaxies.py::test_golden_14_positions",
        "data_info/test_dwarf_galaxies.py::test_slips_in_positions_are_warned_of",
    ),
    "11 factors of two in weights": (
        "processors/test_dark_matter_processor.py::test_conventions_of_weights",
        "processors/test_dark_matter_processor.py::test_antineutrinos_count_as_neutrinos",
        "physics/test_annihilation.py::test_golden_9_annihilation",
        f"{FITS}/test_acceptance.py::test_golden_10_events_of_a_line",
        f"{FITS}/test_acceptance.py::test_golden_11_events_of_muon_pairs",
    ),
    "12 injected events rounded away": (
        f"{FITS}/test_trials.py::test_every_injected_event_is_there",
        "simulation/test_dark_matter_generator.py::test_injection_needs_no_event_lost",
        f"{FITS}/test_reference.py::test_rounding_loses_injected_events",
    ),
    "13 other bounds and energies for data": (
        f"{FITS}/test_stack_fit.py::test_number_at_its_upper_bound",
        "processors/test_dark_matter_processor.py::test_energy_scale_is_applied_once_to_every_use_of_the_energy",
        f"{FITS}/test_reference.py::test_data_are_scanned_ten_times_further",
    ),
    "14 angles, repeated runs, antineutrinos": (
        "physics/test_sphere.py::test_identical_and_opposite_directions",
        "processors/test_dark_matter_processor.py::test_response_against_a_plain_histogram",
        "processors/test_good_runs.py::test_repeated_runs_count_once",
        "physics/test_effective_area.py::test_livetime_counts_antineutrinos",
    ),
    "15 empty bins and pairs, high first points": (
        f"{FITS}/test_stack_fit.py::test_empty_bins_count_for_nothing",
        f"{FITS}/test_reference.py::test_bins_that_neither_fills_count_for_nothing",
        f"{FITS}/test_windows.py::test_windows_without_background_are_not_the_best",
        f"{FITS}/test_sensitivity.py::test_crossing_is_found_from_anywhere",
        f"{FITS}/test_reference.py::test_sensitivity_where_the_first_point_is_enough",
    ),
    "16 shared text files, pickles, names of files": (
        "records/test_trials_file.py::test_split_jobs_unite_to_the_whole",
        "records/test_trials_file.py::test_copies_that_differ_are_refused",
        "processors/test_dark_matter_bad_input.py::test_pickled_arrays_are_refused",
        "processors/test_dark_matter_checks.py::test_bad_data_sets",
    ),
    "17 errors of J dropped": (
        f"{FITS}/test_combination.py::test_limits_depend_on_the_treatment_of_j",
        f"{FITS}/test_pyhf_stack.py::test_an_error_of_j_weakens_the_limit",
        f"{FITS}/test_nuisance.py::test_golden_28_sum_of_j_under_its_errors",
    ),
}


def test_all_seventeen_are_here() -> None:
    assert [int(name.split()[0]) for name in DEFECTS] == list(range(1, 18))


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_has_its_tests(defect: str) -> None:
    for one in DEFECTS[defect]:
        file, _, name = one.partition("::")
        assert re.search(rf"^def {name}\(", (TESTS / file).read_text(encoding="utf-8"), re.MULTILINE), one
