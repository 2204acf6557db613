//! The same over another engine's tables, moto's: what store and functions take for DynamoDB is not one engine's way.

use harness::Fleet;

use super::{calls, freshness, writes};

/// moto gets one call after the other, and is slow.
const FEWER: usize = 4;

#[tokio::test]
async fn l18_each_process_of_a_cold_burst_reads_once_and_asks_kms_once() {
    calls::cold_processes_ask_once(Fleet::on_moto().await, FEWER).await;
}

#[tokio::test]
async fn t89_a_revoked_token_is_refused_by_all_processes_within_the_bound() {
    freshness::a_revocation_is_heeded(Fleet::on_moto().await, FEWER).await;
}

#[tokio::test]
async fn d16_a_moved_data_source_is_found_by_all_processes_within_the_bound() {
    freshness::a_change_is_heeded(Fleet::on_moto().await, FEWER).await;
}

#[tokio::test]
async fn d06_what_many_processes_create_at_once_has_numbers_of_its_own() {
    writes::creates_get_numbers_of_their_own(Fleet::on_moto().await, FEWER).await;
}

#[tokio::test]
async fn d08_what_many_processes_add_up_with_versions_adds_up() {
    writes::updates_with_a_version_lose_nothing(Fleet::on_moto().await, FEWER, 6).await;
}

#[tokio::test]
async fn d09_of_50_updates_without_a_version_in_many_processes_none_is_lost() {
    writes::updates_without_a_version_all_count(Fleet::on_moto().await, FEWER).await;
}
