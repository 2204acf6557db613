//! `admin bootstrap`: the first organisation and its administrator. Of two that race one wins, the other is told so.

use std::path::Path;

use auth::Role;
use secrecy::ExposeSecret;
use serde_json::json;
use sourcegate_core::OrgId;
use store::{Admin, Rights};

use super::said::Said;
use super::target::Target;
use crate::engine::Engine;
use crate::first_start::{self, ADMIN};
use crate::server::connect;

/// Does what a first start does, and starts nothing.
pub(crate) async fn in_folder(data: &Path) -> anyhow::Result<Said> {
    // The lock keeps a server and another bootstrap away while key and credentials are written.
    let engine = Engine::open(data)?;
    let admin = Admin::new(connect(engine.http_client()));
    let keyring = first_start::keyring(data)?;
    let chosen = web::env("SOURCEGATE_ADMIN_PASSWORD");
    let made = first_start::administrator(&admin, &keyring, data, chosen).await?;
    let file = made.file.display();
    anyhow::ensure!(made.is_new, "{}; credentials in {file}", there_is_one());
    let data = data.display();
    let text = format!(
        "made the administrator `{ADMIN}`; credentials in {file}\n\
         try:\n  sourcegate --data {data}\n  sourcegate admin --data {data} token --role viewer\n"
    );
    let json = json!({ "login": ADMIN, "org": OrgId::MAIN.get(), "file": made.file });
    Ok(Said::new(text, json))
}

/// Does it in tables that the template made. The credentials are told once.
pub(crate) async fn on_aws(target: &Target) -> anyhow::Result<Said> {
    let (admin, keyring) = (target.admin(), target.keyring().await?);
    admin.bootstrap(&keyring).await?;
    anyhow::ensure!(!admin.has_user(ADMIN).await?, there_is_one());
    let password = first_start::new_password()?;
    let rights = Rights { role: Role::Admin, is_server_admin: true };
    // Who makes the user has won; nothing was given to whoever has not.
    let made = admin.create_user(OrgId::MAIN, ADMIN, &password, rights).await?;
    anyhow::ensure!(made, there_is_one());
    let token = admin.create_token(OrgId::MAIN, Role::Admin).await?.text;
    let (password, token) = (password.expose_secret(), token.expose_secret());
    let text = format!(
        "SOURCEGATE_ADMIN_PASSWORD='{password}'\nSOURCEGATE_ADMIN_TOKEN='{token}'\n\
         # made the administrator `{ADMIN}`; these lines are told once. try, with your API's address:\n\
         #   curl -sS -H \"Authorization: Bearer $SOURCEGATE_ADMIN_TOKEN\" $API/api/datasources\n"
    );
    let org = OrgId::MAIN.get();
    let json = json!({ "login": ADMIN, "org": org, "password": password, "token": token });
    Ok(Said::new(text, json))
}

fn there_is_one() -> String {
    format!(
        "there is an administrator already; `sourcegate admin password {ADMIN}` gives him another password, \
         `sourcegate admin token --role admin` makes a token"
    )
}
