//! The only reader of the environment.

/// Reads one variable; unset, empty and non-UTF-8 are all `None`. Read at start, then pass values:
/// `Config::read(web::env)`.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
