//! Why there is no connection.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use hickory_resolver::net::NetError;
use sourcegate_core::{Classify, Kind};

use crate::Refused;

/// Why there is no connection to a data source.
///
/// The texts are for callers: none holds a host or an address, and a closed port reads like a filtered one, so that
/// nobody can scan a network through the gateway. The log prints the causes beneath.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The policy refuses the host or one of its addresses.
    #[error("the data source is at an address that must not be reached")]
    Denied {
        /// The host as it was asked for.
        host: String,
        /// What was refused.
        #[source]
        refused: Refused,
    },
    /// Name servers gave no usable answer.
    #[error("cannot resolve the data source's host")]
    Dns(#[source] Box<NetError>),
    /// The name exists and has no address.
    #[error("cannot resolve the data source's host")]
    NoAddress,
    /// Name servers did not answer in time.
    #[error("cannot resolve the data source's host in time")]
    DnsTimeout,
    /// No address took the connection.
    #[error("cannot connect to the data source")]
    Connect(#[source] io::Error),
    /// No address took the connection in time.
    #[error("cannot connect to the data source")]
    ConnectTimeout,
    /// The handshake failed: a certificate, a name, a version, or no TLS at all.
    #[error("cannot establish TLS with the data source")]
    Tls(#[source] io::Error),
    /// The handshake did not end in time.
    #[error("cannot establish TLS with the data source in time")]
    TlsTimeout,
    /// A PEM text of the TLS settings cannot be used.
    ///
    /// It has no cause: the parser's error quotes the line, which may be a key.
    #[error("{0} is not valid PEM of its kind")]
    Pem(PemPart),
    /// The TLS settings are each well-formed and do not work together, such as a key of another certificate.
    #[error("the TLS settings of the data source cannot be used")]
    TlsSettings(#[source] rustls::Error),
    /// The name to verify is no host name.
    #[error("the TLS server name of the data source is not valid")]
    ServerName,
    /// A uri without a host or with a scheme other than `http` and `https`: a fault of ours.
    #[error("uri cannot be dialled")]
    Uri,
}

/// Which part of the TLS settings an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PemPart {
    /// The certificate authorities to trust.
    Authorities,
    /// The client's certificates.
    ClientCertificate,
    /// The client's key: exactly one, not encrypted.
    ClientKey,
}

impl fmt::Display for PemPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authorities => "the CA certificate of the data source",
            Self::ClientCertificate => "the client certificate of the data source",
            Self::ClientKey => "the client key of the data source",
        })
    }
}

impl Error {
    /// Finds the door's error beneath another, such as one of hyper-util's client.
    #[must_use]
    pub fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        std::iter::successors(Some(error), |error| (*error).source())
            .find_map(|error| error.downcast_ref())
    }
}

impl Classify for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::DnsTimeout | Self::ConnectTimeout | Self::TlsTimeout => Kind::UpstreamTimeout,
            Self::Uri => Kind::Internal,
            Self::Denied { .. }
            | Self::Dns(_)
            | Self::NoAddress
            | Self::Connect(_)
            | Self::Tls(_)
            | Self::Pem(_)
            | Self::TlsSettings(_)
            | Self::ServerName => Kind::Upstream,
        }
    }

    fn cause(&self) -> Option<&'static str> {
        match self {
            Self::Denied { .. } => Some("denied_egress"),
            Self::Dns(_) | Self::NoAddress => Some("dns"),
            Self::DnsTimeout => Some("dns_timeout"),
            Self::Connect(_) => Some("connect"),
            Self::ConnectTimeout => Some("connect_timeout"),
            Self::Tls(_) | Self::Pem(_) | Self::TlsSettings(_) | Self::ServerName => Some("tls"),
            Self::TlsTimeout => Some("tls_timeout"),
            Self::Uri => None,
        }
    }
}
