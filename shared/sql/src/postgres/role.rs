//! What a role may do that a transaction which cannot write does not hold.

use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use super::refusal;
use crate::Error;

/// Asks all at once. `MEMBER` counts what `SET ROLE` would give; a superuser is a member of all.
///
/// The functions are those by which an extension connects to somebody else, with the database's hands and without its
/// transaction; what they have opened, `DISCARD ALL` does not close. Those of `dblink` that only take a connection's name are harmless without.
const QUESTION: &str = "WITH taken AS (SELECT oid FROM pg_catalog.pg_roles WHERE pg_catalog.pg_has_role(session_user, oid, 'MEMBER')),
listed (extension, function) AS (VALUES ('dblink', 'dblink'), ('dblink', 'dblink_connect'), ('dblink', 'dblink_connect_u'), ('dblink', 'dblink_exec'),
('http', 'http'), ('http', 'http_set_curlopt'), ('pg_background', 'pg_background_launch'), ('pg_background', 'pg_background_launch_v2'),
('aws_lambda', 'invoke'), ('aws_s3', 'query_export_to_s3'))
SELECT (SELECT bool_or(own.rolsuper OR own.rolreplication OR pg_catalog.pg_has_role(own.oid, other.oid, 'MEMBER'))
FROM pg_catalog.pg_roles own LEFT JOIN pg_catalog.pg_roles other
ON other.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files') OR (other.rolsuper AND other.oid <> own.oid)
WHERE own.rolname = session_user),
(SELECT pg_catalog.string_agg(f.oid::pg_catalog.regprocedure::text, ', ' ORDER BY f.oid)
FROM listed JOIN pg_catalog.pg_extension e ON e.extname = listed.extension
JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid
AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.deptype = 'e'
JOIN pg_catalog.pg_proc f ON f.oid = d.objid AND f.proname = listed.function
WHERE (f.proname NOT IN ('dblink', 'dblink_exec') OR f.proargtypes[1] = 'pg_catalog.text'::pg_catalog.regtype)
AND EXISTS (SELECT FROM taken WHERE pg_catalog.has_function_privilege(taken.oid, f.oid, 'EXECUTE')
AND pg_catalog.has_schema_privilege(taken.oid, f.pronamespace, 'USAGE')))";

/// How much of the names that a server tells is told on.
const MOST_CHARACTERS: usize = 500;

/// What a role may do beyond tables.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Powers {
    /// It is a superuser, or may use files, programs or replication.
    reaches_out: bool,
    /// Functions that connect to somebody else, as SQL names them.
    functions: Option<String>,
}

impl Powers {
    /// Asks the server about the role of a session.
    pub(super) async fn of(client: &Client) -> Result<Self, Error> {
        let answer = client.simple_query(QUESTION).await.map_err(refusal::of_connection)?;
        let row = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let value = |place| row.and_then(|row: &SimpleQueryRow| row.try_get(place).ok().flatten());
        // Nothing to read means that nothing is known.
        Ok(Self { reaches_out: value(0) != Some("f"), functions: value(1).map(told) })
    }

    /// Tells whether what a caller leaves behind can be there for the next in spite of all.
    pub(super) fn leave_traces(&self) -> bool {
        self.functions.is_some()
    }

    /// Refuses a role that has any.
    pub(super) fn check(self) -> Result<(), Error> {
        match self {
            Self { reaches_out: true, .. } => Err(Error::DangerousRole),
            Self { functions: Some(functions), .. } => Err(Error::DangerousFunctions(functions)),
            Self { .. } => Ok(()),
        }
    }
}

fn told(names: &str) -> String {
    names.chars().filter(|c| !c.is_control()).take(MOST_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use sourcegate_core::Classify as _;

    use super::*;

    #[test]
    fn a_role_with_powers_is_refused_with_the_way_out() {
        let none = Powers { reaches_out: false, functions: None };
        assert!(!none.leave_traces());
        none.check().unwrap();
        let functions = Some("dblink_connect(text)".to_owned());
        let some = Powers { reaches_out: false, functions: functions.clone() };
        assert!(some.leave_traces());
        let error = some.check().unwrap_err();
        assert_eq!(error.cause(), Some("dangerous_role"));
        let way_out = "revoke execute on function dblink_connect(text) from public";
        assert!(error.public().contains(way_out), "{error}");
        let both = Powers { reaches_out: true, functions };
        assert!(matches!(both.check(), Err(Error::DangerousRole)));
    }

    #[test]
    fn a_name_is_told_in_one_line_of_bounded_length() {
        assert_eq!(told("a\r\n\u{1b}(text)"), "a(text)");
        assert_eq!(told(&"é".repeat(5_000)).chars().count(), MOST_CHARACTERS);
    }
}
