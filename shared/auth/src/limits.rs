//! What a token is limited to beside what its owner may do. No peer of ours has these; they only ever take away.

use std::net::IpAddr;
use std::sync::Arc;

use sourcegate_core::{Cidr, Classify, Incarnation, Kind};

use crate::Action;

/// Which data sources a grant is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All of the organisation, and what is about none of them.
    All,
    /// This one: not another one that is made later under its uid, name or number.
    Source(Incarnation),
}

/// One thing that a limited token may do, if its owner may.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// What it may do.
    pub action: Action,
    /// With which data sources.
    pub scope: Scope,
    /// The words in which the scope was asked for, which decide nothing; empty for what is about no data source.
    pub words: Arc<str>,
}

/// The limits of a token. The default limits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// All that it may do at most; none is all that its owner may.
    pub grants: Option<Vec<Grant>>,
    /// Where it may be used from; none is everywhere.
    pub networks: Option<Vec<Cidr>>,
    /// Whether it may only read: GET, HEAD, OPTIONS, and POST where a data source's type says that it reads.
    pub read_only: bool,
    /// When it ends, in seconds since 1970.
    pub expires: Option<i64>,
}

/// Says in what a token would not be weaker than the one that it is made with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exceeds {
    /// It would do more, or with more data sources.
    #[error(
        "permission `{0}` goes beyond this token's own; ask for less, or make the token as a user"
    )]
    Grant(Action),
    /// It would be used from more places.
    #[error("network {0} goes beyond this token's own; ask for less, or make the token as a user")]
    Network(Cidr),
    /// It would write.
    #[error("this token is read-only and can make read-only tokens only")]
    Methods,
    /// It would last longer.
    #[error("this token ends before the one that it would make; ask for at most {0} seconds")]
    Expiry(i64),
}

impl Classify for Exceeds {
    fn kind(&self) -> Kind {
        Kind::Forbidden
    }

    fn cause(&self) -> Option<&'static str> {
        Some("token_limits")
    }
}

impl Limits {
    /// Tells whether anything but its time is limited.
    #[must_use]
    pub fn are_any(&self) -> bool {
        self.grants.is_some() || self.networks.is_some() || self.read_only
    }

    /// Tells whether this may be done with all data sources, or is about none.
    #[must_use]
    pub fn allow_all(&self, action: Action) -> bool {
        self.granted(action, |scope| scope == Scope::All)
    }

    /// Tells whether this may be done with one data source.
    #[must_use]
    pub fn allow(&self, action: Action, source: Incarnation) -> bool {
        self.granted(action, |scope| scope == Scope::All || scope == Scope::Source(source))
    }

    /// Tells whether there is anything that this may be done with.
    #[must_use]
    pub fn allow_some(&self, action: Action) -> bool {
        self.granted(action, |_| true)
    }

    fn granted(&self, action: Action, fits: impl Fn(Scope) -> bool) -> bool {
        let Some(grants) = &self.grants else { return true };
        grants.iter().any(|grant| grant.action == action && fits(grant.scope))
    }

    /// Tells whether it may be used from an address. One that is not known lies in no network.
    #[must_use]
    pub fn admit(&self, peer: Option<IpAddr>) -> bool {
        let Some(networks) = &self.networks else { return true };
        peer.is_some_and(|peer| networks.iter().any(|network| network.contains(peer)))
    }

    /// Tells whether it is past its end, at a time in seconds since 1970.
    #[must_use]
    pub fn have_ended(&self, now: i64) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }

    /// Makes the limits of a token that is made with this one: what `asked` leaves open is as here, what it names must not
    /// go beyond. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// [`Exceeds`] with the first thing that would.
    pub fn narrowed(&self, asked: Self, now: i64) -> Result<Self, Exceeds> {
        let grants = match (&self.grants, asked.grants) {
            (own, None) => own.clone(),
            (None, asked) => asked,
            (Some(own), Some(asked)) => Some(within(own, asked)?),
        };
        let networks = match (&self.networks, asked.networks) {
            (own, None) => own.clone(),
            (None, asked) => asked,
            (Some(own), Some(asked)) => {
                let outside = |one: &&Cidr| !own.iter().any(|own| one.is_within(own));
                if let Some(one) = asked.iter().find(outside) {
                    return Err(Exceeds::Network(*one));
                }
                Some(asked)
            }
        };
        let expires = match (self.expires, asked.expires) {
            (Some(own), Some(asked)) if asked > own => return Err(Exceeds::Expiry(own - now)),
            (own, asked) => asked.or(own),
        };
        Ok(Self { grants, networks, read_only: self.read_only || asked.read_only, expires })
    }
}

