//! One suite that every database must pass.
//!
//! A case is an `async fn(&Store)` that gets an empty database. It runs once for every engine, as a test of its own. A
//! new engine is one function that gives an empty database, and one line at [`every_case`]; a case that is not in the
//! list is dead code, and the compiler says so.

mod aggregates;
mod answers;
mod audit;
mod changes;
mod changes_retention;
mod clocks;
mod codes;
mod conflicts;
mod copies;
mod credentials;
mod damage;
mod deadlines;
mod deliveries;
mod events;
mod files;
mod fixtures;
mod instances;
mod isolation;
mod keys;
mod lists;
mod migrations;
mod races;
mod retention;
mod round_trip;
mod sealing;
mod sequences;
mod sessions;
mod steps;
mod support;
mod telling;
mod trail;
mod turns;

use crate::{Store, StoreError};

/// An empty database, and what has to live as long.
struct Engine {
    store: Store,
    _folder: Option<tempfile::TempDir>,
}

async fn durable_sqlite() -> Option<Engine> {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("verger.db")).unwrap();
    Some(Engine { store, _folder: Some(folder) })
}

async fn ephemeral_sqlite() -> Option<Engine> {
    Some(Engine { store: Store::ephemeral().unwrap(), _folder: None })
}

/// `None` if this machine has no PostgreSQL, never under `CI=true`.
async fn postgres() -> Option<Engine> {
    let cluster = verger_testdb::Cluster::shared()?;
    let store = Store::open_url(&cluster.url(&cluster.database()), support::far()).await.unwrap();
    Some(Engine { store, _folder: None })
}

/// Through a pooler that gives every transaction another session.
async fn pooled_postgres() -> Option<Engine> {
    let cluster = verger_testdb::Cluster::shared()?;
    let pooler = verger_testdb::Cluster::shared_pooler(10)?;
    let url = format!("{}?pooler=transaction", pooler.url(&cluster.database()));
    let store = Store::open_url(&url, support::far()).await.unwrap();
    Some(Engine { store, _folder: None })
}

/// Another handle of the same database, as another server would have it.
fn another_handle(store: &Store) -> Result<Store, StoreError> {
    let other = handle_without_keys(store)?;
    other.set_trail_keys(support::trail_keys());
    Ok(other)
}

/// The same without the keys of the trail, as a command has it.
fn handle_without_keys(store: &Store) -> Result<Store, StoreError> {
    match &store.db {
        crate::db::Db::Sqlite(db) => Store::open(db.path()),
        crate::db::Db::Postgres(db) => {
            let db = crate::db::postgres::Postgres::open(db.url())?;
            Ok(Store::of(crate::db::Db::Postgres(db)))
        }
    }
}

/// A macro because a test is a function with a name of its own.
macro_rules! run_on {
    ($name:ident, $engine:ident: $($module:ident::$case:ident),+ $(,)?) => {
        mod $name {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $case() {
                    if let Some(engine) = super::$engine().await {
                        super::$module::$case(&engine.store).await;
                    }
                }
            )+
        }
    };
}

