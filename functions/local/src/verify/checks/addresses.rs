//! Server-side request forgery: where no data source may lead.

use http::StatusCode;

use super::super::proxied;
use super::api::Answer;
use super::{Miss, Verify, hold};

/// Where credentials of clouds are had, in the spellings that resolvers and parsers differ on; nothing; this machine's
/// own Runtime API; and what is no HTTP.
const FORBIDDEN: &[&str] = &[
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.169.254:80/latest/meta-data/",
    "http://169.254.170.2/v2/credentials/",
    "http://100.100.100.200/latest/meta-data/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0xa9.0xfe.0xa9.0xfe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[fe80::1]/",
    "http://0.0.0.0/",
    "http://[::]/",
    "http://224.0.0.1/",
    "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
    "http://localhost:9001/2018-06-01/runtime/invocation/next",
    "file:///proc/self/environ",
    "gopher://127.0.0.1:6379/_INFO",
];

/// Each is refused when it is saved, or when it would be dialled.
pub(super) async fn forbidden(verify: &mut Verify) -> Result<(), Miss> {
    let mut dialled = Vec::new();
    for (number, url) in FORBIDDEN.iter().enumerate() {
        if let Some(answer) = ask(verify, &format!("address-{number}"), url).await?
            && answer.json()["cause"] != "denied_egress"
        {
            dialled.push(format!("{url} was not refused: {}", answer.brief()));
        }
    }
    hold(dialled.is_empty(), || dialled.join("; "))
}

/// A request may not come back in.
pub(super) async fn own(verify: &mut Verify) -> Result<(), Miss> {
    let url = verify.admin.api.base().to_owned();
    let answer = ask(verify, "own", &format!("{url}/api/health")).await?;
    let refused = |answer: &Answer| {
        answer.status == StatusCode::LOOP_DETECTED || answer.json()["cause"] == "denied_egress"
    };
    hold(answer.as_ref().is_none_or(refused), || {
        format!("{url} as a data source: {}", answer.map(|a| a.brief()).unwrap_or_default())
    })
}

/// Saves a data source, asks it if that was not refused, and removes it.
async fn ask(verify: &mut Verify, what: &str, url: &str) -> Result<Option<Answer>, Miss> {
    let settings = verify.sources.settings(what, url);
    let (saved, source) = verify.sources.ask(&settings).await?;
    let answer = match saved.status {
        StatusCode::BAD_REQUEST => None,
        StatusCode::OK => Some(verify.admin.get(&proxied(&source, "")).await?),
        _ => return Err(Miss::Broken(format!("saving {url}: {}", saved.brief()))),
    };
    verify.sources.remove(&source.uid).await?;
    Ok(answer)
}
