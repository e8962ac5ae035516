"""One thread per library: small fits are faster so, and tests may share the machine.

Property tests draw the same examples on every machine.
"""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import hypothesis
import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """The database of an empty MLflow store, created once."""
    from cltv_ml.tracking import sqlite_store

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    sqlite_store.create(path)
    return path


@pytest.fixture
def store(empty_store, tmp_path, monkeypatch):
    """An empty MLflow store for one test."""
    import mlflow

    from cltv_ml.tracking import store as mlflow_store

    shutil.copy(empty_store, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    before = mlflow.get_tracking_uri()
    yield mlflow_store.open_store()
    mlflow.set_tracking_uri(before)


#: Files, or single tests, that run a whole command or a large log: `make test` leaves them out, `make test-all` and CI
#: run them. Each room, command and rule keeps a quick test besides.
LONG = (
    "actions/test_actions_page.py::test_axe_finds_nothing_against_the_page",
    "cli/test_cli_faults.py::test_a_fault_in_a_command_keeps_its_trace_with_status_1",
    "cli/test_cli_help.py::test_a_pipe_gets_no_colours_and_a_terminal_without_colours_neither",
    "cli/test_cli_help.py::test_reader_who_stops_early_is_no_error",
    "contracts/test_contract_horizons.py::test_values_never_fall_as_the_horizon_grows_whatever_the_model_and_the_totals",
    "data/test_data_cases.py::test_each_small_export_is_read_right_or_asked_about",
    "data/test_data_clean.py::test_the_two_giant_cancelled_orders_of_online_retail_leave_nothing",
    "data/test_data_datasets.py::test_complete_journey_keeps_every_cent_beside_its_categories",
    "data/test_data_formats.py::test_every_example_is_read_to_its_value",
    "data/test_data_fuzz.py::test_any_frame_is_refused_in_a_sentence_or_adds_up",
    "data/test_data_fuzz.py::test_any_name_of_a_source_is_refused_in_a_sentence",
    "data/test_data_fuzz.py::test_any_well_named_texts_are_refused_in_a_sentence_or_add_up",
    "data/test_data_grouped.py::test_grouped_reports_are_filled_down_and_told",
    "data/test_data_kinds.py::test_only_the_purchases_of_a_log_of_events_count",
    "data/test_data_kinds.py::test_small_units_follow_each_lines_currency",
    "data/test_data_kinds.py::test_the_last_status_of_an_order_decides_where_each_has_its_own_date",
    "data/test_data_names.py::test_a_column_may_have_any_name_that_the_engine_uses",
    "data/test_data_netting.py::test_netting_equals_the_slow_loop",
    "data/test_data_overlooked.py::test_customers_spelled_apart_are_told_and_brought_together_on_demand",
    "data/test_data_overlooked.py::test_levels_under_any_heading_are_read_where_all_are_known",
    "data/test_data_overlooked.py::test_times_are_read_in_further_spellings",
    "data/test_data_overlooked.py::test_units_in_headings_are_applied_and_told",
    "data/test_data_quality.py::test_each_switchable_rule_can_be_switched_off",
    "data/test_data_sales_blanks.py",
    "data/test_data_writing.py::test_the_order_of_short_dates_is_decided_by_the_column_as_a_whole",
    "decisions/test_decisions_associations.py::test_intervals_hold_the_true_lift_as_often_as_promised",
    "decisions/test_decisions_audit.py::test_every_table_sums_to_the_log_whatever_the_periods",
    "decisions/test_decisions_cohorts.py::test_every_grouping_and_period_keeps_the_logs_money_to_the_cent",
    "decisions/test_decisions_off_policy.py::test_every_estimator_finds_what_the_policy_would_have_earned",
    "decisions/test_decisions_past_campaign.py::test_an_arm_that_moves_all_alike_promises_everybody_the_mean",
    "decisions/test_decisions_past_campaign.py::test_an_arm_that_moves_some_more_orders_its_holdout_better_than_chance",
    "decisions/test_decisions_past_campaign.py::test_an_outcome_of_one_in_a_hundred_is_learned_from",
    "decisions/test_decisions_past_campaign.py::test_choosing_for_each_customer_earns_more_than_what_was_sent_at_random",
    "decisions/test_decisions_past_campaign.py::test_the_area_under_the_kept_points_of_the_curve_is_the_coefficient",
    "decisions/test_decisions_past_campaign.py::test_the_estimates_of_each_policy_cover_what_it_would_have_earned",
    "decisions/test_decisions_past_campaign.py::test_the_mean_uplift_is_within_its_interval",
    "decisions/test_decisions_past_campaign.py::test_the_uplift_foreseen_is_the_simulated_one",
    "decisions/test_decisions_qini.py::test_a_random_score_is_called_chance",
    "decisions/test_decisions_value_change.py::test_the_parts_sum_exactly_to_the_total",
    "evaluation/test_compare.py::test_equal_models_are_told_apart_in_about_one_of_twenty_worlds",
    "evaluation/test_evaluation_short_logs.py::test_a_model_that_cannot_be_fitted_leaves_with_its_reason",
    "evaluation/test_evaluation_short_logs.py::test_a_shop_of_durable_goods_trains",
    "evaluation/test_evaluation_short_logs.py::test_who_may_not_be_chosen_is_named_with_the_reason",
    "evaluation/test_group_tables.py::test_interval_of_a_groups_bias_covers_the_truth_as_often_as_it_says",
    "evaluation/test_no_skill.py",
    "experiments/test_experiments_quality.py::test_our_models_answer_as_a_training_judges_them",
    "experiments/test_experiments_studies.py::test_study_runs_and_says_its_result",
    "experiments/test_experiments_whole_line.py",
    "integration/test_act.py",
    "integration/test_backtest_command.py",
    "integration/test_bad_input.py::test_no_run_is_left_open",
    "integration/test_customers.py",
    "integration/test_faults.py",
    "integration/test_figures.py",
    "integration/test_horizons.py",
    "integration/test_lifetime.py",
    "integration/test_project_run.py",
    "integration/test_redacted.py",
    "integration/test_score.py",
    "integration/test_score_faults.py",
    "integration/test_serve.py",
    "integration/test_serve_transactions.py",
    "integration/test_train.py::test_a_horizon_whose_season_the_log_has_not_seen_is_said_so",
    "integration/test_train_options.py",
    "integration/test_tune.py::test_a_kill_loses_only_the_running_trial_and_the_rest_is_as_if_uninterrupted",
    "integration/test_tune.py::test_a_study_of_something_else_is_refused",
    "integration/test_tune.py::test_a_study_that_is_complete_runs_no_further_trial",
    "integration/test_tune.py::test_every_trial_is_a_closed_run_below_the_tuning",
    "integration/test_tune.py::test_figures_of_history_importance_and_slices_open_without_a_network",
    "integration/test_tune.py::test_the_chosen_trial_is_never_worse_than_the_defaults_by_the_rule",
    "integration/test_tune.py::test_the_first_trial_is_the_defaults_and_all_stay_in_the_search_space",
    "integration/test_tune.py::test_the_settings_train",
    "models/test_models_abe.py::test_the_integrals_are_those_of_brute_force",
    "models/test_models_abe.py::test_the_likelihood_of_cdnow_is_flat_at_the_estimates_and_the_forecast_follows",
    "models/test_models_fuzz.py::test_hard_populations_are_survived",
    "models/test_models_fuzz.py::test_some_populations_are_survived",
    "models/test_models_fuzz.py::test_weekly_daily_and_monthly_units_give_the_same_answers",
    "models/test_models_hurdle_calibration.py::test_odds_need_no_stretching",
    "models/test_models_hybrid.py::test_each_cutoff_is_valued_by_a_model_of_its_own_customers",
    "models/test_models_level.py::test_growth_that_has_just_come_makes_top_down_doubtful",
    "models/test_models_level_grain.py::test_a_whole_shop_dated_by_month_is_forecast_as_the_same_shop_dated_by_day",
    "models/test_models_level_grain.py::test_the_level_of_a_log_dated_by_month_counts_months",
    "models/test_models_likelihood.py::test_a_large_population_without_a_clear_peak_ends_where_climbing_it_whole_would",
    "models/test_models_likelihood.py::test_a_start_that_stops_on_its_way_to_a_known_maximum_loses_nothing",
    "models/test_models_mbg_cnbd.py::test_the_unit_of_time_does_not_choose_k",
    "models/test_models_own.py::test_what_could_not_be_read_again_is_refused_before_the_training",
    "models/test_models_posterior.py::test_a_ridge_is_walked_by_chains_that_agree",
    "models/test_models_sklearn.py::test_scikit_learns_own_checks_pass_for_every_tree_model",
    "models/test_models_whole_shop.py::test_bands_of_the_whole_shop_cover_what_they_say",
    "models/test_models_whole_shop.py::test_equity_is_that_of_the_truth",
    "models/test_models_with_covariates.py::test_one_time_buyers_are_ordered_nearly_as_by_the_truth_about_their_channel",
    "pipelines/test_pipelines_holidays.py::test_a_table_of_holidays_reaches_the_level",
    "pipelines/test_pipelines_monitor.py::test_a_batch_that_is_closed_is_not_measured_again",
    "pipelines/test_pipelines_monitor.py::test_a_closed_batch_becomes_one_point_of_the_series_however_often_it_is_looked_at",
    "pipelines/test_pipelines_monitor.py::test_a_closed_batch_is_told_with_both_totals",
    "pipelines/test_pipelines_monitor.py::test_forecasts_far_above_what_was_realised_call_for_training",
    "pipelines/test_pipelines_promote.py::test_a_campaigns_profit_decides_where_it_is_asked_for",
    "pipelines/test_pipelines_promote.py::test_a_fault_in_a_version_that_is_scored_keeps_the_trace_of_its_process",
    "pipelines/test_pipelines_promote.py::test_a_second_opinion_of_mlflow_names_the_threshold_that_is_missed_and_decides_nothing",
    "pipelines/test_pipelines_promote.py::test_the_better_challenger_is_promoted_and_the_move_is_logged",
    "pipelines/test_pipelines_shop.py::test_an_audit_of_a_single_period_says_so",
    "pipelines/test_pipelines_shop.py::test_attributes_that_cannot_be_used_are_one_sentence",
    "reporting/test_certainty.py",
    "reporting/test_other_pages_browser.py",
    "reporting/test_report.py::test_a_champion_outside_its_bounds_is_said_before_the_total",
    "reporting/test_report.py::test_a_report_without_p_alive_says_what_the_list_needs",
    "reporting/test_report.py::test_an_order_that_does_not_beat_chance_is_not_called_trustworthy",
    "reporting/test_report.py::test_page_without_earlier_scores_says_how_to_name_them",
    "reporting/test_report.py::test_report_needs_neither_todays_scores_nor_earlier_ones",
    "reporting/test_report_browser.py",
    "reporting/test_scenarios_browser.py",
    "serving/test_serving_plain_lines.py::test_every_strange_value_is_left_to_cleaning_or_read_as_it_does",
    "serving/test_serving_plain_lines.py::test_what_is_read_as_plain_equals_what_cleaning_gives_to_the_last_digit",
    "serving/test_serving_requests.py::test_the_kept_database_gives_the_answers_of_fresh_ones",
    "test_cli.py::test_rooms_are_imported_when_they_are_first_used",
    "test_files.py::test_what_a_csv_escapes_is_taken_back_for_any_text",
    "test_inline.py::test_a_notebook_shows_a_figure_inline",
    "test_inline.py::test_a_notebook_shows_how_far_a_pipeline_is_and_takes_the_bar_away",
    "test_inline.py::test_a_notebook_without_widgets_shows_results_and_no_remark",
    "test_lakes.py",
    "test_readme.py::test_python_example_runs_and_prints_one_line_per_model",
    "test_remote.py",
    "test_tables_of_others.py::test_every_kind_of_table_is_cleaned_to_the_same_log",
    "tracking/test_tracking_registry.py::test_a_promotion_stopped_at_any_write_is_done_or_undone_by_the_next_command",
    "tracking/test_tracking_registry.py::test_a_rollback_stopped_at_any_write_is_done_or_undone_by_the_next_command",
    "tracking/test_tracking_registry.py::test_two_promotions_at_once_leave_one_consistent_result",
    "tracking/test_tracking_runs.py::test_mlflow_sends_no_telemetry_whichever_module_is_imported_first",
)

#: Tests whose cases take one path with other words: `make test` runs the first case, `make test-all` and CI run all.
FIRST_CASE = (
    "cli/test_cli_features.py::test_a_cutoff_is_a_midnight_in_the_time_zone_of_the_flag",
    "cli/test_cli_features.py::test_wrong_input_is_one_sentence_and_nothing_is_written",
    "cli/test_cli_help.py::test_shell_completes_names_of_models_figures_features_and_data_sets",
    "contracts/test_contract_features.py::test_shards_change_no_feature",
    "data/test_data_clean.py::test_a_column_where_nothing_can_be_read_is_refused",
    "data/test_data_datasets.py::test_every_data_set_that_is_here_reads_and_reconciles",
    "data/test_data_days.py::test_a_placeholder_is_set_aside_however_often_it_occurs",
    "data/test_data_days.py::test_days_that_belong_to_a_log_are_kept",
    "data/test_data_exports.py::test_no_generated_export_is_misread_in_silence",
    "data/test_data_kinds.py::test_eastern_encodings_are_told_by_the_headings_they_make_known",
    "data/test_data_kinds.py::test_payments_beside_invoices_settle_them_and_are_no_sales",
    "data/test_data_kinds.py::test_shops_of_many_languages_are_read_by_their_own_words",
    "data/test_data_languages.py::test_dates_of_other_calendars_and_notations_are_read",
    "data/test_data_layout.py::test_a_path_that_exists_is_no_pattern",
    "data/test_data_layout.py::test_a_table_is_found_below_titles_and_between_trailing_delimiters",
    "data/test_data_layout.py::test_json_is_read_whatever_holds_its_records",
    "data/test_data_layout.py::test_other_alphabets_are_told_by_the_whole_file",
    "data/test_data_order_credits.py::test_a_negative_line_of_an_order_is_taken_off_that_order",
    "data/test_data_order_credits.py::test_an_order_id_that_agrees_outranks_the_time",
    "data/test_data_order_credits.py::test_an_order_that_another_row_calls_undone_is_undone",
    "data/test_data_overlooked.py::test_a_few_refunds_are_asked_about_as_many_are",
    "data/test_data_overlooked.py::test_a_flag_is_asked_about_and_its_answer_leads_to_the_truth",
    "data/test_data_parse.py::test_amounts_in_many_ways_of_writing_are_read",
    "data/test_data_parse.py::test_dates_in_many_ways_of_writing_are_read",
    "data/test_data_parse.py::test_identifiers_lose_blanks_and_a_float_s_point",
    "data/test_data_parse.py::test_negative_amounts_in_many_ways_of_writing_are_read",
    "data/test_data_parse.py::test_times_with_a_zone_become_business_time_as_pandas_says",
    "data/test_data_parse.py::test_what_is_no_amount_is_quarantined",
    "data/test_data_quality.py::test_what_nothing_can_be_learned_from_is_a_no_go",
    "data/test_data_sales.py::test_a_refund_with_a_positive_amount_is_taken_off_its_order",
    "data/test_data_sales.py::test_only_completed_sales_are_revenue",
    "data/test_data_sales.py::test_tests_and_uncaptured_payments_are_no_revenue",
    "data/test_data_scale.py::test_a_column_of_currency_codes_is_recognised_under_any_heading",
    "data/test_data_sources.py::test_a_query_reads_its_database_and_nothing_else",
    "data/test_data_sources.py::test_any_ends_of_lines_give_the_reference",
    "data/test_data_sources.py::test_csv_of_any_delimiter_gives_the_reference",
    "data/test_data_sources.py::test_csv_of_any_encoding_gives_the_reference",
    "data/test_data_sources.py::test_sql_that_is_no_select_is_refused",
    "data/test_data_totals.py::test_a_customer_who_is_nobody_is_set_aside_and_told",
    "data/test_data_totals.py::test_an_order_s_total_on_each_of_its_lines_is_taken_once",
    "data/test_data_totals.py::test_of_one_row_per_status_the_last_word_counts",
    "data/test_data_values.py::test_odd_values_are_set_aside_with_a_reason_and_sums_agree_to_the_cent",
    "data/test_data_writing.py::test_a_sign_in_doubt_is_asked_about",
    "decisions/test_decisions_uplift.py::test_every_learner_orders_new_customers_better_than_chance",
    "evaluation/test_backtest.py::test_a_rewritten_future_changes_no_prediction",
    "features/test_features_labels.py::test_labels_equal_the_target_of_their_window",
    "features/test_features_write.py::test_a_folder_of_another_build_is_refused",
    "features/test_features_write.py::test_files_hold_what_build_features_returns",
    "integration/test_bad_input.py::test_a_window_that_does_not_fit",
    "integration/test_tune.py::test_bad_input_is_one_sentence",
    "models/test_models_feature_files.py::test_files_teach_what_a_frame_teaches",
    "models/test_models_intervals_predictive.py::test_a_90_percent_interval_covers_88_to_92_percent_of_a_whole_population_of_rare_buyers",
    "models/test_models_intervals_predictive.py::test_a_90_percent_purchase_interval_covers_88_to_92_percent",
    "models/test_models_intervals_predictive.py::test_a_90_percent_value_interval_covers_88_to_92_percent",
    "models/test_models_purchases.py::test_each_purchase_is_discounted_from_its_own_moment",
    "models/test_models_purchases.py::test_mean_of_the_probabilities_is_the_expectation",
    "models/test_models_purchases.py::test_own_parameters_are_recovered",
    "models/test_models_purchases.py::test_probabilities_of_n_purchases_sum_to_one",
    "models/test_models_purchases.py::test_simulated_customers_do_as_forecast",
    "models/test_models_shuffled.py::test_shuffled_labels_give_no_skill_where_true_ones_do",
    "models/test_models_trees.py::test_currency_does_not_matter",
    "models/test_models_trees.py::test_trees_recover_the_expected_value_and_the_total",
    "pipelines/test_pipelines_shop.py::test_a_page_of_costs_without_channels_says_who_pays_back",
    "references/test_lifetimes.py::test_estimates_and_forecasts_agree",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark the tests of `LONG`, and the later cases of those of `FIRST_CASE`."""
    seen = set()
    for item in items:
        name = item.nodeid.removeprefix("tests/").split("[")[0]
        if name in FIRST_CASE and "[" not in item.nodeid:
            raise pytest.UsageError(f"{name} has one case; name it in LONG.")
        later = name in FIRST_CASE and name in seen
        if later or name in LONG or name.split("::")[0] in LONG:
            item.add_marker(pytest.mark.long)
        seen.add(name)


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory):
    """A server of our own on loopback; PostgreSQL refuses to run as root, so it runs as user postgres."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not binaries:
        pytest.skip("PostgreSQL's server binaries are not installed (Debian: apt-get install postgresql)")
    pytest.importorskip("psycopg", reason="the extra 'postgres' is not installed")
    folder = Path("/tmp", f"cltv_postgres_{tmp_path_factory.getbasetemp().name}")
    as_owner = ["runuser", "-u", "postgres", "--"] if Path.home() == Path("/root") else []
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(program, *arguments):
        command = [*as_owner, str(binaries[-1].with_name(program)), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd="/")

    run("initdb", "-D", str(folder), "-U", "shop", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-p {port} -h 127.0.0.1 -k {folder} -F"
    run("pg_ctl", "-D", str(folder), "-w", "-o", options, "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql://shop:hush-hush@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", str(folder), "-m", "immediate", "stop")
        shutil.rmtree(folder)
