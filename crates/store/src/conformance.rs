//! One suite that every database must pass.
//!
//! A case is an `async fn(&Store)` that gets an empty database. It runs once for every engine, as a test of its own. A
//! new engine is one function that gives an empty database, and one line at [`every_case`]; a case that is not in the
//! list is dead code, and the compiler says so.

mod answers;
mod conflicts;
mod damage;
mod deadlines;
mod files;
mod isolation;
mod keys;
mod lists;
mod migrations;
mod races;
mod round_trip;
mod sequences;
mod support;

use crate::{Store, StoreError};

/// An empty database, and what has to live as long.
struct Engine {
    store: Store,
    _folder: Option<tempfile::TempDir>,
}

async fn durable_sqlite() -> Engine {
    let folder = tempfile::tempdir().unwrap();
    Engine { store: Store::open(&folder.path().join("verger.db")).unwrap(), _folder: Some(folder) }
}

async fn ephemeral_sqlite() -> Engine {
    Engine { store: Store::ephemeral().unwrap(), _folder: None }
}

/// Another handle of the same database, as another process would have it.
fn another_handle(store: &Store) -> Result<Store, StoreError> {
    match &store.db {
        crate::db::Db::Sqlite(db) => Store::open(db.path()),
    }
}

/// A macro because a test is a function with a name of its own.
macro_rules! run_on {
    ($engine:ident: $($module:ident::$case:ident),+ $(,)?) => {
        mod $engine {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $case() {
                    let engine = super::$engine().await;
                    super::$module::$case(&engine.store).await;
                }
            )+
        }
    };
}

macro_rules! every_case {
    ($engine:ident) => {
        run_on! {
            $engine:
            migrations::migrate_applies_each_version_once,
            migrations::migrate_from_many_handles_at_once_succeeds_on_each,
            migrations::failed_migration_leaves_neither_a_table_nor_a_record,
            migrations::altered_migration_is_recognised_and_refused,
            migrations::newer_schema_is_recognised_and_refused,
            migrations::damaged_record_of_a_migration_is_an_error,
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
            races::one_of_many_verifies_a_number,
            races::one_of_two_handles_verifies_a_number,
            races::writers_of_one_user_leave_no_gap,
            races::idempotency_key_answers_once,
            isolation::reads_of_another_instance_find_nothing,
            isolation::writes_of_another_instance_change_nothing,
            isolation::same_ids_and_texts_stand_in_two_instances,
            isolation::filters_and_orders_look_at_one_instance,
            lists::lists_and_counts_agree_with_a_naive_filter,
            lists::every_order_is_total_in_both_directions,
            lists::cursor_walks_every_page_without_gap_or_repeat,
            lists::unknown_cursor_is_told_from_an_empty_page,
            lists::pattern_characters_are_literal,
            lists::case_is_folded_letter_by_letter,
            lists::search_follows_a_change_of_name,
            lists::empty_list_of_values_matches_nobody,
            lists::impossible_parts_match_nobody,
            damage::damaged_row_is_named,
            damage::row_of_another_type_is_named,
            damage::claim_without_an_owner_still_holds,
            deadlines::past_deadline_is_refused_and_writes_nothing,
            deadlines::close_finishes_what_is_waiting,
            deadlines::closed_store_refuses_writes,
            deadlines::abandoned_lists_leave_the_readers_whole,
            deadlines::ping_answers,
            answers::answer_is_kept_with_its_write,
            answers::sweep_removes_old_answers_in_bounded_steps,
            keys::key_opens_its_instance_until_it_is_revoked,
            keys::key_and_instance_exist_once,
            keys::keys_are_listed_for_one_instance_or_all,
            files::secret_is_in_no_file,
            files::copy_under_load_has_every_acknowledged_write,
            files::opening_from_many_threads_at_once_succeeds,
            files::ephemeral_files_are_removed,
            sequences::random_sequences_agree_with_the_model,
        }
    };
}

every_case!(durable_sqlite);
every_case!(ephemeral_sqlite);
