//! Credentials of ours that somebody put into a query: they would end in the data source's log.

use percent_encoding::percent_decode_str;

/// How our tokens begin; 32 letters and digits, an underscore and 8 hexadecimal digits follow.
const PREFIX: &[u8] = b"glsa_";
const TOKEN_BYTES: usize = PREFIX.len() + 32 + 1 + 8;

/// Tells whether a query has a parameter `auth_token`, Grafana's own for a JWT, or one of our tokens anywhere
/// (CVE-2023-1387). Escapes are read, nothing is changed.
pub(crate) fn holds_our_credential(query: &str) -> bool {
    names_auth_token(query) || holds_token(query)
}

fn names_auth_token(query: &str) -> bool {
    query.split(['&', ';']).any(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        percent_decode_str(name).eq(b"auth_token".iter().copied())
    })
}

fn holds_token(query: &str) -> bool {
    let mut matched = 0;
    let mentioned = percent_decode_str(query).any(|byte| {
        matched = match byte {
            _ if byte == PREFIX[matched] => matched + 1,
            b'g' => 1,
            _ => 0,
        };
        matched == PREFIX.len()
    });
    mentioned && Vec::from_iter(percent_decode_str(query)).windows(TOKEN_BYTES).any(is_token)
}

fn is_token(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(PREFIX) else { return false };
    let (random, checksum) = rest.split_at(32);
    random.iter().all(u8::is_ascii_alphanumeric)
        && checksum[0] == b'_'
        && checksum[1..].iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, expected: bool) {
        assert_eq!(holds_our_credential(query), expected, "{query}");
    }

    const TOKEN: &str = "glsa_0123456789abcdefghijABCDEFGHIJ01_0123abcd";

    #[test]
    fn our_tokens_are_found_under_any_name() {
        check(&format!("apikey={TOKEN}"), true);
        check(&format!("a=1&access_token={TOKEN}&b=2"), true);
        check(&format!("q=Bearer%20{TOKEN}"), true);
        check(&format!("q=%67{}", &TOKEN[1..]), true);
        check(&format!("q=glsa_{TOKEN}"), true);
        check(&format!("q=gg{TOKEN}"), true);
    }

    #[test]
    fn auth_token_is_found_whatever_it_holds() {
        check("auth_token=eyJhbGciOiJIUzI1NiJ9.e30.x", true);
        check("a=1&auth_token", true);
        check("a=1&auth%5Ftoken=x", true);
        check("my_auth_token=x", false);
    }

    #[test]
    fn what_belongs_to_the_data_source_passes() {
        check("", false);
        check("apikey=abc&access_token=def", false);
        check("query=up%7Bjob%3D%22glsa_%22%7D", false);
        check("query=glsa_0123456789abcdefghijABCDEFGHIJ01_0123abc", false);
    }
}
