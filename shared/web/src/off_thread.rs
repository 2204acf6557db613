//! Work that blocks, away from the threads that serve.

use crate::Refusal;

/// Runs work on a thread that may wait for a disk.
///
/// # Errors
/// [`Refusal::Panicked`].
pub async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::Panicked)
}
