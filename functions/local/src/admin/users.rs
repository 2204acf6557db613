//! `admin user`, `admin password` and `admin orgs`.

use std::fmt::Write as _;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use store::{Rights, User};

use super::password::chosen;
use super::said::Said;
use super::target::Target;
use super::{InOrg, NewPassword, RoleName, UserCommand};
use crate::first_start::{self, ADMIN};

/// The longest login, as everywhere.
const LONGEST_LOGIN: usize = 190;

/// Runs `admin user …`.
pub(crate) async fn run(target: &Target, what: &UserCommand) -> anyhow::Result<Said> {
    match what {
        UserCommand::Create { login, role, org, server_admin, new } => {
            let wanted = Wanted { login, role: *role, org, is_server_admin: *server_admin };
            create(target, &wanted, new).await
        }
        UserCommand::List => list(target).await,
        UserCommand::Disable { login } => set_disabled(target, login, true).await,
        UserCommand::Enable { login } => set_disabled(target, login, false).await,
    }
}

struct Wanted<'a> {
    login: &'a str,
    role: RoleName,
    org: &'a InOrg,
    is_server_admin: bool,
}

async fn create(target: &Target, wanted: &Wanted<'_>, new: &NewPassword) -> anyhow::Result<Said> {
    let Wanted { login, role, org, is_server_admin } = *wanted;
    // As those that come over the API.
    let login = login.trim();
    // A colon would end the login early in basic authentication.
    let fits = (1..=LONGEST_LOGIN).contains(&login.len())
        && !login.contains(|c: char| c.is_control() || c == ':');
    anyhow::ensure!(
        fits,
        "a login has 1 to {LONGEST_LOGIN} bytes, no colon and no control character"
    );
    target.expect_org(org.id).await?;
    let chosen = chosen(new)?;
    let rights = Rights { role: role.into(), is_server_admin };
    let made = target.admin().create_user(org.id, login, &chosen.password, rights).await?;
    anyhow::ensure!(
        made,
        "login `{login}` is taken; `sourcegate admin password` gives it another password"
    );
    let password = chosen.was_drawn.then(|| chosen.password.expose_secret());
    let role = rights.role.as_str();
    let mut text = format!("made user `{login}`, {role} of organisation {}\n", org.id);
    tell(&mut text, password);
    let json = json!({ "login": login, "org": org.id.get(), "role": role, "password": password });
    Ok(Said::new(text, json))
}

async fn list(target: &Target) -> anyhow::Result<Said> {
    let users = target.admin().users().await?;
    let mut text = String::new();
    for user in &users {
        let orgs: Vec<_> = user.orgs.iter().map(|(org, role)| format!("{org}:{role}")).collect();
        let server = if user.is_server_admin { " server-admin" } else { "" };
        let out = if user.disabled { " disabled" } else { "" };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}\t{}\t{}{server}{out}", user.id, user.login, orgs.join(","));
    }
    let json: Vec<_> = users.iter().map(shown).collect();
    Ok(Said::new(text, Value::Array(json)))
}

fn shown(user: &User) -> Value {
    let orgs =
        user.orgs.iter().map(|(org, role)| json!({ "id": org.get(), "role": role.as_str() }));
    json!({
        "id": user.id,
        "login": user.login,
        "name": user.name,
        "email": user.email,
        "disabled": user.disabled,
        "serverAdmin": user.is_server_admin,
        "orgs": orgs.collect::<Vec<_>>(),
    })
}

async fn set_disabled(target: &Target, login: &str, disabled: bool) -> anyhow::Result<Said> {
    let there = target.admin().set_disabled(login, disabled).await?;
    anyhow::ensure!(there, "{}", nobody(login));
    let done = if disabled { "is shut out, everywhere within 5 s" } else { "may log in again" };
    let json = json!({ "login": login, "disabled": disabled });
    Ok(Said::new(format!("`{login}` {done}\n"), json))
}

fn nobody(login: &str) -> String {
    format!("there is no user `{login}`; `sourcegate admin user list` lists those that there are")
}

/// Runs `admin password`.
pub(crate) async fn password(
    target: &Target,
    login: &str,
    new: &NewPassword,
) -> anyhow::Result<Said> {
    // Asked before anything is typed.
    anyhow::ensure!(target.admin().has_user(login).await?, "{}", nobody(login));
    let chosen = chosen(new)?;
    let there = target.admin().set_password(login, &chosen.password).await?;
    anyhow::ensure!(there, "{}", nobody(login));
    let mut text =
        format!("`{login}` has a new password; the old one is dead, everywhere within 5 s\n");
    if let Some(data) = target.data().filter(|_| login.eq_ignore_ascii_case(ADMIN)) {
        let file = data.join("admin");
        let line = match first_start::note_password(data, &chosen.password)? {
            true => format!("{} holds it\n", file.display()),
            false => format!("{} does not hold it\n", file.display()),
        };
        text.push_str(&line);
    }
    let password = chosen.was_drawn.then(|| chosen.password.expose_secret());
    tell(&mut text, password);
    Ok(Said::new(text, json!({ "login": login, "password": password })))
}

fn tell(text: &mut String, password: Option<&str>) {
    if let Some(password) = password {
        let _ = writeln!(text, "password, told once: {password}");
    }
}

/// Runs `admin orgs`.
pub(crate) async fn orgs(target: &Target) -> anyhow::Result<Said> {
    let orgs = target.admin().orgs().await?;
    let text = orgs.iter().map(|org| format!("{}\t{}\n", org.id, org.name)).collect::<String>();
    let json = orgs.iter().map(|org| json!({ "id": org.id.get(), "name": org.name }));
    Ok(Said::new(text, Value::Array(json.collect())))
}
