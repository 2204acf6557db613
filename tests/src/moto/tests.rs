use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeyPairSpec;

use super::*;

fn client(kms: &Kms) -> Client {
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new("a", "b", None, None, "test"))
        .region(Region::new("us-east-1"))
        .endpoint_url(kms.endpoint())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(aws_sdk_kms::config::retry::RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

#[tokio::test]
async fn a_pair_opens_under_its_context_alone() {
    let kms = Kms::start().await;
    let (key, client) = (kms.create_key().await, client(&kms));
    let pair = client.generate_data_key_pair_without_plaintext().key_id(&key);
    let pair = pair.key_pair_spec(DataKeyPairSpec::EccNistP256).encryption_context("org", "1");
    let pair = pair.send().await.unwrap();
    let wrapped = pair.private_key_ciphertext_blob.unwrap();

    let decrypt = client.decrypt().ciphertext_blob(wrapped.clone());
    let opened = decrypt.clone().encryption_context("org", "1").send().await.unwrap();
    let private = opened.plaintext.unwrap();
    let private = PrivateKey::from_private_key_der(&ECDH_P256, private.as_ref()).unwrap();
    let public: PublicKeyX509Der<'_> = private.compute_public_key().unwrap().as_der().unwrap();
    assert_eq!(pair.public_key, Some(Blob::new(public.as_ref())));

    let refused = decrypt.encryption_context("org", "2").send().await.unwrap_err();
    assert!(refused.into_service_error().is_invalid_ciphertext_exception());
    assert_eq!(kms.calls()["Decrypt"], 2);
    assert_eq!(kms.calls()["GenerateDataKeyPairWithoutPlaintext"], 1);
}

#[tokio::test]
async fn faults_come_one_per_call() {
    let kms = Kms::start().await;
    let (key, client) = (kms.create_key().await, client(&kms));
    let faults = [Fault::Throttled, Fault::Internal, Fault::Disabled, Fault::Lost];
    kms.fail("Encrypt", faults);
    kms.fail("Encrypt", [Fault::Slow(Duration::from_millis(10))]);
    let encrypt = client.encrypt().key_id(&key).plaintext(Blob::new("x"));
    let error = async || encrypt.clone().send().await.unwrap_err();
    let throttled = error().await.into_service_error();
    assert_eq!(throttled.meta().code(), Some("ThrottlingException"));
    assert!(error().await.into_service_error().is_kms_internal_exception());
    assert!(error().await.into_service_error().is_disabled_exception());
    let lost = error().await;
    assert!(lost.as_service_error().is_none(), "{lost:?}");
    encrypt.clone().send().await.unwrap();
    assert_eq!(kms.calls()["Encrypt"], 5);
}
