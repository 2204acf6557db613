//! Which data source a path names, and what follows its name.

use percent_encoding::percent_decode_str;
use sourcegate_core::{DocumentName, Scope, ScopedName};

use crate::Error;

/// Reads a path: which data source, and what follows its name without the one slash between them, byte for byte. Names are
/// decoded once.
pub(crate) fn target(path: &str) -> Result<(ScopedName, &str), Error> {
    let (wanted, tail) = match path.strip_prefix("/proxy/globaldatasources/") {
        Some(rest) => {
            let (name, tail) = cut(rest);
            (ScopedName { scope: Scope::Org, name: folded(name)? }, tail)
        }
        None => {
            let rest = path.strip_prefix("/proxy/projects/").unwrap_or_default();
            let (project, rest) = cut(rest);
            let project = DocumentName::parse(&decoded(project)?)?;
            match rest.strip_prefix("dashboards/") {
                Some(rest) => {
                    let (dashboard, rest) = cut(rest);
                    let dashboard = DocumentName::parse(&decoded(dashboard)?)?;
                    let (name, tail) = cut(rest.strip_prefix("datasources/").unwrap_or_default());
                    let scope = Scope::Dashboard { project, dashboard };
                    (ScopedName { scope, name: decoded(name)? }, tail)
                }
                None => {
                    let (name, tail) = cut(rest.strip_prefix("datasources/").unwrap_or_default());
                    (ScopedName { scope: Scope::Project(project), name: folded(name)? }, tail)
                }
            }
        }
    };
    Ok((wanted, tail))
}

pub(crate) fn cut(path: &str) -> (&str, &str) {
    path.split_once('/').unwrap_or((path, ""))
}

fn folded(escaped: &str) -> Result<String, Error> {
    Ok(decoded(escaped)?.to_lowercase())
}

pub(crate) fn decoded(escaped: &str) -> Result<String, Error> {
    let name = percent_decode_str(escaped).decode_utf8();
    let name = name.map_err(|_| Error::Bad("the name in the path is not UTF-8".to_owned()))?;
    if name.len() > 190 || name.chars().any(char::is_control) {
        let said = "the name in the path must have 1 to 190 bytes and no control character";
        return Err(Error::Bad(said.to_owned()));
    }
    Ok(name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Result<(&str, &str, &str), &str>) {
        let found = target(path).map_err(|error| error.to_string());
        let scope = |wanted: &ScopedName| match &wanted.scope {
            Scope::Org => String::new(),
            Scope::Project(project) => project.to_string(),
            Scope::Dashboard { project, dashboard } => format!("{project}/{dashboard}"),
        };
        let found = found.map(|(wanted, tail)| (scope(&wanted), wanted.name, tail));
        let found = found.as_ref().map(|(scope, name, tail)| (&**scope, &**name, *tail));
        assert_eq!(found.map_err(String::as_str), expected, "{path}");
    }

    #[test]
    fn perses_1_5_the_tail_is_what_was_sent() {
        check("/proxy/globaldatasources/My/a%2Fb/?", Ok(("", "my", "a%2Fb/?")));
        check("/proxy/globaldatasources/my", Ok(("", "my", "")));
        check("/proxy/globaldatasources/my/", Ok(("", "my", "")));
        check("/proxy/globaldatasources/my//double//x", Ok(("", "my", "/double//x")));
        check("/proxy/projects/P/datasources/D/api", Ok(("p", "d", "api")));
    }

    #[test]
    fn perses_case_8_a_dashboards_own_names_are_exact() {
        let path = "/proxy/projects/perses/dashboards/myDash/datasources/Victoria%20Metrics/api";
        check(path, Ok(("perses/mydash", "Victoria Metrics", "api")));
        let path = "/proxy/projects/p/dashboards/d/datasources/a%2Fb/api";
        check(path, Ok(("p/d", "a/b", "api")));
    }

    #[test]
    fn perses_8_12_every_name_in_a_path_is_one() {
        let said = "\"..\" is not a correct name. It should not contain '..'";
        check("/proxy/projects/%2e%2e/datasources/d", Err(said));
        let said = "the name in the path is not UTF-8";
        check("/proxy/globaldatasources/%ff", Err(said));
    }
}
