//! What the local binary says when it has started: what it did, and what to try next.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use grafana::provisioning::Report;

use crate::demo::{self, Demo};
use crate::first_start::Administrator;

/// What there is to tell.
pub(crate) struct Started<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) data: &'a Path,
    pub(crate) administrator: &'a Administrator,
    pub(crate) demo: Option<&'a Demo>,
    pub(crate) provisioned: Option<(&'a Path, &'a Report)>,
    pub(crate) dynamodb: Option<SocketAddr>,
}

/// Writes the text; the credentials themselves are in the file that it names.
pub(crate) fn text(started: &Started<'_>) -> String {
    let Started { address, data, administrator, demo, provisioned, dynamodb } = started;
    let file = administrator.file.display();
    let mut text = format!("sourcegate listens on http://{address}, data in {}\n", data.display());
    let made = if administrator.is_new {
        "made an administrator; credentials in"
    } else {
        "administrator's credentials:"
    };
    // Writing to a string does not fail.
    let _ = writeln!(text, "{made} {file}");
    if let Some(dynamodb) = dynamodb {
        let _ = writeln!(
            text,
            "offers its tables on http://{dynamodb}; access in {}",
            data.join("dynamodb").display()
        );
    }
    if let Some((folder, report)) = provisioned {
        let _ = writeln!(text, "data sources from {}: {report}", folder.display());
        for problem in &report.problems {
            let _ = writeln!(text, "REFUSED {problem}");
        }
    }
    if let Some(Demo { upstream, database }) = demo {
        let _ = writeln!(
            text,
            "demo: a password-protected upstream on http://{upstream}, registered as `{}`",
            demo::PROMETHEUS
        );
        let said = match database {
            Some(database) => {
                format!("a PostgreSQL on {}, registered as `Demo SQL`", database.address())
            }
            None => "no database, since PostgreSQL was not found on this machine".to_owned(),
        };
        let _ = writeln!(text, "demo: {said}");
    }
    let _ = write!(text, "try:\n{}", commands(started));
    text
}

fn commands(started: &Started<'_>) -> String {
    let file = shell_word(&started.administrator.file);
    let base = format!("http://{}/api", started.address);
    let bearer = r#"-H "Authorization: Bearer $SOURCEGATE_ADMIN_TOKEN""#;
    let list = format!("  . {file}; curl -sS {bearer} {base}/datasources\n");
    let Some(demo) = started.demo else { return list };
    let source = demo::PROMETHEUS;
    let query = format!(
        "  . {file}; curl -sS {bearer} '{base}/datasources/proxy/uid/{source}/api/v1/query?query=up'\n"
    );
    let basic = r#"-u "admin:$SOURCEGATE_ADMIN_PASSWORD""#;
    let one = format!("  . {file}; curl -sS {basic} {base}/datasources/uid/{source}\n");
    let sql = demo.database.as_ref().map(|_| {
        let url = format!("http://{}/proxy/globaldatasources/demo%20sql", started.address);
        let statement = r#"{"query": "select host, avg(percent) from cpu group by host"}"#;
        format!("  . {file}; curl -sS {bearer} {url} -d '{statement}'\n")
    });
    format!("{list}{query}{one}{}", sql.unwrap_or_default())
}

/// Writes a path so that a shell reads it as one word and as it stands.
fn shell_word(path: &Path) -> String {
    let path = path.to_string_lossy();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,:@%".contains(&byte);
    match path.bytes().all(is_plain) {
        true => path.into_owned(),
        false => format!("'{}'", path.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_prints_three_commands_that_start_with_the_credentials() {
        let file = Path::new("./.sourcegate/admin").to_owned();
        let administrator = Administrator { file, is_new: true };
        let started = Started {
            address: ([127, 0, 0, 1], 3000).into(),
            data: Path::new("./.sourcegate"),
            administrator: &administrator,
            demo: Some(&Demo { upstream: ([127, 0, 0, 1], 4000).into(), database: None }),
            provisioned: None,
            dynamodb: None,
        };
        let text = text(&started);
        let commands: Vec<_> = text.lines().filter(|line| line.contains("curl")).collect();
        assert_eq!(commands.len(), 3);
        assert!(
            commands.iter().all(|line| line.starts_with("  . ./.sourcegate/admin; curl ")),
            "{text}"
        );
    }
}
