//! JWTs as callers and operators see them: who they make whom, what is refused, and where the keys come from.

mod callers;
mod forged;
mod issuers;
mod keys;
mod settings;

use harness::signer::{Signer, accepting, publishing, verifier};
use harness::upstream::FakeUpstream;
use harness::{Client, TestApp};
use serde_json::Value;

/// A gateway that accepts the tokens of one signer.
struct Accepting {
    app: TestApp,
    signer: Signer,
    /// Publishes the signer's key.
    place: FakeUpstream,
}

impl Accepting {
    /// Starts one with these rules.
    async fn start(rules: &Value) -> Self {
        let signer = Signer::elliptic("k");
        let place = publishing(&[&signer]).await;
        let jwt = verifier(accepting(&place, rules));
        let app = TestApp::with(|setup| setup.jwt = jwt).await;
        Self { app, signer, place }
    }

    /// A client with the usual token, some claims replaced.
    fn client(&self, change: Value) -> Client {
        bearer(&self.app, &self.signer.token(change))
    }
}

fn bearer(app: &TestApp, token: &str) -> Client {
    Client::new(app.address(), Some(format!("Bearer {token}")))
}
