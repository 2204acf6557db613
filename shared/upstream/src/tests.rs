//! What the tests of all files stand on, and the exchange over real sockets.

mod answers;
mod clients;
mod doubles;
mod exchange;
mod garbage;
mod stale;

use std::net::IpAddr;
use std::sync::Arc;

use auth::{Action, Caller, Identity, Role};
use egress::{Dns, Timeouts};
use http::HeaderMap;
use secrecy::SecretString;
use sourcegate_core::{
    Datasource, Incarnation, JsonText, LegacyId, OrgId, Policy, Reference, Settings, SourceName,
    Uid,
};

use super::*;

pub(crate) use doubles::Double;

/// Who is connected to the gateway in all tests.
pub(crate) const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

/// A data source, its client and the engine.
pub(crate) struct Gate {
    pub(crate) upstream: Upstream,
    pub(crate) granted: Granted,
    pub(crate) client: Arc<Client>,
}

/// What a [`Gate`] is made of.
pub(crate) struct Setup {
    pub(crate) kind: &'static str,
    pub(crate) json: &'static str,
    pub(crate) secrets: &'static [(&'static str, &'static str)],
    pub(crate) basic_user: &'static str,
    pub(crate) role: Role,
    pub(crate) limits: Limits,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            kind: "graphite",
            json: "{}",
            secrets: &[],
            basic_user: "",
            role: Role::Viewer,
            limits: Limits::default(),
        }
    }
}

pub(crate) fn egress() -> Egress {
    Egress::new(Policy::local(None), Dns::System, Timeouts::default())
}

pub(crate) fn secrets(list: &[(&str, &str)]) -> Secrets {
    list.iter().map(|(name, text)| ((*name).to_owned(), SecretString::from(*text))).collect()
}

impl Setup {
    pub(crate) fn settings(&self, url: &str) -> Settings {
        Settings {
            name: SourceName::parse("double").unwrap(),
            type_text: self.kind.to_owned(),
            access: "proxy".to_owned(),
            url: url.to_owned(),
            user: String::new(),
            database: String::new(),
            basic_auth: !self.basic_user.is_empty(),
            basic_auth_user: self.basic_user.to_owned(),
            with_credentials: false,
            json_data: JsonText::object(self.json.to_owned()).unwrap(),
            api_version: String::new(),
        }
    }

    pub(crate) fn granted(&self, url: &str) -> Granted {
        let org = OrgId::new(1).unwrap();
        let uid = Uid::parse("u").unwrap();
        let source = Datasource {
            org,
            id: LegacyId::new(1).unwrap(),
            uid: uid.clone(),
            incarnation: Incarnation::new(),
            rev: Rev::new(),
            sec_rev: None,
            version: 1,
            read_only: false,
            permissions: None,
            secret_names: self.secrets.iter().map(|(name, _)| (*name).to_owned()).collect(),
            settings: self.settings(url),
        };
        let identity = Identity::User { id: 1, stay: 0, login: "bob".to_owned() };
        let caller = Caller::new(identity, org, self.role);
        caller.authorize(Action::Query, &Reference::Uid(uid), Some(Arc::new(source))).unwrap()
    }

    pub(crate) fn open(&self, url: &str) -> Result<Gate, Error> {
        let upstream = Upstream::new(egress(), self.limits);
        let granted = self.granted(url);
        let target = HttpTarget::of(&granted.source().settings).unwrap();
        let rev = granted.source().rev;
        let client = upstream.open(&granted, rev, target, secrets(self.secrets))?;
        Ok(Gate { upstream, granted, client })
    }
}

impl Gate {
    /// A plain data source at that url.
    pub(crate) fn to(url: &str) -> Self {
        Setup::default().open(url).unwrap()
    }

    pub(crate) async fn send(
        &self,
        tail: &str,
        request: Request<Body>,
    ) -> Result<Response<AnswerBody>, Error> {
        let hop = Hop { tail, peer: Some(PEER) };
        match self.upstream.plan(&self.client, &self.granted, hop, request)? {
            Plan::Ready(planned) => self.upstream.send(&self.client, planned).await,
            Plan::NeedsToken(_) => panic!("no data source here needs a token"),
        }
    }

    pub(crate) async fn get(&self, tail: &str) -> Result<Response<AnswerBody>, Error> {
        self.send(tail, Request::new(Body::empty())).await
    }
}

/// Makes headers of `Name: value` lines; a name may come more than once.
pub(crate) fn headers(lines: &[&str]) -> HeaderMap {
    let pair = |line: &&str| {
        let (name, value) = line.split_once(':').unwrap();
        (name.parse().unwrap(), value.trim().parse().unwrap())
    };
    let mut map = HeaderMap::new();
    for (name, value) in lines.iter().map(pair) {
        map.append::<http::HeaderName>(name, value);
    }
    map
}

/// Lists headers as sorted `name: value` lines.
pub(crate) fn lines(headers: &HeaderMap) -> Vec<String> {
    let line = |(name, value): (_, &http::HeaderValue)| {
        format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
    };
    let mut lines: Vec<_> = headers.iter().map(line).collect();
    lines.sort();
    lines
}
