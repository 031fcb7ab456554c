"""The golden checks of the diffuse analysis (chapter 8 of its specification) by number: each has its tests, whose names say ``golden_<number>``."""

from __future__ import annotations

import pytest
from findable import lost

GOLDEN: dict[int, tuple[str, ...]] = {
    1: (
        "physics/test_binning.py::test_golden_1_official_edges",
        "physics/test_binning.py::test_golden_1_numbers_of_bins",
        "physics/test_binning.py::test_golden_1_double_cascades_of_the_data_fall_in_their_official_bins",
        "processors/test_diffuse_data.py::test_golden_1_public_double_cascades_in_the_flat_order_of_the_release",
    ),
    2: (
        "processors/test_diffuse_data.py::test_golden_2_public_events",
        "processors/test_diffuse_data.py::test_golden_2_public_events_in_the_other_binnings",
        "processors/test_diffuse_data.py::test_golden_2_up_and_down_going_public_events",
    ),
    3: (
        "fits/test_likelihood.py::test_golden_3_effective_likelihood",
        "fits/test_likelihood.py::test_golden_3_slopes_of_the_effective_likelihood",
    ),
    4: ("readers/test_photospline.py::test_golden_4_values_and_slopes_of_the_tables",),
    5: (
        "fits/test_contours.py::test_golden_5_poisson_intervals_of_the_release",
        "fits/test_feldman_cousins.py::test_golden_5_toys_find_the_exact_interval_of_a_count",
    ),
    6: (
        "fits/test_official_model.py::test_golden_6_weights_of_the_hand_made_events",
        "fits/test_official_model.py::test_golden_6_gradient_and_likelihood_of_one_bin",
        "fits/test_official_model.py::test_golden_6_through_histograms_and_cells",
        "fits/test_official_model.py::test_golden_6_factors_of_each_table",
    ),
    7: (
        "fits/test_official_model.py::test_golden_7_prior_part_at_the_published_point",
        "fits/test_priors.py::test_golden_7_prior_part_of_the_published_fit",
    ),
    8: ("fits/test_contours.py::test_golden_8_release_scan",),
    9: ("fits/test_contours.py::test_golden_9_published_contour_lies_on_the_release_scan",),
    10: (
        "processors/test_diffuse_response.py::test_golden_10_release_response_against_per_event_sums",
        "processors/test_diffuse_response.py::test_golden_10_toy_response_against_per_event_sums",
        "processors/test_diffuse_response.py::test_golden_10_a_million_events_against_per_event_sums",
        "processors/test_diffuse_response.py::test_golden_10_any_chunking_is_bitwise_the_same",
        "fits/test_model.py::test_golden_10_gradient_of_the_power_law",
        "fits/test_official_model.py::test_golden_10_gradient_is_that_of_the_value",
        "fits/test_official_model.py::test_golden_10_without_detector_every_bin_is_the_sum_over_events",
        "fits/test_official_model.py::test_golden_10_cell_averages_against_the_events_with_the_tables_of_the_release",
    ),
    11: (
        "simulation/test_surrogate_golden.py::test_golden_11_power_laws",
        "simulation/test_surrogate_golden.py::test_golden_11_other_spectra",
        "simulation/test_surrogate_golden.py::test_golden_11_flavours",
        "simulation/test_surrogate_golden.py::test_golden_11_atmosphere_and_total",
        "fits/test_model.py::test_golden_11_expectation_of_the_surrogate",
        "fits/test_model.py::test_golden_11_expectations_of_other_spectra",
        "fits/test_flavour.py::test_golden_11_events_of_each_flavour",
    ),
    12: (
        "simulation/test_surrogate_golden.py::test_golden_12_projections",
        "simulation/test_surrogate_golden.py::test_golden_12_segments",
        "simulation/test_response_tables.py::test_golden_12_kernel_at_node_30",
        "fits/test_segmented_flux.py::test_golden_12_events_per_unit_of_each_published_segment",
    ),
    13: (
        "fits/test_minimise.py::test_golden_13_asimov_errors",
        "fits/test_minimise.py::test_golden_13_test_statistic_of_no_astrophysical_flux",
    ),
    14: (
        "fits/test_fit_stage.py::test_golden_14_real_events",
        "fits/test_segmented_flux.py::test_golden_14_real_events_agree_with_the_published_segments",
    ),
    15: ("fits/test_golden_15_coverage.py::test_golden_15_coverage_of_a_thousand_toys",),
    16: (
        "fits/test_golden_16_engines.py::test_golden_16_expected_counts_of_pyhf",
        "fits/test_golden_16_engines.py::test_golden_16_fitted_parameters",
        "fits/test_golden_16_engines.py::test_golden_16_refuses_code4",
        "fits/test_golden_16_engines.py::test_golden_16_with_nuisance_parameters",
        "fits/test_golden_16_engines.py::test_golden_16_nuisance_parameters_in_zfit",
    ),
    17: ("physics/test_oscillation.py::test_diffuse_golden_17_compositions_at_earth",),
    18: (
        "simulation/test_event_generator.py::test_golden_18_expectations_of_200_000_events",
        "simulation/test_event_generator.py::test_golden_18_expectations_of_a_million_events",
        "fits/test_official_release.py::test_golden_18_generator_with_all_components",
    ),
    19: (
        "fits/test_official_release.py::test_golden_19_official_simulation",
        "fits/test_official_release.py::test_golden_19_refit_of_generated_events_is_that_of_every_event",
    ),
    20: (
        "processors/test_diffuse_exercise.py::test_golden_20_expectation_of_the_known_files",
        "processors/test_diffuse_exercise.py::test_golden_20_likelihood_of_the_known_files",
        "fits/test_exercise_fit.py::test_golden_20_fits_of_the_known_files",
    ),
}


def test_all_are_here() -> None:
    assert sorted(GOLDEN) == list(range(1, 21))


@pytest.mark.parametrize("number", GOLDEN)
def test_each_is_found_by_its_number(number: int) -> None:
    assert all(f"golden_{number}_" in name for name in GOLDEN[number])
    assert lost(GOLDEN[number]) == []
