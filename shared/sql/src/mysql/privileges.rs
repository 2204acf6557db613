//! What an account may do beyond tables, by what the server says of it.

use super::command::{Failed, ask};
use super::wire::Channel;
use crate::Error;

/// Privileges on everything that reach no further than tables and what is said of them. One that is not here, such as FILE,
/// SUPER or one that a later server has, is dangerous.
const HARMLESS: [&str; 26] = [
    "USAGE",
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "DROP",
    "REFERENCES",
    "INDEX",
    "ALTER",
    "CREATE TEMPORARY TABLES",
    "LOCK TABLES",
    "CREATE VIEW",
    "SHOW VIEW",
    "CREATE ROUTINE",
    "ALTER ROUTINE",
    "EXECUTE",
    "EVENT",
    "TRIGGER",
    "DELETE HISTORY",
    "SHOW DATABASES",
    "PROCESS",
    "REPLICATION CLIENT",
    "BINLOG MONITOR",
    "SLAVE MONITOR",
    "REPLICA MONITOR",
];

/// Roles that are asked about; an account with more is taken for dangerous.
const MOST_ROLES: usize = 100;

/// What one line of `SHOW GRANTS` says.
#[derive(Debug, PartialEq, Eq)]
enum Grant {
    Harmless,
    Dangerous,
    /// Roles that the account may take, each as SQL names it.
    Roles(Vec<String>),
}

/// Tells whether the account, or a role that it may take, may do more than read and write tables. What the server does not
/// tell is taken for dangerous.
pub(super) async fn is_dangerous(channel: &mut Channel, is_mariadb: bool) -> Result<bool, Error> {
    let mut roles = Vec::new();
    if judge(channel, "SHOW GRANTS", &mut roles).await? {
        return Ok(true);
    }
    if !is_mariadb {
        if roles.is_empty() {
            return Ok(false);
        }
        let all = format!("SHOW GRANTS FOR CURRENT_USER() USING {}", roles.join(", "));
        return judge(channel, &all, &mut roles).await;
    }
    // Roles may have roles.
    let mut asked = 0;
    while let Some(role) = roles.get(asked) {
        let question = format!("SHOW GRANTS FOR {role}");
        if roles.len() > MOST_ROLES || judge(channel, &question, &mut roles).await? {
            return Ok(true);
        }
        asked += 1;
    }
    Ok(false)
}

async fn judge(
    channel: &mut Channel,
    question: &str,
    roles: &mut Vec<String>,
) -> Result<bool, Error> {
    let lines = match ask(channel, question).await {
        Ok(lines) => lines,
        Err(Failed::Refused(_)) => return Ok(true),
        Err(Failed::Broken(error)) => return Err(error),
    };
    for line in lines {
        match grant(&line) {
            Grant::Harmless => {}
            Grant::Dangerous => return Ok(true),
            Grant::Roles(found) if found.len() > MOST_ROLES => return Ok(true),
            Grant::Roles(found) => {
                let new: Vec<_> = found.into_iter().filter(|role| !roles.contains(role)).collect();
                roles.extend(new);
                if roles.len() > MOST_ROLES {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

fn grant(line: &str) -> Grant {
    let Some(granted) = line.strip_prefix("GRANT ") else {
        let takes_away = line.starts_with("REVOKE ") || line.starts_with("SET DEFAULT ROLE ");
        return if takes_away { Grant::Harmless } else { Grant::Dangerous };
    };
    if granted.starts_with('`') {
        return roles(granted).map_or(Grant::Dangerous, Grant::Roles);
    }
    let Some((privileges, place)) = granted.split_once(" ON ") else { return Grant::Dangerous };
    let known = |privilege: &str| HARMLESS.contains(&privilege.trim());
    let is_harmless = match place.strip_prefix("*.* ") {
        Some(rest) => privileges.split(',').all(known) && !rest.contains("GRANT OPTION"),
        // To be somebody else.
        None => privileges != "PROXY",
    };
    if is_harmless { Grant::Harmless } else { Grant::Dangerous }
}

/// Reads a list of names before ` TO `, each in backticks and with a host of the same form or without.
fn roles(text: &str) -> Option<Vec<String>> {
    let (mut rest, mut found) = (text, Vec::new());
    loop {
        let mut end = name(rest)?;
        if let Some(host) = rest[end..].strip_prefix('@') {
            end += 1 + name(host)?;
        }
        found.push(rest[..end].to_owned());
        rest = &rest[end..];
        match rest.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None => return rest.starts_with(" TO ").then_some(found),
        }
    }
}

/// Where a name in backticks ends.
fn name(text: &str) -> Option<usize> {
    let mut inside = text.strip_prefix('`')?;
    loop {
        inside = &inside[inside.find('`')? + 1..];
        match inside.strip_prefix('`') {
            Some(after) => inside = after,
            None => return Some(text.len() - inside.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &Grant) {
        assert_eq!(grant(line), *expected, "{line}");
    }

    #[test]
    fn a_privilege_on_everything_is_harmless_only_if_it_is_known() {
        check("GRANT USAGE ON *.* TO `r`@`%` IDENTIFIED BY PASSWORD '*94'", &Grant::Harmless);
        check("GRANT SELECT, PROCESS ON *.* TO `r`@`%`", &Grant::Harmless);
        check("GRANT ALL PRIVILEGES ON `shop`.* TO `r`@`%` WITH GRANT OPTION", &Grant::Harmless);
        check("GRANT SELECT (`a`) ON `shop`.`t` TO `r`@`%`", &Grant::Harmless);
        check("REVOKE INSERT ON `mysql`.* FROM `r`@`%`", &Grant::Harmless);
        check("SET DEFAULT ROLE `boss` FOR `r`@`%`", &Grant::Harmless);
        for line in [
            "GRANT ALL PRIVILEGES ON *.* TO `r`@`%`",
            "GRANT SELECT, FILE ON *.* TO `r`@`%`",
            "GRANT SUPER ON *.* TO `r`@`%`",
            "GRANT SELECT ON *.* TO `r`@`%` WITH GRANT OPTION",
            "GRANT CONNECTION_ADMIN,SYSTEM_USER ON *.* TO `r`@`%`",
            "GRANT PROXY ON ''@'%' TO 'r'@'%' WITH GRANT OPTION",
            "GRANT boss TO r",
            "GRANT `boss",
            "GRANT `boss` ON x",
            "",
            "something new",
        ] {
            check(line, &Grant::Dangerous);
        }
    }

    #[test]
    fn roles_are_read_as_they_are_written() {
        let of = |names: &[&str]| Grant::Roles(names.iter().map(|&name| name.into()).collect());
        check("GRANT `boss` TO `r`@`%`", &of(&["`boss`"]));
        check("GRANT `boss` TO `r`@`%` WITH ADMIN OPTION", &of(&["`boss`"]));
        check("GRANT `a`@`%`,`b ``TO` TO `r`@`%`", &of(&["`a`@`%`", "`b ``TO`"]));
    }
}
