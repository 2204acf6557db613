//! The command line of the local binary; every flag is a variable too.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{FalseyValueParser, OsStringValueParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum};
use grafana::{Compat, Settings};
use perses::SqlFormat;
use sourcegate_core::Cidr;

use crate::admin::AdminArgs;
use crate::verify::VerifyArgs;

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

    /// Whose answers clients get: Grafana 13's, Grafana 9's, or Amazon Managed Grafana's.
    #[arg(long, env = "SOURCEGATE_GRAFANA_COMPAT", value_name = "13|9|amg", default_value = "13")]
    pub grafana_compat: Compat,

    /// How many data sources a list holds at most.
    #[arg(
        long,
        env = "SOURCEGATE_DATASOURCE_LIMIT",
        value_name = "NUMBER",
        value_parser = Settings::parse_limit,
        default_value = "5000"
    )]
    pub datasource_limit: usize,

    /// How answers to SQL statements are written where the caller's Accept leaves it open: CSV, or JSON as by Perses.
    #[arg(long, env = "SOURCEGATE_SQL_FORMAT", value_name = "csv|json", default_value = "csv")]
    pub sql_format: SqlFormat,

    /// A folder of data sources in Grafana's provisioning files: `datasources/*.yaml` below it, or its own.
    #[arg(long, env = "SOURCEGATE_PROVISIONING", value_name = "DIR", value_parser = path())]
    pub provisioning: Option<PathBuf>,

    /// How the log is written: text on standard error, JSON on standard output.
    #[arg(long, env = "SOURCEGATE_LOG_FORMAT", value_enum, default_value = "text")]
    pub log: LogFormat,

    /// Starts a password-protected upstream to play with, and registers it.
    #[arg(long, env = "SOURCEGATE_DEMO", value_parser = FalseyValueParser::new())]
    pub demo: bool,
}

/// Reads a path; clap's own reading refuses a variable that is set to nothing.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// What the binary does beside serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Operator's commands: first administrator, tokens, users, archives, a check of the tables.
    ///
    /// They work on the data folder, also beside a server that runs on it, or with --aws on the tables of AWS.
    Admin(AdminArgs),

    /// Tries on a running gateway, deployed ones above all, what it promises to withstand.
    ///
    /// It uses throw-away data sources alone and removes them.
    Verify(VerifyArgs),
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
