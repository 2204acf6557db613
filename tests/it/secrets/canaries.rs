//! Texts that occur nowhere else, and the search for them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// One text for each place, drawn anew in each run.
pub(super) struct Canaries {
    /// In `secureJsonData`.
    pub(super) sealed: String,
    /// In the query of a data source's url.
    pub(super) in_url: String,
    /// In `jsonData`, where no secret should be.
    pub(super) in_json: String,
    /// In a request's query, body and cookies.
    pub(super) in_query: String,
    /// The administrator's password.
    pub(super) password: String,
    /// In what somebody typed as a credential, and is none.
    pub(super) typed: String,
}

impl Canaries {
    pub(super) fn draw() -> Self {
        Self {
            sealed: canary(),
            in_url: canary(),
            in_json: canary(),
            in_query: canary(),
            password: canary(),
            typed: canary(),
        }
    }
}

/// As long as the middle of a token, so that it can stand in one.
fn canary() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("randomness");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Checks that a canary is not there, nor in base64 at any of its three places.
#[track_caller]
pub(super) fn check_absent(what: &str, place: &[u8], canary: &str) {
    let encoded = (0..3).map(|shift| {
        let whole = STANDARD.encode([&b"xxx"[..shift], canary.as_bytes()].concat());
        // The ends depend on what stands beside it.
        whole[4..whole.len() - 4].to_owned()
    });
    for spelling in std::iter::once(canary.to_owned()).chain(encoded) {
        let found = place.windows(spelling.len()).position(|some| some == spelling.as_bytes());
        let shown = found.map(|at| {
            let part = &place[at.saturating_sub(300)..place.len().min(at + 300)];
            String::from_utf8_lossy(part).into_owned()
        });
        assert!(shown.is_none(), "a canary is in {what}: {}", shown.unwrap_or_default());
    }
}
