//! The battery: what is promised, and how each promise is tried.

mod addresses;
mod headers;
mod paths;
mod secrets;
mod tenants;

use super::report::Miss;
use super::{Verify, api};

/// One promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    Anonymous,
    Secrets,
    MovedSecret,
    Addresses,
    OwnUrl,
    Trace,
    Tenants,
    Injected,
    Stripped,
    Answers,
    Paths,
    Redirects,
    Canaries,
}

impl Check {
    /// All of them; the canaries last, since they are watched for all the while.
    pub(super) const ALL: [Self; 13] = [
        Self::Anonymous,
        Self::Secrets,
        Self::MovedSecret,
        Self::Addresses,
        Self::OwnUrl,
        Self::Trace,
        Self::Tenants,
        Self::Injected,
        Self::Stripped,
        Self::Answers,
        Self::Paths,
        Self::Redirects,
        Self::Canaries,
    ];

    /// What scripts call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Secrets => "secrets",
            Self::MovedSecret => "moved-secret",
            Self::Addresses => "addresses",
            Self::OwnUrl => "own-url",
            Self::Trace => "trace",
            Self::Tenants => "tenants",
            Self::Injected => "injected",
            Self::Stripped => "stripped",
            Self::Answers => "answers",
            Self::Paths => "paths",
            Self::Redirects => "redirects",
            Self::Canaries => "canaries",
        }
    }

    /// What it holds the gateway to.
    pub(super) fn promise(self) -> &'static str {
        match self {
            Self::Anonymous => "without a good credential nothing is shown or changed",
            Self::Secrets => "secrets go in and never come out",
            Self::MovedSecret => "a url that moves to another host does not take its secrets along",
            Self::Addresses => "metadata, link-local and odd addresses are not dialled",
            Self::OwnUrl => "the gateway is no data source of its own",
            Self::Trace => "TRACE shows nothing",
            Self::Tenants => "another organisation's data source is as one that does not exist",
            Self::Injected => "a data source's credential arrives once, in place of the caller's",
            Self::Stripped => "who the caller says to be does not arrive",
            Self::Answers => "a data source does not speak for the gateway's origin",
            Self::Paths => {
                "no spelling of a path leaves a data source's base, others arrive as sent"
            }
            Self::Redirects => "redirects are handed on, not followed",
            Self::Canaries => "no answer of this run has shown a data source's secret",
        }
    }

    /// Tries it.
    pub(super) async fn run(self, verify: &mut Verify) -> Result<(), Miss> {
        match self {
            Self::Anonymous => tenants::anonymous(verify).await,
            Self::Secrets => secrets::stay_in(verify).await,
            Self::MovedSecret => secrets::stay_with_their_host(verify).await,
            Self::Addresses => addresses::forbidden(verify).await,
            Self::OwnUrl => addresses::own(verify).await,
            Self::Trace => headers::trace(verify).await,
            Self::Tenants => tenants::apart(verify).await,
            Self::Injected => headers::injected(verify).await,
            Self::Stripped => headers::stripped(verify).await,
            Self::Answers => headers::answers(verify).await,
            Self::Paths => paths::below_base(verify).await,
            Self::Redirects => paths::redirects(verify).await,
            Self::Canaries => match &verify.admin.api.shown()[..] {
                [] => Ok(()),
                shown => Err(Miss::Broken(shown.join("; "))),
            },
        }
    }
}

/// Breaks the promise unless a condition holds.
fn hold(holds: bool, why: impl FnOnce() -> String) -> Result<(), Miss> {
    if holds { Ok(()) } else { Err(Miss::Broken(why())) }
}
