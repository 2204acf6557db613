//! The command line of the local binary; every flag is a variable too.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Parser, Subcommand, ValueEnum};
use sourcegate_core::Cidr;

/// One door to every data source: register once, proxy without ever seeing a credential.
#[derive(Debug, Parser)]
#[command(name = "sourcegate", version, about, max_term_width = 100)]
pub struct Args {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The folder of the store, the key and the administrator's credentials.
    #[arg(long, env = "SOURCEGATE_DATA", default_value = "./.sourcegate", global = true)]
    pub data: PathBuf,

    /// The address to listen on.
    #[arg(long, env = "SOURCEGATE_LISTEN", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,

    /// Host names that requests may be for, beside localhost, 127.0.0.1, ::1 and the listen address.
    #[arg(long, env = "SOURCEGATE_HOST", value_name = "NAME,…", value_delimiter = ',')]
    pub host: Vec<String>,

    /// Networks that data sources may be in, beside public addresses. Replaces the default: loopback and the private
    /// networks.
    #[arg(long, env = "SOURCEGATE_EGRESS_ALLOW", value_name = "CIDR,…", value_delimiter = ',')]
    pub egress_allow: Option<Vec<Cidr>>,

    /// Offers the embedded engine to Lambda processes on this machine, on a loopback or private address.
    #[arg(long, env = "SOURCEGATE_DYNAMODB_LISTEN", value_name = "ADDR")]
    pub dynamodb_listen: Option<SocketAddr>,

    /// A folder of data sources in Grafana's provisioning files: `datasources/*.yaml` below it, or its own.
    #[arg(long, env = "SOURCEGATE_PROVISIONING", value_name = "DIR")]
    pub provisioning: Option<PathBuf>,

    /// How the log is written: text on standard error, JSON on standard output.
    #[arg(long, env = "SOURCEGATE_LOG_FORMAT", value_enum, default_value = "text")]
    pub log: LogFormat,

    /// Starts a password-protected upstream to play with, and registers it.
    #[arg(long, env = "SOURCEGATE_DEMO", value_parser = FalseyValueParser::new())]
    pub demo: bool,
}

/// What an operator does against the data folder; a server may be running on it.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Who may do what.
    Admin {
        /// Which part.
        #[command(subcommand)]
        what: AdminCommand,
    },
}

/// What `sourcegate admin` does.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Makes a service account with a token and prints the token, once.
    Token {
        /// What the token may do: read and query, the same, everything.
        #[arg(long, value_enum)]
        role: RoleName,
    },
}

/// The roles that a token can have.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum RoleName {
    /// Reads and queries.
    Viewer,
    /// As a viewer, and the writing routes of data sources that ask for it.
    Editor,
    /// Everything.
    Admin,
}

impl From<RoleName> for auth::Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Viewer => Self::Viewer,
            RoleName::Editor => Self::Editor,
            RoleName::Admin => Self::Admin,
        }
    }
}

/// The two forms of the log.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line on standard output.
    Json,
    /// Text on standard error.
    Text,
}

impl From<LogFormat> for web::telemetry::Format {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Json => Self::Json,
            LogFormat::Text => Self::Text,
        }
    }
}
