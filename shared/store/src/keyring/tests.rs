//! Local wrapping; KMS is tested against a server.

use sourcegate_core::OrgId;

use super::*;

fn keyring() -> Keyring {
    Keyring::local(&"0a".repeat(32)).unwrap()
}

fn context(number: u32) -> KeyContext {
    KeyContext { deployment: "local".to_owned(), org: OrgId::MAIN, number }
}

#[tokio::test]
async fn a_pair_is_unwrapped_to_the_key_that_fits() {
    let pair = keyring().make_pair(&context(1)).await.unwrap();
    let der = keyring().unwrap(&context(1), &pair.wrapped).await.unwrap();
    assert!(fitting(&der, &pair.public).is_some());
}

#[tokio::test]
async fn k18_a_private_key_that_does_not_fit_the_public_one_is_refused() {
    let (one, other) = (
        keyring().make_pair(&context(1)).await.unwrap(),
        keyring().make_pair(&context(1)).await.unwrap(),
    );
    let der = keyring().unwrap(&context(1), &one.wrapped).await.unwrap();
    assert!(fitting(&der, &other.public).is_none());
    assert!(fitting(&der[..16], &one.public).is_none());
    assert!(fitting(&[], &one.public).is_none());
}

#[tokio::test]
async fn k10_k11_a_damaged_or_truncated_wrapping_is_refused() {
    let pair = keyring().make_pair(&context(1)).await.unwrap();
    for at in 0..pair.wrapped.len() {
        let mut damaged = pair.wrapped.clone();
        damaged[at] ^= 1;
        assert!(keyring().unwrap(&context(1), &damaged).await.is_err(), "byte {at}");
        assert!(keyring().unwrap(&context(1), &pair.wrapped[..at]).await.is_err(), "length {at}");
    }
}

#[tokio::test]
async fn a_wrapping_is_bound_to_deployment_organisation_and_number() {
    let pair = keyring().make_pair(&context(1)).await.unwrap();
    let others = [
        context(2),
        KeyContext { org: OrgId::new(2).unwrap(), ..context(1) },
        KeyContext { deployment: "prod".to_owned(), ..context(1) },
    ];
    for other in others {
        assert!(keyring().unwrap(&other, &pair.wrapped).await.is_err(), "{other:?}");
    }
    let other_key = Keyring::local(&"0b".repeat(32)).unwrap();
    assert!(other_key.unwrap(&context(1), &pair.wrapped).await.is_err());
}

#[test]
fn a_key_file_holds_64_digits() {
    for bad in ["", "0a", &"0g".repeat(32), &"0a".repeat(33)] {
        assert!(Keyring::local(bad).is_err(), "{bad}");
    }
    assert!(Keyring::local(&format!("{}\n", "0A".repeat(32))).is_ok());
}