macro_rules! every_case {
    ($engine:ident) => {
        run_on! {
            $engine, $engine:
            migrations::migrate_applies_each_version_once,
            migrations::migrate_from_many_handles_at_once_succeeds_on_each,
            migrations::failed_migration_leaves_neither_a_table_nor_a_record,
            migrations::altered_migration_is_recognised_and_refused,
            migrations::newer_schema_is_recognised_and_refused,
            migrations::schema_that_a_newer_build_expanded_is_served,
            migrations::damaged_record_of_a_migration_is_an_error,
            steps::migration_of_several_steps_is_applied_once_and_serves_the_build_before,
            steps::backfill_of_no_row_and_of_a_table_with_whole_numbers_as_key_end,
            steps::rows_that_are_not_counted_in_time_have_no_total,
            steps::migration_whose_time_is_over_goes_on_where_it_stopped,
            steps::migrations_from_several_handles_at_once_fill_each_row_once,
            steps::steps_that_another_build_began_are_not_gone_on_with,
            steps::migration_under_load_refuses_no_write,
            steps::killed_migration_goes_on_where_it_stopped,
            round_trip::any_user_loads_as_it_was_saved,
            round_trip::every_statement_prepares,
            round_trip::user_named_twice_is_loaded_once,
            conflicts::stale_save_changes_nothing,
            conflicts::one_stale_user_stops_the_whole_write,
            conflicts::taken_claim_changes_nothing,
            conflicts::unverified_copies_stand_beside_a_claim,
            conflicts::number_moves_to_a_new_identification_in_one_write,
            conflicts::swap_of_usernames_is_refused_and_changes_nothing,
            conflicts::username_can_change_its_case,
            conflicts::deleted_user_releases_every_claim,
            conflicts::released_number_can_be_claimed_by_another,
            conflicts::equal_user_writes_nothing,
            conflicts::used_idempotency_key_changes_nothing,
            aggregates::write_over_two_kinds_is_all_or_nothing,
            aggregates::endpoint_whose_streak_ended_meanwhile_is_not_disabled,
            aggregates::writes_that_name_aggregates_in_any_order_all_get_through,
            races::one_of_many_verifies_a_number,
            races::one_of_two_handles_verifies_a_number,
            races::writers_of_one_user_leave_no_gap,
            races::idempotency_key_answers_once,
            isolation::reads_of_another_instance_find_nothing,
            isolation::writes_of_another_instance_change_nothing,
            isolation::same_ids_and_texts_stand_in_two_instances,
            isolation::filters_and_orders_look_at_one_instance,
            sessions::clients_and_sessions_load_as_they_were_saved,
            sessions::what_a_token_is_minted_from_is_loaded_together,
            sessions::nothing_is_written_over_the_end_of_a_session,
            sessions::no_session_begins_beside_a_change_of_the_user_that_ends_them,
            sessions::deleted_user_leaves_no_session_ticket_or_trace_in_a_client,
            sessions::lists_of_sessions_agree_with_what_the_rules_say_of_each,
            sessions::activity_moves_forward_and_brings_no_session_back,
            sessions::setting_that_is_lengthened_again_brings_no_session_back,
            sessions::ticket_is_settled_once_by_whoever_is_first,
            sessions::names_of_templates_are_unique_and_their_number_is_bounded,
            sessions::expired_token_is_refreshed_once_and_never_in_a_session_that_ended,
            sessions::nothing_is_kept_for_refreshing_a_session_that_ends_meanwhile,
            lists::lists_and_counts_agree_with_a_naive_filter,
            lists::every_order_is_total_in_both_directions,
            lists::cursor_walks_every_page_without_gap_or_repeat,
            lists::metadata_is_read_once_for_each_user,
            lists::unknown_cursor_is_told_from_an_empty_page,
            lists::cursor_of_a_deleted_user_goes_on_from_where_it_stood,
            lists::walk_beside_deletions_misses_nobody_and_repeats_nobody,
            lists::pattern_characters_are_literal,
            lists::case_is_folded_letter_by_letter,
            lists::search_follows_a_change_of_name,
            lists::empty_list_of_values_matches_nobody,
            lists::impossible_parts_match_nobody,
            lists::value_with_nul_is_nobodys,
            damage::damaged_row_is_named,
            damage::claim_without_an_owner_still_holds,
            deadlines::past_deadline_is_refused_and_writes_nothing,
            deadlines::close_finishes_what_is_waiting,
            deadlines::closed_store_refuses_writes,
            deadlines::abandoned_lists_leave_the_readers_whole,
            deadlines::jobs_and_requests_do_not_wait_for_each_other,
            deadlines::ping_answers,
            answers::answer_is_kept_with_its_write,
            answers::sweep_removes_old_answers_in_bounded_steps,
            events::events_of_a_user_are_read_in_the_order_of_its_versions,
            events::each_event_gets_one_place_whoever_reads_at_the_same_time,
            deliveries::delivery_is_tried_by_one_at_a_time_and_in_order,
            deliveries::streak_of_failures_ends_with_any_success_and_spans_no_pause,
            events::code_neither_waits_for_events_of_its_user_nor_holds_them_up,
            deliveries::looks_at_the_queue_take_no_longer_for_what_waits_or_was_delivered,
            events::sealed_event_is_erased_once_everybody_heard_of_it,
            deliveries::replay_queues_what_was_never_on_its_way_and_can_be_repeated,
            deliveries::instance_has_no_more_endpoints_than_it_may_under_races,
            deliveries::removed_endpoint_gets_nothing_and_its_deliveries_go_in_bounded_steps,
            events::sweeps_remove_what_is_old_and_nobody_waits_for,
            audit::audit_log_is_filtered_and_walked_from_new_to_old,
            audit::trail_that_is_swept_while_it_is_verified_is_whole,
            audit::notes_are_in_the_trail_alone_and_within_their_limits,
            audit::every_change_of_a_row_of_the_trail_is_found,
            changes::numbers_follow_the_versions_of_each_user_without_gaps,
            changes::refused_batches_give_their_numbers_back,
            changes::servers_that_number_at_once_give_each_number_once,
            changes::instances_that_begin_at_once_share_no_place,
            changes::changes_wait_for_servers_that_cannot_read_them,
            changes::name_that_would_be_two_is_refused,
            telling::feed_and_trail_tell_of_both_generations_in_one_order,
            telling::number_beyond_every_place_is_behind_everything,
            telling::trail_is_filtered_as_if_every_event_were_a_row,
            telling::endpoint_is_told_of_what_comes_after_it_was_added_or_enabled,
            telling::servers_that_fan_out_at_once_queue_each_delivery_once_and_in_order,
            telling::sealed_change_is_erased_once_everybody_heard_of_it,
            telling::delivery_without_its_change_is_not_tried_and_goes,
            telling::replay_goes_over_both_generations_in_bounded_steps,
            telling::looks_at_changes_take_no_longer_for_what_was_told_before,
            trail::every_change_of_a_row_of_changes_is_found,
            trail::end_that_was_cut_off_stays_visible_whatever_is_appended,
            trail::trail_that_was_rewritten_without_the_key_is_found,
            trail::trail_says_which_key_made_which_rows,
            trail::erased_person_is_gone_and_the_trail_verifies,
            trail::erasure_that_nobody_with_a_key_made_explains_nothing,
            trail::person_is_erased_while_changes_get_their_numbers,
            trail::time_of_both_versions_ends_once_and_then_trails_are_sealed,
            trail::servers_that_learn_of_the_end_one_after_the_other_keep_the_order_of_each_user,
            trail::codes_in_changes_are_sealed_anew,
            trail::keys_of_the_trail_are_kept_once_and_sealed_anew,
            changes_retention::sustained_changes_reach_a_steady_size,
            changes_retention::trail_that_was_swept_still_verifies,
            changes_retention::change_that_an_endpoint_waits_for_stays,
            retention::sustained_writes_reach_a_steady_size,
            retention::every_instance_and_kind_has_its_turn,
            retention::what_is_still_of_use_stops_no_sweep,
            retention::event_from_the_future_keeps_nothing_behind_it,
            retention::many_rows_from_the_future_keep_nothing_behind_them,
            retention::sealed_texts_are_erased_in_bounded_steps,
            retention::one_of_many_servers_sweeps_at_a_time,
            retention::two_sweeps_at_once_do_no_harm,
            retention::failed_step_leaves_the_others,
            retention::oldest_rows_are_known_for_each_kind,
            turns::searches_of_one_instance_stand_before_no_list,
            turns::list_that_reads_too_much_becomes_a_search,
            turns::indexes_lead_to_what_is_listed_by_key,
            instances::settings_load_as_they_were_saved_and_stale_ones_change_nothing,
            instances::signing_keys_change_together_and_one_of_many_first_ones_stays,
            instances::private_halves_are_found_to_be_sealed_again,
            instances::host_belongs_to_one_instance,
            instances::entries_of_the_lists_are_found_by_what_they_are_about,
            instances::instance_is_created_with_its_hosts_and_settings_or_not_at_all,
            instances::redirect_urls_are_kept_once_each,
            instances::invitations_are_listed_by_what_they_are_now,
            keys::key_opens_its_instance_until_it_is_revoked,
            keys::key_and_instance_exist_once,
            keys::keys_are_listed_for_one_instance_or_all,
            clocks::message_of_the_future_is_due_and_its_lease_ends,
            clocks::what_is_remembered_of_numbers_is_settled,
            clocks::guesses_of_the_future_close_and_lock_for_no_longer_than_others,
            clocks::what_was_counted_in_the_future_counts_now,
            clocks::delivery_of_the_future_is_due_and_its_claim_ends,
            clocks::kept_answers_and_endpoints_of_the_future_are_settled,
            clocks::endpoint_that_is_gone_is_disabled_if_it_still_listens_there,
            codes::code_and_window_load_as_they_were_saved,
            codes::flaw_07_code_is_accepted_exactly_once,
            codes::flaw_04_flaw_09_every_try_is_counted_once_and_none_beyond_the_cap,
            codes::stale_window_changes_nothing,
            codes::limits_hold_under_races,
            codes::flaw_31_message_is_claimed_once,
            codes::message_goes_its_way_and_loses_its_text,
            codes::message_is_wanted_for_as_long_as_its_code,
            codes::sweep_removes_what_nobody_asks_for,
            codes::reset_empties_one_instance,
            codes::keys_in_use_are_counted_until_nothing_needs_them,
            sealing::each_use_of_a_key_says_since_when_and_until_when,
            sealing::what_others_sealed_is_found_in_steps_and_sealed_anew_once,
            sealing::text_that_was_changed_or_erased_meanwhile_is_left_alone,
            credentials::state_without_its_secret_is_none,
            credentials::secrets_go_with_the_state_and_with_the_user,
            credentials::guess_is_counted_once_for_everybody,
            credentials::totp_step_is_used_once,
            credentials::backup_code_is_used_once,
            credentials::guess_at_a_user_who_was_deleted_leaves_nothing,
            credentials::guess_windows_go_with_their_age,
            credentials::credentials_are_sealed_anew,
            codes::every_table_of_an_instance_is_known_to_reset,
            codes::flaw_22_counted_try_survives_a_failed_request,
            sequences::random_sequences_agree_with_the_model,
        }
    };
}

