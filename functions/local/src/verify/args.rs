//! The command line of `sourcegate verify`.

use std::net::SocketAddr;

use clap::Args;
use secrecy::SecretString;

/// What `sourcegate verify` is told.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct VerifyArgs {
    /// What clients take for the url of their Grafana, such as `https://….execute-api.eu-central-1.amazonaws.com/live`.
    pub url: String,

    /// A token that may create data sources. Better as the variable: other users of this machine see arguments.
    #[arg(long, env = "SOURCEGATE_ADMIN_TOKEN", hide_env_values = true)]
    pub token: SecretString,

    /// A token of another organisation, which must see nothing of the first.
    #[arg(long, env = "SOURCEGATE_OTHER_TOKEN", hide_env_values = true)]
    pub other_token: Option<SecretString>,

    /// Where the throw-away upstream listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub echo_listen: SocketAddr,

    /// How the gateway reaches that upstream, if not by the address it listens on: `http://` and a host, through a tunnel
    /// for instance.
    #[arg(long, value_name = "URL")]
    pub echo_url: Option<String>,

    /// For scripts: one JSON document on standard output, errors as JSON on standard error.
    #[arg(long)]
    pub json: bool,
}

const EXIT_CODES: &str = "Exit codes:
  0  every promise was tried and held
  1  one is broken, or a throw-away data source could not be removed
  2  wrong usage, or nothing could be tried
  3  what was tried held, but something could not be tried";
