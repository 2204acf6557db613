//! The throw-away data sources: each is written down before it is made, so that it is removed whatever happens.

use anyhow::Context as _;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::api::{Answer, Caller};

/// Data sources of one run.
pub(super) struct Sources {
    admin: Caller,
    /// Eight hex digits that no other run has.
    run: String,
    made: usize,
    standing: Vec<String>,
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) uid: String,
    pub(super) name: String,
    pub(super) id: u64,
}

impl Sources {
    /// Prepares to make some, as a caller who may.
    pub(super) fn new(admin: Caller, run: String) -> Self {
        Self { admin, run, made: 0, standing: Vec::new() }
    }

    /// What the paths and uids of this run have in common.
    pub(super) fn run(&self) -> &str {
        &self.run
    }

    /// How many were asked for.
    pub(super) fn made(&self) -> usize {
        self.made
    }

    /// The settings of one at a url, before anything is added.
    pub(super) fn settings(&self, what: &str, url: &str) -> Value {
        json!({
            "uid": format!("verify-{}-{what}", self.run),
            "name": format!("sourcegate verify {} {what}", self.run),
            "type": "prometheus",
            "access": "proxy",
            "url": url,
        })
    }

    /// Asks for one. Whether the gateway made it is told by the answer's status, and by an id.
    pub(super) async fn ask(&mut self, settings: &Value) -> anyhow::Result<(Answer, Source)> {
        let text = |name: &str| settings[name].as_str().unwrap_or_default().to_owned();
        let (uid, name) = (text("uid"), text("name"));
        self.standing.push(uid.clone());
        self.made += 1;
        let asked = self.admin.send(Method::POST, "/api/datasources", &[], Some(settings));
        let answer = asked.await?;
        let id = answer.json()["id"].as_u64().unwrap_or_default();
        Ok((answer, Source { uid, name, id }))
    }

    /// Makes one that the gateway has no reason to refuse.
    pub(super) async fn make(&mut self, settings: &Value) -> anyhow::Result<Source> {
        let (answer, source) = self.ask(settings).await?;
        let made = answer.status == StatusCode::OK && source.id != 0;
        anyhow::ensure!(made, "cannot create a data source: {}", answer.brief());
        Ok(source)
    }

    /// Removes one; that it is not there is as good.
    pub(super) async fn remove(&mut self, uid: &str) -> anyhow::Result<()> {
        let path = format!("/api/datasources/uid/{uid}");
        let answer = self.admin.send(Method::DELETE, &path, &[], None).await;
        let answer = answer.with_context(|| format!("cannot remove {uid}"))?;
        let gone = matches!(answer.status, StatusCode::OK | StatusCode::NOT_FOUND);
        anyhow::ensure!(gone, "cannot remove {uid}: {}", answer.brief());
        self.standing.retain(|standing| standing != uid);
        Ok(())
    }

    /// Removes all that stand, and gives the reasons why some still do.
    pub(super) async fn remove_all(&mut self) -> Vec<String> {
        let mut left = Vec::new();
        for uid in self.standing.clone() {
            if let Err(error) = self.remove(&uid).await {
                left.push(format!("{error:#}"));
            }
        }
        left
    }
}
