//! Whose certificates are believed of AWS.

use aws_smithy_http_client::tls::TrustStore;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Where the SDK takes a file of certificates from, as AWS's other tools do.
const BUNDLE: &str = "AWS_CA_BUNDLE";

/// What sends the calls of this crate, or those for credentials, to other hosts.
const OVERRIDES: [&str; 5] = [
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_KMS",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// The domains of AWS's endpoints, private ones of a VPC included.
const AMAZONS: [&str; 4] = [".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws"];

const AMAZON_ROOTS: &[u8] = include_bytes!("amazon_roots.pem");

/// Whose certificates are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    Amazon,
    /// The system's, read from disk when the first client is made.
    System,
    /// Those in this PEM, which has been looked through.
    Bundle(Vec<u8>),
}

/// Says why the file that `AWS_CA_BUNDLE` names is of no use.
#[derive(Debug, thiserror::Error)]
pub enum BadBundle {
    /// It cannot be read.
    #[error("{BUNDLE} names {path}, which cannot be read")]
    Unreadable {
        /// What the variable says.
        path: String,
        /// Why it cannot.
        #[source]
        source: std::io::Error,
    },
    /// It holds no certificate, or one that is none.
    #[error(
        "{BUNDLE} names {0}, which is no list of CA certificates in PEM; name one, or unset it to believe Amazon's roots"
    )]
    NoCertificates(String),
}

impl Roots {
    pub(super) fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, BadBundle> {
        let Some(path) = get(BUNDLE) else {
            let elsewhere =
                OVERRIDES.into_iter().filter_map(get).any(|url| is_certified_by_others(&url));
            return Ok(if elsewhere { Self::System } else { Self::Amazon });
        };
        let pem = match std::fs::read(&path) {
            Ok(pem) => pem,
            Err(source) => return Err(BadBundle::Unreadable { path, source }),
        };
        // The SDK panics at what it cannot use.
        if is_usable(&pem) { Ok(Self::Bundle(pem)) } else { Err(BadBundle::NoCertificates(path)) }
    }

    pub(super) fn trusted(&self) -> TrustStore {
        match self {
            Self::Amazon => TrustStore::empty().with_pem_certificate(AMAZON_ROOTS),
            Self::System => TrustStore::empty().with_native_roots(true),
            Self::Bundle(pem) => TrustStore::empty().with_pem_certificate(pem.as_slice()),
        }
    }
}

/// Tells whether a url leads, over TLS, to a host that Amazon does not certify.
fn is_certified_by_others(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    scheme.eq_ignore_ascii_case("https") && !AMAZONS.iter().any(|domain| host.ends_with(domain))
}

fn is_usable(pem: &[u8]) -> bool {
    let mut store = RootCertStore::empty();
    let certificates = CertificateDer::pem_slice_iter(pem);
    let added = certificates.map(|one| one.is_ok_and(|certificate| store.add(certificate).is_ok()));
    let added: Vec<bool> = added.collect();
    !added.is_empty() && added.iter().all(|added| *added)
}

#[cfg(test)]
mod tests;
