"""What the programs in use today do wrong (chapter 9 of the specifications), and the tests that keep it from us.

A defect without its tests fails here: a renamed or deleted test is noticed.
"""

from __future__ import annotations

import pytest
from findable import lost

FITS = "fits/dark_matter"

DARK_MATTER: dict[str, tuple[str, ...]] = {
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


UNFOLDING, MUONS = "fits/unfolding", "fits/stopping_muons"
STOPPING_MUONS: dict[str, tuple[str, ...]] = {
    "1 the model multiplies the caller's vector": (
        f"{UNFOLDING}/test_unfolding_posterior.py::test_arguments_stay_unchanged",
        f"{UNFOLDING}/test_unfolding_golden.py::test_g8_epsilon",
    ),
    "2 flat start, chains that have not converged": (
        f"{UNFOLDING}/test_unfolding_chains.py::test_the_same_case_converges_from_the_minimum",
        f"{UNFOLDING}/test_unfolding_chains.py::test_flat_start_without_burn_in_raises",
    ),
    "3 autocorrelation with burn-in": (f"{UNFOLDING}/test_unfolding_chains.py::test_autocorrelation_is_that_of_the_chain_after_burn_in",),
    "4 minimiser fails with nuisances": (f"{UNFOLDING}/test_unfolding_map.py::test_newton_converges_with_nuisances",),
    "5 Hessian undefined, gradient off": (f"{UNFOLDING}/test_unfolding_posterior.py::test_gradient_and_hessian_are_exact",),
    "6 percentile of 0.95": (
        f"{UNFOLDING}/test_unfolding_chains.py::test_probability_is_not_a_percentage",
        f"{UNFOLDING}/test_unfolding_chains.py::test_vanishing_bin_gets_an_upper_limit",
        f"{UNFOLDING}/test_unfolding_map.py::test_bin_without_data_gets_the_poisson_limit",
    ),
    "7 interval of the least probable samples": (f"{UNFOLDING}/test_unfolding_chains.py::test_shortest_interval_is_the_most_probable",),
    "8 no nuisance below 0": (
        f"{UNFOLDING}/test_unfolding_chains.py::test_negative_pull_is_found",
        f"{UNFOLDING}/test_unfolding_posterior.py::test_negative_nuisance_is_allowed",
    ),
    "9 options of systematics that raise": (
        f"{UNFOLDING}/test_unfolding_methods.py::test_weights_of_the_sets_count",
        f"{UNFOLDING}/test_unfolding_map.py::test_nuisance_stops_at_its_bounds",
        f"{UNFOLDING}/test_unfolding_methods.py::test_continuous_sets_agree_with_discrete_ones",
        f"{MUONS}/test_muon_measurement.py::test_varied_set_agrees_with_discrete_sets",
    ),
    "10 empty truth bin": (f"{MUONS}/test_muon_inputs.py::test_empty_truth_bin_is_named_with_its_column",),
    "11 efficiency lost with a nuisance": (
        f"{UNFOLDING}/test_unfolding_posterior.py::test_efficiency_shifts_the_sum",
        f"{MUONS}/test_muon_measurement.py::test_detector_parameter_changes_the_efficiency",
    ),
    "12 no term for the simulation's statistics": (
        f"{UNFOLDING}/test_unfolding_toys.py::test_g19_finite_simulation_needs_its_term",
        f"{UNFOLDING}/test_unfolding_stopping_toy.py::test_g19_finite_simulation",
    ),
    "13 no rule for tau": (f"{UNFOLDING}/test_unfolding_toys.py::test_scan_has_no_missing_points_and_repeats",),
    "14 curvature of the logarithm of a steep flux": (
        f"{UNFOLDING}/test_unfolding_toys.py::test_g20_rule_finds_a_strength_that_does_not_decide_the_spectrum",
        f"{UNFOLDING}/test_unfolding_stopping_toy.py::test_g20_rule",
    ),
    "15 the tree changes its library": (
        "processors/test_proxy_bins.py::test_the_arrays_are_the_tree_of_the_library",
        "processors/test_proxy_bins.py::test_json_keeps_a_tree",
    ),
    "16 loops over events": ("processors/test_stopping_muons_processor.py::test_response_against_a_plain_loop",),
    "17 iterations stopped early from a flat start": (
        f"{UNFOLDING}/test_unfolding_methods.py::test_g22_flat_start_stopped_early_is_biased",
        f"{UNFOLDING}/test_unfolding_stopping_toy.py::test_g22_iterative",
    ),
    "18 stale results": (
        f"{MUONS}/test_muon_fit_stage.py::test_changed_seed_is_not_reused",
        f"{MUONS}/test_muon_fit_stage.py::test_nothing_stored_that_matches_and_nothing_to_compute",
        "processors/test_stopping_muons_showers.py::test_every_part_of_the_key_matters",
    ),
    "19 one key in two spellings": ("configs/test_stopping_muons_config.py::test_all_spellings_mean_the_same",),
}
DIFFUSE: dict[str, tuple[str, ...]] = {
    "1 effective likelihood loses its digits": (
        "fits/test_likelihood.py::test_golden_3_effective_likelihood",
        "fits/test_likelihood.py::test_digits_lost_by_the_textbook_formula",
        "fits/test_likelihood.py::test_effective_likelihood_agrees_with_many_digits_down_to_vanishing_variance",
    ),
    "2 events vanish in bins without simulation": (
        "fits/test_nll.py::test_an_event_vanishes_in_a_bin_without_simulation",
        "fits/test_nll.py::test_skip_leaves_the_events_out_and_says_so",
        "fits/test_nll.py::test_data_without_expectation_are_impossible_and_the_gradient_points_inside",
    ),
    "3 unbounded minimiser runs away": (
        "fits/test_exercise_fit.py::test_toys_of_the_exercise_stay_within_their_bounds",
        "fits/test_minimise.py::test_fits_of_toys_are_valid_and_finite",
        "fits/test_nll.py::test_data_without_expectation_are_impossible_and_the_gradient_points_inside",
    ),
    "4 failed toys dropped, negative TS floored": (
        "fits/test_toys.py::test_failures_are_retried_counted_and_named",
        "fits/test_hypothesis.py::test_failed_comparisons_are_counted",
        "fits/test_hypothesis.py::test_the_wider_model_is_never_worse",
        "fits/test_hypothesis.py::test_an_alternative_that_misses_is_repeated_and_never_floored",
        "fits/test_feldman_cousins.py::test_a_free_fit_that_misses_is_repeated_and_never_floored",
    ),
    "5 a mask over all events for each bin": (
        "processors/test_diffuse_response.py::test_peak_memory_is_below_three_times_the_columns",
        "readers/test_json_scan.py::test_memory_is_below_three_times_the_array",
    ),
    "6 an event on the last edge disappears": (
        "processors/test_diffuse_data.py::test_events_on_the_outer_edges_are_counted",
        "physics/test_binning.py::test_last_bin_includes_its_upper_edge",
        "processors/test_diffuse_response.py::test_an_energy_on_the_last_node_edge_counts",
    ),
    "7 no errors, no covariance, no status": (
        "fits/test_fit_stage.py::test_a_fit_says_where_it_comes_from",
        "fits/test_minimise.py::test_covariance_is_the_inverse_of_the_fisher_information",
        "fits/test_minimise.py::test_a_fit_that_cannot_work_says_why",
    ),
    "8 bounds beyond the detector tables": (
        "fits/test_official_model.py::test_bounds_beyond_the_tables_are_refused_with_both_numbers",
        "physics/test_spline_table.py::test_beyond_the_range_the_edge_holds_and_is_no_number_less",
    ),
    "9 prior outside its bounds without gradient": (
        "fits/test_priors.py::test_flat_prior_outside_its_bounds_is_an_error_not_an_infinity_without_gradient",
        "fits/test_minimise.py::test_a_parameter_at_its_bound_is_flagged_and_its_interval_ends_there",
    ),
    "10 a missing field is not named": (
        "processors/test_diffuse_bad_input.py::test_bad_events_are_refused[missing columns with nearest names]",
        "doors/test_diffuse_refusals.py::test_bad_files_are_refused[missing columns]",
    ),
    "11 does not run on current numpy, photospline not installable": (
        "test_house.py::test_the_lock_is_of_current_numpy_and_needs_no_photospline",
        "readers/test_photospline.py::test_golden_4_values_and_slopes_of_the_tables",
    ),
    "12 prior constants mixed with the data part": (
        "fits/test_nll.py::test_three_parts_add_up",
        "fits/test_official_model.py::test_golden_7_prior_part_at_the_published_point",
        "fits/test_fit_stage.py::test_a_fit_says_where_it_comes_from",
    ),
    "13 root-N error bars": (
        "fits/test_contours.py::test_golden_5_poisson_intervals_of_the_release",
        "plotting/test_stack.py::test_bars_are_the_unified_intervals",
        "plotting/test_stack.py::test_a_bin_without_events_has_its_upper_bar_and_no_point",
    ),
    "14 one, two or six species, wrong unit": (
        "fits/test_fit_stage.py::test_every_parameter_states_its_unit",
        "physics/test_constants.py::test_published_norm_per_flavour_and_per_species",
        "physics/test_species.py::test_the_table_of_the_units_page_is_the_ratio_of_species",
        "physics/test_species.py::test_the_published_contour_is_per_flavour",
        "fits/test_official_model.py::test_golden_6_weights_of_the_hand_made_events",
        "fits/test_contours.py::test_golden_9_published_contour_lies_on_the_release_scan",
        "plotting/test_diffuse_flux.py::test_one_flavour_is_a_third_of_the_six_species_norm",
    ),
    "15 one working directory, one process for each scan point": (
        "doors/test_diffuse_refusals.py::test_any_working_directory_will_do",
        "fits/test_scans.py::test_vectorised_profile_equals_minuit",
        "bench/bench_scans.py::test_profiled_scan",
    ),
}
CLASSIFIER, IWCD_FIGURES = "fits/classifier", "plotting/test_iwcd_figures.py"
IWCD: dict[str, tuple[str, ...]] = {
    "1 outputs joined with the wrong split": (
        f"{CLASSIFIER}/test_join.py::test_wrong_split_says_which_fits",
        f"{CLASSIFIER}/test_join.py::test_equal_labels_alone_are_called_no_proof",
        f"{CLASSIFIER}/test_classifier_golden.py::test_predictions_of_the_test_split_are_not_paired_with_positions_of_the_validation_split",
        "fits/test_iwcd_fit_stage.py::test_positions_of_another_split_are_refused",
    ),
    "2 energy called charge": (f"{IWCD_FIGURES}::test_energy_is_called_energy_and_charge_is_charge",),
    "3 energies of different zero": (
        "physics/test_particles.py::test_files_of_one_energy_range_begin_at_zero_visible_energy",
        "processors/test_iwcd_processor.py::test_energies_and_geometry",
    ),
    "4 last event and index": (
        "readers/test_digihit.py::test_the_last_event_ends_with_the_hits",
        "readers/test_digihit.py::test_a_wrong_file_is_refused_when_it_is_opened",
    ),
    "5 classes by their place in the file": (
        "processors/test_iwcd_processor.py::test_order_of_events_does_not_matter",
        f"{IWCD_FIGURES}::test_samples_do_not_depend_on_the_order_of_events",
        f"{CLASSIFIER}/test_confusion.py::test_order_of_events_and_names_of_classes_do_not_matter",
    ),
    "6 a cut taken for a property of particles": (f"{IWCD_FIGURES}::test_the_cut_on_hits_is_shown_as_an_efficiency",),
    "7 scales by the extremes of a sample": (
        "processors/test_iwcd_processor.py::test_an_outlier_moves_nothing_else",
        f"{IWCD_FIGURES}::test_one_outlier_leaves_other_columns_unchanged",
    ),
    "8 densities and variables of a cylinder": (
        f"{CLASSIFIER}/test_position.py::test_classifier_that_ignores_position_has_uniform_p_values",
        f"{IWCD_FIGURES}::test_vertices_are_shown_in_variables_that_are_flat_in_a_cylinder",
    ),
    "9 no uncertainty, none at 0 and 1": (
        f"{CLASSIFIER}/test_binomial.py::test_no_interval_of_zero_length_at_the_ends",
        f"{CLASSIFIER}/test_classifier_golden.py::test_confusion_matrix_and_recalls_clopper_pearson",
        "plotting/test_iwcd_drawing.py::test_bars_of_recall_carry_intervals_also_at_one",
    ),
    "10 slips of the framework": (
        f"{CLASSIFIER}/test_join.py::test_missing_events_are_an_error_unless_a_selection_dropped_them",
        f"{CLASSIFIER}/test_join.py::test_label_codes_go_through_the_label_map",
        f"{CLASSIFIER}/test_calibration_regression.py::test_resolution_is_no_standard_error_of_the_mean",
        f"{CLASSIFIER}/test_calibration_regression.py::test_each_statistic_is_its_own",
        f"{CLASSIFIER}/test_working_points.py::test_every_event_finds_the_rate_of_its_bin_again",
        f"{CLASSIFIER}/test_working_points.py::test_largest_value_is_in_the_last_bin",
        "physics/test_tank.py::test_near_the_axes_it_stays_finite_and_silent",
        "physics/test_tank.py::test_no_direction_and_no_place_gives_nan_or_a_warning",
        "physics/test_particles.py::test_unknown_labels_have_no_mass_not_that_of_the_pion",
        "readers/test_dense_and_truehit.py::test_digitising_is_counting_photons_and_taking_the_first",
    ),
    "11 memory maps and merged files": (
        "readers/test_digihit.py::test_every_layout_gives_the_same_events",
        "readers/test_digihit.py::test_attributes_that_a_merge_exploded_are_joined",
        "readers/test_digihit_merge.py::test_attributes_stay_text",
        "readers/test_inspect_hits.py::test_other_layouts",
    ),
    "12 looking at HDF5": (
        "readers/test_inspect_hits.py::test_every_kind_of_object_prints",
        "readers/test_inspect.py::test_hdf5_that_is_no_table_lists_all_datasets",
    ),
}
PMT_STEP, PULSES = "processors/test_pmt_gain_processor.py", "processors/test_pulse_fit.py"
PMT_GAIN: dict[str, tuple[str, ...]] = {
    "1 time axis one step too long": (
        "readers/test_trc_golden.py::test_times_of_the_real_files",
        "processors/test_pmt_reference.py::test_effects_are_those_of_the_specification",
    ),
    "2 fit stops early": (f"{PULSES}::test_cost_and_charge_are_those_of_the_best_minimum", f"{PULSES}::test_scipy_curve_fit_agrees"),
    "3 quadrature of a tiny integral": ("physics/test_pulse_shapes.py::test_area_is_one_and_its_share_the_integral",),
    "4 baseline in the charge": (
        f"{PMT_STEP}::test_offsets_of_the_trace_change_nothing",
        "processors/test_waveforms.py::test_a_constant_on_the_trace_changes_nothing",
    ),
    "5 spread quoted as error of the mean": (
        "fits/test_charge_and_timing.py::test_error_of_the_mean_is_not_the_spread",
        f"{PMT_STEP}::test_coverage_of_the_standard_error",
    ),
    "6 only survivors averaged": (
        f"{PMT_STEP}::test_zeros_count",
        f"{PMT_STEP}::test_every_trigger_is_counted_at_every_step",
        "processors/test_waveforms.py::test_charges_of_generated_pulses_are_unbiased_zeros_included",
    ),
    "7 baseline assumed at zero": (
        f"{PULSES}::test_offsets_shifts_and_scales_change_nothing_else",
        "processors/test_pmt_reference.py::test_an_offset_changes_the_published_charge",
    ),
    "8 equal times": (f"{PULSES}::test_golden_equal_times_do_not_run_away", "physics/test_pulse_shapes.py::test_equal_times_have_their_limit"),
    "9 kinks, one start": (
        f"{PULSES}::test_minimum_is_that_of_an_exhaustive_search",
        f"{PULSES}::test_staying_in_the_first_minimum_is_worse_in_some_per_cent",
    ),
    "10 mean charge called gain": (
        "fits/test_pmt_gain_fits.py::test_without_any_pedestal_the_gain_is_relative",
        "fits/test_gain_curve.py::test_relative_gain_has_no_nominal_voltage",
    ),
    "11 truncated downloads used for ever": (
        "data_info/test_remote_cache.py::test_fault_that_lasts_is_named_and_leaves_nothing",
        "data_info/test_remote_cache.py::test_damaged_file_and_torn_index_are_fetched_again",
        "data_info/test_remote_cache.py::test_dead_server_is_given_up_before_every_file_was_tried",
    ),
    "12 jobs that swallow errors": (
        "processors/batch/test_submit_files.py::test_report_and_results_exist_however_the_job_ends",
        "processors/batch/test_plain_batch.py::test_what_is_lost_is_submitted_again_by_the_same_command",
        "processors/batch/test_shard_files.py::test_a_missing_shard_is_named",
    ),
    "13 batch path that cannot run": (
        "processors/batch/test_submit_files.py::test_golden_files",
        "processors/batch/test_plain_batch.py::test_jobs_give_bitwise_the_local_result",
        "doors/test_docs.py::test_batch_page",
    ),
    "14 one corrupt file loses a point": (
        "fits/test_pmt_chain.py::test_a_broken_file_is_named_and_the_rest_used_on_request",
        "processors/test_batches_in_engine.py::test_every_refused_file_of_a_batch_is_named_and_the_others_count",
    ),
    "15 pickles": ("readers/test_no_pickle.py::test_nothing_unpickles", "fits/test_pmt_legacy.py::test_pickle_is_refused_with_the_way_out"),
    "16 labels by the order of folders": (
        "data_info/test_run_tables.py::test_labels_come_from_the_table_whatever_the_order_of_folders",
        "processors/test_pmt_inputs.py::test_order_of_tubes_in_the_table_changes_no_label",
    ),
}
KNOWN = {"dark_matter": DARK_MATTER, "stopping_muons": STOPPING_MUONS, "diffuse": DIFFUSE, "iwcd": IWCD, "pmt_gain": PMT_GAIN}
COUNTS = {"dark_matter": 17, "stopping_muons": 19, "diffuse": 15, "iwcd": 12, "pmt_gain": 16}


@pytest.mark.parametrize(("analysis", "count"), COUNTS.items())
def test_all_are_here(analysis: str, count: int) -> None:
    assert [int(name.split()[0]) for name in KNOWN[analysis]] == list(range(1, count + 1))


@pytest.mark.parametrize(("analysis", "defect"), [(analysis, defect) for analysis, defects in KNOWN.items() for defect in defects])
def test_each_has_its_tests(analysis: str, defect: str) -> None:
    assert lost(KNOWN[analysis][defect]) == []
