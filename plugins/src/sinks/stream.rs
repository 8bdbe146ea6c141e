//! TCP with or without TLS, for sinks that do not speak HTTP.

use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use agentfirewall_sdk::PluginError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_platform_verifier::BuilderVerifierExt;
use schemars::JsonSchema;
use serde::Deserialize;

/// Whom to trust and what to show.
#[derive(Debug, Default, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Tls {
    /// A PEM file with the certificates to trust, instead of the system's.
    pub(super) ca: Option<PathBuf>,
    /// A PEM file with the certificate to show; with `key`.
    pub(super) certificate: Option<PathBuf>,
    /// A PEM file with its private key.
    pub(super) key: Option<PathBuf>,
}

/// A place to connect to.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) scheme: String,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Address {
    /// Reads `scheme://host:port`. Without encryption only this machine, unless that is allowed.
    pub(super) fn parse(
        text: &str,
        schemes: &[(&str, u16, bool)],
        allow_plaintext: bool,
    ) -> Result<Self, PluginError> {
        let names = || schemes.iter().map(|(name, ..)| format!("`{name}://`")).collect::<Vec<_>>().join(", ");
        let url =
            reqwest::Url::parse(text).map_err(|_| PluginError::new("the server's address cannot be read"))?;
        let Some((scheme, port, secure)) = schemes.iter().find(|(name, ..)| *name == url.scheme()) else {
            return Err(PluginError::new(format!("the server's address must begin with one of {}", names())));
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(PluginError::new("a login does not belong into the server's address"));
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        if host.is_empty() || !matches!(url.path(), "" | "/") || url.query().is_some() {
            return Err(PluginError::new("the server's address is `scheme://host:port` and nothing more"));
        }
        let own = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        if !secure && !own && !allow_plaintext {
            return Err(PluginError::new(
                "records would cross the network in the clear: use TLS, or permit it with `allow_plaintext: true`",
            ));
        }
        Ok(Self { scheme: (*scheme).to_owned(), host, port: url.port().unwrap_or(*port) })
    }
}

/// A connection.
pub(super) enum Stream {
    /// In the clear.
    Plain(TcpStream),
    /// Encrypted.
    Secure(Box<Secure>),
}

/// An encrypted connection that ends with a farewell: without one the other side cannot tell the end from a cut, and says so
/// in its log.
pub(super) struct Secure(StreamOwned<ClientConnection, TcpStream>);

impl Drop for Secure {
    fn drop(&mut self) {
        self.0.conn.send_close_notify();
        let _closed = self.0.flush();
    }
}

impl Stream {
    /// Connects, with a time-out for that and for everything that follows.
    pub(super) fn connect(address: &Address, timeout: Duration) -> io::Result<Self> {
        let mut last = io::Error::other("the name has no address");
        for place in (address.host.as_str(), address.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&place, timeout) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(timeout))?;
                    stream.set_write_timeout(Some(timeout))?;
                    stream.set_nodelay(true)?;
                    return Ok(Self::Plain(stream));
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Begins TLS, and completes the handshake, so that its errors are seen here.
    pub(super) fn secure(self, host: &str, tls: &Tls) -> io::Result<Self> {
        let Self::Plain(mut stream) = self else { return Ok(self) };
        let config = client_config(tls).map_err(io::Error::other)?;
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let mut connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(Self::Secure(Box::new(Secure(StreamOwned::new(connection, stream)))))
    }

    /// Whether the other side has closed, or has something to say where nothing is expected.
    pub(super) fn is_stale(&mut self) -> bool {
        let blocking = |stream: &Self, blocking: bool| {
            let socket = match stream {
                Self::Plain(stream) => stream,
                Self::Secure(stream) => &stream.0.sock,
            };
            socket.set_nonblocking(!blocking).is_ok()
        };
        if !blocking(self, false) {
            return true;
        }
        // Through TLS, which takes what is for itself, such as tickets for later sessions.
        let read = self.read(&mut [0]);
        let quiet = matches!(&read, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        !blocking(self, true) || !quiet
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Secure(stream) => stream.0.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(buffer),
            Self::Secure(stream) => stream.0.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Secure(stream) => stream.0.flush(),
        }
    }
}

fn client_config(tls: &Tls) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match &tls.ca {
        None => builder.with_platform_verifier().map_err(|error| error.to_string())?,
        Some(ca) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(ca)? {
                roots.add(certificate).map_err(|error| format!("`{}`: {error}", ca.display()))?;
            }
            builder.with_root_certificates(roots)
        }
    };
    match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) => {
            let private = PrivateKeyDer::from_pem_file(key)
                .map_err(|_| format!("`{}` holds no private key", key.display()))?;
            builder
                .with_client_auth_cert(certificates(certificate)?, private)
                .map_err(|error| error.to_string())
        }
        _ => Ok(builder.with_no_client_auth()),
    }
}

fn certificates(file: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error| format!("`{}` holds no certificates: {error}", file.display());
    let found: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<_, _>>)
        .map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() { Err(wrong("it has none".to_owned())) } else { Ok(found) }
}
