//! How TLS is spoken to one data source.

use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use sourcegate_core::{TlsVersion, TlsVersions};
use zeroize::Zeroizing;

use crate::{Error, PemPart};

mod chained;
mod unverified;

/// What a data source's settings say about TLS; all texts are borrowed from opened secrets.
#[derive(Clone, Copy)]
pub struct TlsOptions<'a> {
    /// Whether the certificate is verified; true by default.
    pub verify: bool,
    /// The name to ask for and to verify in place of the uri's host.
    pub server_name: Option<&'a str>,
    /// PEM certificates that replace the usual roots.
    pub ca_pem: Option<&'a [u8]>,
    /// The client's certificate chain and its key, in PEM.
    pub client: Option<(&'a [u8], &'a [u8])>,
    /// Which versions may be spoken; 1.2 and 1.3 by default.
    pub versions: TlsVersions,
}

impl Default for TlsOptions<'_> {
    fn default() -> Self {
        let versions = TlsVersions::default();
        Self { verify: true, server_name: None, ca_pem: None, client: None, versions }
    }
}

/// Whether a certificate that is verified must also carry the server's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// It must.
    Verified,
    /// One of a trusted authority is enough, as PostgreSQL's `verify-ca` has it.
    Any,
}

/// TLS settings that have been read. A clone shares keys and sessions.
#[derive(Clone, Debug)]
pub struct Tls {
    pub(crate) config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
}

impl Tls {
    /// Reads settings, for HTTP/1.1 alone.
    ///
    /// The first call without `ca_pem` reads the system's roots from disk and keeps them for the process.
    ///
    /// # Errors
    /// PEM that cannot be used, a key of another certificate, or a malformed server name; all have cause `tls`.
    pub fn new(options: &TlsOptions<'_>) -> Result<Self, Error> {
        Self::read(options, Names::Verified, &[b"http/1.1"])
    }

    /// Reads the settings of a database: as [`Tls::new`], without a protocol of HTTP's, and with or without the name.
    ///
    /// # Errors
    /// As [`Tls::new`].
    pub fn for_database(options: &TlsOptions<'_>, names: Names) -> Result<Self, Error> {
        Self::read(options, names, &[])
    }

    fn read(options: &TlsOptions<'_>, names: Names, protocols: &[&[u8]]) -> Result<Self, Error> {
        let server_name = match options.server_name {
            None | Some("") => None,
            Some(name) => Some(read_server_name(name)?),
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(spoken(options.versions))
            .map_err(Error::TlsSettings)?;
        let builder = match names {
            _ if !options.verify => {
                builder.dangerous().with_custom_certificate_verifier(unverified::verifier(provider))
            }
            Names::Verified => builder.with_root_certificates(roots(options.ca_pem)?),
            Names::Any => {
                let verifier = chained::verifier(provider, roots(options.ca_pem)?);
                builder.dangerous().with_custom_certificate_verifier(verifier)
            }
        };
        let mut config = match options.client {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder.with_client_cert_resolver(client_identity(chain, key)?),
        };
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        // One data source is one server; the default keeps room for 256.
        config.resumption = Resumption::in_memory_sessions(8);
        Ok(Self { config: Arc::new(config), server_name })
    }

    /// The name to ask for and to verify.
    pub(crate) fn name_for(&self, host: &str) -> Result<ServerName<'static>, Error> {
        self.server_name.clone().map_or_else(|| read_server_name(host), Ok)
    }

    /// The settings of an `https` uri for which nothing is configured.
    pub(crate) fn usual() -> Result<Self, Error> {
        static USUAL: OnceLock<Tls> = OnceLock::new();
        match USUAL.get() {
            Some(usual) => Ok(usual.clone()),
            None => {
                let usual = Self::new(&TlsOptions::default())?;
                Ok(USUAL.get_or_init(|| usual).clone())
            }
        }
    }
}

fn spoken(versions: TlsVersions) -> &'static [&'static SupportedProtocolVersion] {
    static NEWEST_FIRST: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
    match (versions.min, versions.max) {
        (TlsVersion::V13, _) => &NEWEST_FIRST[..1],
        (_, TlsVersion::V12) => &NEWEST_FIRST[1..],
        _ => &NEWEST_FIRST,
    }
}

/// Reads the name that a certificate must carry: a host name or an address, IPv6 with or without brackets.
fn read_server_name(host: &str) -> Result<ServerName<'static>, Error> {
    let bare = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    ServerName::try_from(bare.to_owned()).map_err(|_| Error::ServerName)
}

fn roots(ca_pem: Option<&[u8]>) -> Result<Arc<RootCertStore>, Error> {
    static USUAL: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let Some(pem) = ca_pem else {
        return Ok(Arc::clone(USUAL.get_or_init(|| Arc::new(usual_roots()))));
    };
    let mut store = RootCertStore::empty();
    for certificate in certificates(pem, PemPart::Authorities)? {
        store.add(certificate).map_err(|_| Error::Pem(PemPart::Authorities))?;
    }
    Ok(Arc::new(store))
}

/// The system's roots, which know the operator's own; Mozilla's where the system has none.
fn usual_roots() -> RootCertStore {
    let mut store = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    let (added, _ignored) = store.add_parsable_certificates(native.certs);
    if added == 0 {
        tracing::debug!("no system roots found, taking the built-in ones");
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    store
}

fn certificates(pem: &[u8], part: PemPart) -> Result<Vec<CertificateDer<'static>>, Error> {
    match CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>() {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(Error::Pem(part)),
    }
}

/// As rustls' `with_client_auth_cert`, which would take the key's bytes and not zeroise them.
fn client_identity(chain: &[u8], key: &[u8]) -> Result<Arc<SingleCertAndKey>, Error> {
    let chain = certificates(chain, PemPart::ClientCertificate)?;
    let key = aws_lc_rs::sign::any_supported_type(&*client_key(key)?);
    let identity = CertifiedKey::new(chain, key.map_err(Error::TlsSettings)?);
    identity.keys_match().map_err(Error::TlsSettings)?;
    Ok(Arc::new(SingleCertAndKey::from(identity)))
}

fn client_key(pem: &[u8]) -> Result<Zeroizing<PrivateKeyDer<'static>>, Error> {
    let found: Vec<_> =
        PrivateKeyDer::pem_slice_iter(pem).map(|key| key.map(Zeroizing::new)).collect();
    match <[_; 1]>::try_from(found) {
        Ok([Ok(key)]) => Ok(key),
        _ => Err(Error::Pem(PemPart::ClientKey)),
    }
}
