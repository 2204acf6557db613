//! The command line of `sourcegate admin`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use sourcegate_core::OrgId;

/// What `sourcegate admin` is told.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub struct AdminArgs {
    /// Works on the tables of AWS: those that SOURCEGATE_TABLE_ACCESS, _REGISTRY and _SCRATCH name, of
    /// SOURCEGATE_DEPLOYMENT, with the key that SOURCEGATE_KMS_KEY names.
    #[arg(long, global = true)]
    pub aws: bool,

    /// For scripts: one JSON document on standard output, errors as JSON on standard error.
    #[arg(long, global = true)]
    pub json: bool,

    /// Which command.
    #[command(subcommand)]
    pub what: AdminCommand,
}

const EXIT_CODES: &str = "Exit codes:
  0  done
  1  it failed; fsck: something was found; reseal: a secret was left
  2  wrong usage; fsck: the check itself failed";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Makes the first organisation and its administrator, and says what to try.
    Bootstrap,

    /// Makes a service account with a token and prints the token, once.
    Token {
        /// What the token may do: read and query, the same, everything.
        #[arg(long, value_enum)]
        role: RoleName,
        /// In which organisation.
        #[command(flatten)]
        org: InOrg,
        /// What the service account and its token are called; without one it is the role and a number.
        #[arg(long)]
        name: Option<String>,
        /// How long the token lives, such as 90d, 12h, 30m or 45s; without it for ever.
        #[arg(long, value_parser = duration)]
        ttl: Option<Duration>,
    },

    /// Gives a user another password.
    Password {
        /// Whose.
        login: String,
        /// Where it comes from.
        #[command(flatten)]
        new: NewPassword,
    },

    /// Makes and lists users, shuts them out and lets them in.
    User {
        /// What to do.
        #[command(subcommand)]
        what: UserCommand,
    },

    /// Lists the organisations.
    Orgs,

    /// Writes data sources and Perses' documents with their secrets into a file that only a passphrase opens.
    ///
    /// The whole file is encrypted in the format of age; `age -d` opens it, too.
    Export {
        /// The file to write.
        file: PathBuf,
        /// Of which organisation; without one, of all.
        #[arg(long, value_parser = org)]
        org: Option<OrgId>,
        /// Replaces a file that is there.
        #[arg(long)]
        force: bool,
        /// Where it comes from.
        #[command(flatten)]
        passphrase: Passphrase,
    },

    /// Reads data sources and documents from a file that `export` wrote, and seals their secrets to the keys here.
    ///
    /// Uids, names, permissions, owners and bindings stay, those of users who were put out and let in again since too. An import that broke off goes on with --on-conflict skip.
    Import {
        /// The file to read.
        file: PathBuf,
        /// The organisation that they go to; without one, those that the file names.
        #[arg(long, value_parser = org)]
        org: Option<OrgId>,
        /// What to do with what is there already, by uid or name. `fail` writes nothing if there is any.
        #[arg(long, value_enum, default_value = "fail")]
        on_conflict: OnConflict,
        /// Where it comes from.
        #[command(flatten)]
        passphrase: Passphrase,
    },

    /// Makes new key pairs, which secrets are sealed to from now on. What was sealed before still opens.
    Rotate {
        /// Whose; without one, those of all organisations.
        #[arg(long, value_parser = org)]
        org: Option<OrgId>,
    },

    /// Seals to the current keys what is sealed to older ones, and removes those that nothing needs any more.
    ///
    /// Goes on where an earlier one broke off. A key is removed when a second pass, begun after a pause, finds nothing of it.
    /// Backups of the tables from before need the removed keys: restore those tables together.
    Reseal {
        /// Whose; without one, those of all organisations.
        #[arg(long, value_parser = org)]
        org: Option<OrgId>,
        /// How long to wait between the passes, such as 60s: longer than saving a data source can take.
        #[arg(long, value_parser = duration, default_value = "60s")]
        pause: Duration,
    },

    /// Checks that the tables hold together: one line for each finding.
    Fsck {
        /// Puts right what can be put right.
        #[arg(long)]
        repair: bool,
    },
}

/// What to do with users.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Makes one.
    Create {
        /// What he logs in as.
        login: String,
        /// His role in the organisation.
        #[arg(long, value_enum)]
        role: RoleName,
        /// In which organisation.
        #[command(flatten)]
        org: InOrg,
        /// Lets him administer the whole server.
        #[arg(long)]
        server_admin: bool,
        /// Where it comes from.
        #[command(flatten)]
        new: NewPassword,
    },
    /// Lists all.
    List,
    /// Shuts one out everywhere.
    Disable {
        /// Whom.
        login: String,
    },
    /// Lets one in again.
    Enable {
        /// Whom.
        login: String,
    },
}

/// An organisation, the first one by default.
#[derive(Debug, Args)]
pub struct InOrg {
    /// The organisation.
    #[arg(long = "org", value_parser = org, default_value = "1")]
    pub id: OrgId,
}

/// Where a new password comes from.
#[derive(Debug, Args)]
pub struct NewPassword {
    /// Draws a password and prints it, once. Without it one is asked for at the terminal, or read from standard input.
    #[arg(long)]
    pub generate: bool,
}

/// Where a passphrase comes from. Never from the command line, which others can read.
#[derive(Debug, Args)]
pub struct Passphrase {
    /// A file whose first line is the passphrase, or `-` for standard input. Without it one is asked for at the terminal.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// What to do with a data source that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnConflict {
    /// Leave it as it is.
    Skip,
    /// Make it what the file says.
    Replace,
    /// Write nothing at all.
    Fail,
}

/// The roles that an operator gives.
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

fn org(text: &str) -> Result<OrgId, String> {
    let id = text.parse().map_err(|_| "not a number".to_owned())?;
    OrgId::new(id).map_err(|bad| bad.to_string())
}

/// Reads a number and its unit: seconds, minutes, hours or days.
fn duration(text: &str) -> Result<Duration, String> {
    let bad = || "a number and its unit, such as 90d, 12h, 30m or 45s".to_owned();
    let unit = text.chars().last().ok_or_else(bad)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(bad()),
    };
    let number = text.strip_suffix(unit).and_then(|number| number.parse::<u32>().ok());
    match number {
        Some(number @ 1..) => Ok(Duration::from_secs(u64::from(number) * seconds)),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        for (text, seconds) in [("1s", 1), ("2m", 120), ("3h", 10_800), ("90d", 7_776_000)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)));
        }
        for bad in ["", "d", "0d", "-1d", "1", "1w", "1.5h", "5000000000d", "1é"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