fn within(own: &[Grant], asked: Vec<Grant>) -> Result<Vec<Grant>, Exceeds> {
    let covers = |grant: &Grant| {
        own.iter().any(|own| {
            own.action == grant.action && (own.scope == Scope::All || own.scope == grant.scope)
        })
    };
    match asked.iter().find(|grant| !covers(grant)) {
        Some(grant) => Err(Exceeds::Grant(grant.action)),
        None => Ok(asked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000;

    fn granting(all: &[(Action, Scope)]) -> Limits {
        let one = |(action, scope): &(Action, Scope)| {
            let words = Arc::from("datasources:*");
            Grant { action: *action, scope: *scope, words }
        };
        let grants = all.iter().map(one);
        Limits { grants: Some(grants.collect()), ..Limits::default() }
    }

    fn within_networks(all: &[&str]) -> Limits {
        let networks = all.iter().map(|text| text.parse().unwrap()).collect();
        Limits { networks: Some(networks), ..Limits::default() }
    }

    #[test]
    fn a17_grants_are_for_their_action_and_their_source() {
        let (a, b) = (Incarnation::new(), Incarnation::new());
        let limits = granting(&[(Action::Read, Scope::All), (Action::Query, Scope::Source(a))]);
        assert!(limits.allow(Action::Query, a) && !limits.allow(Action::Query, b));
        assert!(limits.allow(Action::Read, b) && limits.allow_all(Action::Read));
        assert!(!limits.allow_all(Action::Query) && limits.allow_some(Action::Query));
        assert!(!limits.allow_some(Action::Write));
        assert!(Limits::default().allow_all(Action::Write));
        assert!(!granting(&[]).allow_some(Action::Read));
    }

    #[test]
    fn a17_networks_hold_for_known_addresses_only() {
        let limits = within_networks(&["10.1.0.0/16", "fd00::/8"]);
        for (peer, admitted) in
            [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("10.2.0.0", false), ("fd01::1", true)]
        {
            assert_eq!(limits.admit(Some(peer.parse().unwrap())), admitted, "{peer}");
        }
        assert!(!limits.admit(None));
        assert!(Limits::default().admit(None));
        assert!(!within_networks(&[]).admit(Some([10, 1, 2, 3].into())));
    }

    #[test]
    fn d20_limits_end_at_their_time() {
        let limits = Limits { expires: Some(NOW), ..Limits::default() };
        assert!(
            !limits.have_ended(NOW - 1) && limits.have_ended(NOW) && limits.have_ended(NOW + 1)
        );
        assert!(!limits.are_any() && !Limits::default().have_ended(i64::MAX));
    }

    #[track_caller]
    fn check(own: &Limits, asked: &Limits, expected: Result<&Limits, &Exceeds>) {
        assert_eq!(own.narrowed(asked.clone(), NOW).as_ref(), expected);
    }

    #[test]
    fn what_is_left_open_is_as_strict_as_the_maker() {
        let own = Limits {
            read_only: true,
            expires: Some(NOW + 9),
            ..granting(&[(Action::Read, Scope::All)])
        };
        check(&own, &Limits::default(), Ok(&own));
        check(&Limits::default(), &own, Ok(&own));
    }

    #[test]
    fn a_token_makes_only_tokens_that_are_weaker_than_itself() {
        let (a, b) = (Scope::Source(Incarnation::new()), Scope::Source(Incarnation::new()));
        let own = granting(&[(Action::Read, Scope::All), (Action::Query, a)]);
        let less = granting(&[(Action::Read, b)]);
        check(&own, &less, Ok(&less));
        check(&own, &granting(&[(Action::Query, b)]), Err(&Exceeds::Grant(Action::Query)));
        check(&own, &granting(&[(Action::Query, Scope::All)]), Err(&Exceeds::Grant(Action::Query)));
        check(&own, &granting(&[(Action::Write, a)]), Err(&Exceeds::Grant(Action::Write)));

        let own = within_networks(&["10.0.0.0/8"]);
        let less = within_networks(&["10.1.0.0/16"]);
        check(&own, &less, Ok(&less));
        let more = "0.0.0.0/0".parse().unwrap();
        check(&own, &within_networks(&["10.1.0.0/16", "0.0.0.0/0"]), Err(&Exceeds::Network(more)));

        let own = Limits { expires: Some(NOW + 60), ..Limits::default() };
        let longer = Limits { expires: Some(NOW + 61), ..Limits::default() };
        check(&own, &longer, Err(&Exceeds::Expiry(60)));
        check(&own, &own, Ok(&own));
    }
}