/// What is about files, and about a database without strict types.
macro_rules! every_case_of_files {
    ($name:ident, $engine:ident) => {
        run_on! {
            $name, $engine:
            damage::row_of_another_type_is_named,
            files::secret_is_in_no_file,
            files::copy_under_load_has_every_acknowledged_write,
            files::opening_from_many_threads_at_once_succeeds,
            files::ephemeral_files_are_removed,
            steps::index_that_would_keep_writers_waiting_is_made_only_offline,
        }
    };
}

/// What is about locks and indexes of PostgreSQL.
macro_rules! every_case_of_postgres {
    ($name:ident, $engine:ident) => {
        run_on! {
            $name, $engine:
            steps::broken_index_of_a_killed_try_is_made_again,
            steps::migration_that_waits_for_a_lock_lets_writers_pass,
        }
    };
}

/// The process that `steps::killed_migration_goes_on_where_it_stopped` kills.
#[tokio::test(flavor = "multi_thread")]
async fn child_of_a_killed_migration() {
    steps::child_that_is_killed().await;
}

every_case!(durable_sqlite);
every_case!(ephemeral_sqlite);
every_case!(postgres);
every_case!(pooled_postgres);
every_case_of_files!(durable_sqlite_files, durable_sqlite);
every_case_of_files!(ephemeral_sqlite_files, ephemeral_sqlite);
every_case_of_postgres!(postgres_alone, postgres);
