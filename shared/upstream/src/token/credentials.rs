//! The two ways in which a client's credentials are written (RFC 6749, 2.3.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use form_urlencoded::byte_serialize;
use http::header::HeaderValue;
use sourcegate_core::TokenGrant;
use zeroize::Zeroizing;

use crate::Error;
use crate::client::secret_value;

/// Writes both into a header. Each is encoded as in a form first, so that a colon in the id does not end it.
pub(super) fn basic(id: &str, secret: &str) -> Result<HeaderValue, Error> {
    // Large enough from the start, as is all here: a buffer that grows leaves copies behind.
    let mut pair = Zeroizing::new(Vec::with_capacity(3 * (id.len() + secret.len()) + 1));
    encode(id, &mut pair);
    pair.push(b':');
    encode(secret, &mut pair);
    let mut text = String::with_capacity("Basic ".len() + pair.len().div_ceil(3) * 4);
    text.push_str("Basic ");
    STANDARD.encode_string(&*pair, &mut text);
    secret_value(TokenGrant::CLIENT_SECRET, Zeroizing::new(text.into_bytes()))
}

/// Writes the form, with the client's credentials last if they are to be in it.
pub(super) fn form(fields: &[(String, String)], client: Option<(&str, &str)>) -> Bytes {
    let own = client.map(|(id, secret)| [("client_id", id), ("client_secret", secret)]);
    let own = own.iter().flatten().copied();
    let is_ours = |name: &str| client.is_some() && name == "client_id";
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let all: Vec<_> = fields.filter(|(name, _)| !is_ours(name)).chain(own).collect();
    let bytes: usize = all.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    let mut form = Zeroizing::new(Vec::with_capacity(bytes));
    for (name, value) in all {
        if !form.is_empty() {
            form.push(b'&');
        }
        encode(name, &mut form);
        form.push(b'=');
        encode(value, &mut form);
    }
    Bytes::from_owner(form)
}

fn encode(text: &str, into: &mut Vec<u8>) {
    byte_serialize(text.as_bytes()).for_each(|part| into.extend_from_slice(part.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_6749_2_3_1_credentials_are_encoded_before_they_are_joined() {
        let decoded = |id, secret| {
            let value = basic(id, secret).unwrap();
            assert!(value.is_sensitive());
            let text = value.to_str().unwrap().strip_prefix("Basic ").unwrap().to_owned();
            String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
        };
        assert_eq!(decoded("robot", "robot-secret"), "robot:robot-secret");
        assert_eq!(decoded("a:b c", "%+&=é\n"), "a%3Ab+c:%25%2B%26%3D%C3%A9%0A");
    }

    #[test]
    fn the_form_has_the_credentials_where_they_are_asked_for() {
        let fields =
            [("client_id", "theirs"), ("grant_type", "client_credentials"), ("scope", "a b")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let plain = "client_id=theirs&grant_type=client_credentials&scope=a+b";
        assert_eq!(form(&fields, None), plain);
        let whole = "grant_type=client_credentials&scope=a+b&client_id=i%26&client_secret=s%3D";
        assert_eq!(form(&fields, Some(("i&", "s="))), whole);
    }
}
