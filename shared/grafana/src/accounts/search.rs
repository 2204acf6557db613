//! Lists of service accounts: filtered, paged, counted.

use auth::Action;
use axum::extract::{Query, RawQuery, State};
use axum::response::{IntoResponse, Response};
use store::{ServiceAccount, Store};

use crate::answer::ok;
use crate::wire::service_account::{Listed, Page, access};

/// How many a page has unless something else is asked for.
const PER_PAGE: usize = 1_000;

/// What a search asks for. What cannot be read is as if it were not there, as in Grafana.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    text: String,
    page: usize,
    per_page: usize,
    only_disabled: bool,
    only_expired: bool,
}

/// Searches service accounts, a page at a time. A parameter that cannot be read is as if it were not there.
#[utoipa::path(
    get,
    path = "/api/serviceaccounts/search",
    tag = "accounts",
    operation_id = "searchServiceAccounts",
    params(
        ("query" = Option<String>, Query, description = "What the name or the login must contain, in any case."),
        ("page" = Option<String>, Query, description = "Which page, from 1."),
        ("perpage" = Option<String>, Query, description = "How many a page has; 1,000 unless it is said."),
        ("disabled" = Option<String>, Query, description = "`true` shows only those that are disabled."),
        ("expiredTokens" = Option<String>, Query, description = "`true` shows only those with an expired token."),
        ("accesscontrol" = Option<String>, Query, description = "`true` adds what the caller may do with them."),
    ),
    responses(
        (status = 200, description = "A page, empty after the last", body = Page),
    ),
)]
pub(super) async fn search(
    State(store): State<Store>,
    web::Caller(caller): web::Caller,
    Query(query): Query<Vec<(String, String)>>,
    RawQuery(raw): RawQuery,
) -> Result<Response, web::Error> {
    let permit = caller.allow(Action::ReadAccounts)?;
    let asked = Asked::of(&query);
    let mut found = Vec::new();
    for account in store.accounts(&permit).await? {
        if asked.fits(&account)
            && (!asked.only_expired || has_expired(&store, &permit, &account).await?)
        {
            found.push(account);
        }
    }
    let access = asks_for_access(raw.as_deref()).then(|| access(&caller));
    let shown = found.iter().skip(asked.skipped()).take(asked.per_page);
    let page = Page {
        total_count: found.len(),
        service_accounts: shown.map(|account| Listed::new(account, access.clone())).collect(),
        page: asked.page,
        per_page: asked.per_page,
    };
    Ok(ok(page).into_response())
}

async fn has_expired(
    store: &Store,
    permit: &auth::Permit,
    account: &ServiceAccount,
) -> Result<bool, store::Error> {
    let now = store::seconds_now();
    let tokens = store.tokens(permit, account.id).await?;
    Ok(tokens.iter().any(|token| token.limits.have_ended(now)))
}

/// Tells whether a request asks what its caller may do.
pub(super) fn asks_for_access(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.split('&').any(|pair| pair == "accesscontrol=true"))
}

impl Asked {
    fn of(query: &[(String, String)]) -> Self {
        let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        let number = |name: &str, default: usize| {
            let read = value(name).and_then(|text| text.parse().ok());
            read.filter(|number| *number > 0).unwrap_or(default)
        };
        let flag = |name: &str| {
            let words = ["1", "t", "T", "true", "TRUE", "True"];
            value(name).is_some_and(|text| words.contains(&text.as_str()))
        };
        let only_disabled = flag("disabled");
        Self {
            text: value("query").map(|text| text.to_lowercase()).unwrap_or_default(),
            page: number("page", 1),
            per_page: number("perpage", PER_PAGE),
            only_disabled,
            // One filter holds, and this is the one that gives way.
            only_expired: flag("expiredTokens") && !only_disabled,
        }
    }

    fn fits(&self, account: &ServiceAccount) -> bool {
        let named = || {
            account.name.to_lowercase().contains(&self.text) || account.login().contains(&self.text)
        };
        (!self.only_disabled || account.disabled) && (self.text.is_empty() || named())
    }

    fn skipped(&self) -> usize {
        (self.page - 1).saturating_mul(self.per_page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Asked {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Asked::of(&pairs.collect::<Vec<_>>())
    }

    #[test]
    fn what_cannot_be_read_is_as_if_it_were_not_there() {
        let default = asked(&[]);
        assert_eq!((default.page, default.per_page, default.skipped()), (1, 1_000, 0));
        for bad in ["", "0", "-1", "x", "1e3", "99999999999999999999"] {
            assert_eq!(asked(&[("page", bad), ("perpage", bad)]), default, "{bad}");
        }
        let huge = asked(&[("page", "18446744073709551615"), ("perpage", "9")]);
        assert_eq!(huge.skipped(), usize::MAX);
        assert_eq!(asked(&[("page", "3"), ("perpage", "10"), ("page", "9")]).skipped(), 20);
    }

    #[test]
    fn one_filter_holds() {
        let both = asked(&[("disabled", "true"), ("expiredTokens", "1")]);
        assert!(both.only_disabled && !both.only_expired);
        assert!(asked(&[("expiredTokens", "T")]).only_expired);
        assert!(!asked(&[("disabled", "yes")]).only_disabled);
    }
}
