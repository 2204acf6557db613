//! What a command works on: a data folder or the tables of AWS.

use std::path::{Path, PathBuf};

use sourcegate_core::OrgId;
use store::{Admin, Aws, Config, Endpoint, Keyring, Store, Vault};

use crate::engine::Engine;
use crate::first_start;
use crate::server::connect;

/// The tables, and whoever wraps their keys.
pub(crate) struct Target {
    admin: Admin,
    place: Place,
}

enum Place {
    Folder(PathBuf),
    Aws(Aws),
}

impl Target {
    /// Opens a data folder beside a server that may be running on it.
    pub(crate) async fn folder(data: &Path) -> anyhow::Result<Self> {
        anyhow::ensure!(
            data.join("key").exists(),
            "{} is no data folder yet; start sourcegate on it first, or give --data another folder",
            data.display()
        );
        let engine = Engine::open_beside(data)?;
        let store = connect(engine.http_client());
        Ok(Self { admin: Admin::new(store), place: Place::Folder(data.to_owned()) })
    }

    /// Takes the tables of AWS, with the credentials of the process.
    pub(crate) async fn aws() -> anyhow::Result<Self> {
        let aws = Aws::read(web::env)?;
        let store = Store::connect(Config::read(web::env), Endpoint::Aws(aws.clone()));
        Ok(Self { admin: Admin::new(store), place: Place::Aws(aws) })
    }

    /// Gives the way to the tables.
    pub(crate) fn admin(&self) -> &Admin {
        &self.admin
    }

    /// Gives the data folder, if it is one.
    pub(crate) fn data(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder(data) => Some(data),
            Place::Aws(_) => None,
        }
    }

    /// Gives whoever wraps the organisations' keys: the folder's key file, `SOURCEGATE_KEY_FILE`, or KMS with the key that
    /// `SOURCEGATE_KMS_KEY` names.
    pub(crate) async fn keyring(&self) -> anyhow::Result<Keyring> {
        match &self.place {
            Place::Folder(data) => first_start::keyring(data),
            Place::Aws(aws) => Ok(Keyring::read(web::env, aws)?),
        }
    }

    /// Gives the opener of secrets.
    pub(crate) async fn vault(&self) -> anyhow::Result<Vault> {
        Ok(Vault::new(self.keyring().await?, self.admin.store().deployment().to_owned()))
    }

    /// Makes sure that an organisation is there.
    pub(crate) async fn expect_org(&self, org: OrgId) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.admin.has_org(org).await?,
            "organisation {org} does not exist; `sourcegate admin orgs` lists those that do"
        );
        Ok(())
    }
}
