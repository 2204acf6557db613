//! What `Debug` writes of types that hold secrets: it ends up in logs and panics (`faults.md` K22).

use auth::{OwnerId, Token};
use base64::Engine as _;
use http::{HeaderMap, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use sourcegate_core::{JsonText, OrgId, Secrets, Settings, SourceName};
use store::{Change, Draft};

const CANARY: &str = "canary-4711";

fn secrets() -> Secrets {
    [("password".to_owned(), SecretString::from(CANARY))].into_iter().collect()
}

fn settings() -> Settings {
    Settings {
        name: SourceName::parse("a").expect("a name"),
        type_text: "prometheus".to_owned(),
        access: "proxy".to_owned(),
        url: "http://h".to_owned(),
        user: String::new(),
        database: String::new(),
        basic_auth: false,
        basic_auth_user: String::new(),
        with_credentials: false,
        json_data: JsonText::default(),
        api_version: String::new(),
    }
}

fn credential(value: &str) -> auth::Credential {
    let value = HeaderValue::from_str(value).expect("a header value");
    let headers: HeaderMap = [(header::AUTHORIZATION, value)].into_iter().collect();
    auth::Credential::of(&headers).expect("a credential")
}

#[test]
fn k22_drafts_and_changes_show_names_only() {
    let draft = Draft { uid: None, settings: settings(), secrets: secrets(), make_default: false };
    let change = Change {
        uid: None,
        settings: settings(),
        secrets: secrets(),
        version: None,
        make_default: false,
    };
    for shown in [format!("{draft:?}"), format!("{change:#?}")] {
        assert!(shown.contains("password") && !shown.contains(CANARY), "{shown}");
    }
}

#[test]
fn k22_credentials_show_neither_password_nor_token() {
    let text = base64::engine::general_purpose::STANDARD.encode(format!("bob:{CANARY}"));
    let password = format!("{:?}", credential(&format!("Basic {text}")));
    assert!(password.contains("bob") && !password.contains(CANARY), "{password}");
    let (text, token) = Token::generate(OrgId::MAIN, OwnerId::new(7).expect("an owner"));
    let hash: String = token.hash().iter().map(|byte| format!("{byte:02x}")).collect();
    let decimal = format!("{:?}", token.hash());
    let credential = credential(&format!("Bearer {}", text.expose_secret()));
    for shown in [format!("{token:?}"), format!("{credential:?}"), format!("{text:?}")] {
        for secret in [text.expose_secret(), &hash, &decimal] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
