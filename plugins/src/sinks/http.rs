//! What all sinks over HTTP share: one client, one policy of where it may go, one reading of answers.
//!
//! HTTPS, but for the machine itself. Redirects are refused. A name that leads into a private network is refused unless
//! the policy allows it: whoever can change a name's address could else make the sink knock at doors inside. Answers are
//! read up to a limit of bytes and of time, and never repeated.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Read;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use agentfirewall_sdk::{PluginError, SinkError};
use jiff::Timestamp;
use reqwest::blocking::{Client, ClientBuilder, RequestBuilder};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Identity, NoProxy, Proxy, StatusCode, Url};
use schemars::JsonSchema;
use serde::Deserialize;

use super::setting::{Secret, Setting};

/// The most of an answer that is read.
const LONGEST_ANSWER: u64 = 256 << 10;

/// How to get there. Everything has a default.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Http {
    /// How long to wait for an answer; 10 if it is not said.
    #[schemars(range(min = 1, max = 300))]
    pub(super) timeout_seconds: Option<u64>,
    /// A proxy, such as `http://proxy.example.com:3128`; `none` for none. Without it the variables `HTTPS_PROXY`,
    /// `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
    pub(super) proxy: Option<Setting>,
    /// A PEM file with the certificates to trust, instead of the system's.
    pub(super) ca: Option<PathBuf>,
    /// A PEM file with the certificate to show, and those that vouch for it; with `key`.
    pub(super) certificate: Option<PathBuf>,
    /// A PEM file with its private key.
    pub(super) key: Option<PathBuf>,
    /// Whether the receiver may be in a private network.
    pub(super) allow_private: bool,
}

/// A receiver and the way to it.
pub(super) struct Receiver {
    url: Setting,
    http: Http,
    timeout: Duration,
    client: OnceLock<Result<Client, String>>,
}

/// Which requests a proxy is for.
type MakeProxy = fn(Url) -> reqwest::Result<Proxy>;

/// What came back.
pub(super) struct Answer {
    host: String,
    pub(super) status: StatusCode,
    pub(super) after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

impl Receiver {
    /// Checks what can be checked without knocking at any door.
    pub(super) fn new(url: Setting, http: Http) -> Result<Self, PluginError> {
        if let Some(url) = url.literal() {
            parse_url(url, http.allow_private).map_err(PluginError::new)?;
        }
        let seconds = http.timeout_seconds.unwrap_or(10);
        if !(1..=300).contains(&seconds) {
            return Err(PluginError::new("`timeout_seconds` must be from 1 to 300"));
        }
        if http.certificate.is_some() != http.key.is_some() {
            return Err(PluginError::new("`certificate` and `key` belong together"));
        }
        Ok(Self { url, http, timeout: Duration::from_secs(seconds), client: OnceLock::new() })
    }

    /// The address as it is now.
    pub(super) fn url(&self) -> Result<Url, SinkError> {
        // What comes from outside the policy can be put right without a new policy: the record waits.
        let url = self.url.resolve().map_err(SinkError::retry)?;
        parse_url(&url, self.http.allow_private).map_err(SinkError::retry)
    }

    /// The address with a path that this kind of receiver has, unless it has one already.
    pub(super) fn url_with(&self, path: &str) -> Result<Url, SinkError> {
        let mut url = self.url()?;
        if url.path() == "/" {
            url.set_path(path);
        }
        Ok(url)
    }

    /// Made at the first delivery: reading the root certificates takes time that validation need not spend.
    fn client(&self) -> Result<&Client, SinkError> {
        let client = self.client.get_or_init(|| self.build());
        client.as_ref().map_err(|error| SinkError::retry(format!("cannot make an HTTP client: {error}")))
    }

    fn build(&self) -> Result<Client, String> {
        // An error means that another one is installed already, which serves as well.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .timeout(self.timeout)
            .connect_timeout(self.timeout)
            // A redirect can lead records, and the headers with them, to anyone.
            .redirect(Policy::none())
            .user_agent(concat!("agentfirewall/", env!("CARGO_PKG_VERSION")))
            .no_proxy();
        let mut resolver = Resolver { allow_private: self.http.allow_private, trusted: Vec::new() };
        builder = self.proxies(builder, &mut resolver)?;
        builder = builder.dns_resolver(Arc::new(resolver));
        if let Some(ca) = &self.http.ca {
            let certificates = Certificate::from_pem_bundle(&read(ca)?)
                .map_err(|error| format!("`{}` holds no certificates: {error}", ca.display()))?;
            builder = builder.tls_certs_only(certificates);
        }
        if let (Some(certificate), Some(key)) = (&self.http.certificate, &self.http.key) {
            let mut pem = read(certificate)?;
            pem.push(b'\n');
            pem.extend(read(key)?);
            let identity = Identity::from_pem(&pem)
                .map_err(|_| format!("`{}` and its key cannot be used", certificate.display()))?;
            builder = builder.identity(identity);
        }
        builder.build().map_err(|error| chain(&error.without_url()))
    }

    /// Proxies are found here and not by the client, so that their own names may lead into a private network.
    fn proxies(&self, mut builder: ClientBuilder, resolver: &mut Resolver) -> Result<ClientBuilder, String> {
        let mut add = |builder: ClientBuilder, text: &str, make: MakeProxy| {
            let wrong = || "the proxy's address cannot be used".to_owned();
            let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
            let url = Url::parse(&text).map_err(|_| wrong())?;
            resolver.trusted.extend(url.host_str().map(str::to_owned));
            let proxy = make(url).map_err(|_| wrong())?;
            Ok::<_, String>((builder, proxy))
        };
        match &self.http.proxy {
            Some(proxy) => {
                let proxy = proxy.resolve()?;
                if proxy != "none" {
                    let (with, proxy) = add(builder, &proxy, Proxy::all)?;
                    builder = with.proxy(proxy);
                }
            }
            None => {
                let makers: [(&str, MakeProxy); 3] =
                    [("HTTPS_PROXY", Proxy::https), ("HTTP_PROXY", Proxy::http), ("ALL_PROXY", Proxy::all)];
                for (name, make) in makers {
                    let value = std::env::var(name.to_lowercase()).or_else(|_| std::env::var(name));
                    if let Ok(value) = value
                        && !value.is_empty()
                    {
                        let (with, proxy) = add(builder, &value, make)?;
                        builder = with.proxy(proxy.no_proxy(NoProxy::from_env()));
                    }
                }
            }
        }
        Ok(builder)
    }

    /// Posts a body.
    pub(super) fn post(
        &self,
        url: &Url,
        content_type: &'static str,
        headers: HeaderMap,
        body: impl Into<Vec<u8>>,
    ) -> Result<Answer, SinkError> {
        let request = self.client()?.post(url.clone()).header(CONTENT_TYPE, content_type);
        self.send(url, request.headers(headers).body(body.into()))
    }

    /// Asks whether somebody is there, without leaving anything.
    pub(super) fn check(&self, url: &Url, headers: HeaderMap) -> Result<String, SinkError> {
        let answer = self.send(url, self.client()?.head(url.clone()).headers(headers))?;
        Ok(format!("{} answers (HTTP {})", answer.host, answer.status))
    }

    /// Asks for a document.
    pub(super) fn get(&self, url: &Url, headers: HeaderMap) -> Result<Answer, SinkError> {
        self.send(url, self.client()?.get(url.clone()).headers(headers))
    }

    fn send(&self, url: &Url, request: RequestBuilder) -> Result<Answer, SinkError> {
        let host = url.host_str().unwrap_or("the receiver").to_owned();
        let until = Instant::now() + self.timeout;
        let late = || SinkError::retry(format!("{host}: no answer within {} s", self.timeout.as_secs()));
        let response = request.send().map_err(|error| {
            if error.is_timeout() {
                return late();
            }
            SinkError::retry(format!("{host}: {}", chain(&error.without_url())))
        })?;
        let (status, after) = (response.status(), retry_after(response.headers()));
        let mut body = Vec::new();
        let mut reader = response.take(LONGEST_ANSWER);
        let mut block = [0; 8 << 10];
        loop {
            // A receiver that sends a byte now and then would else be listened to for ever.
            if Instant::now() > until {
                return Err(late());
            }
            match reader.read(&mut block) {
                Ok(0) => break,
                Ok(read) => body.extend_from_slice(block.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => return Err(late()),
                Err(error) => {
                    return Err(SinkError::retry(format!("{host}: its answer broke off: {}", error.kind())));
                }
            }
        }
        Ok(Answer { host, status, after, body })
    }
}

impl Answer {
    /// What the status means where the receiver has no meaning of its own for it.
    pub(super) fn judge(&self) -> Result<(), SinkError> {
        match self.status {
            status if status.is_success() => Ok(()),
            status if status.is_redirection() => {
                Err(self.reject("redirects are not followed, configure the final address"))
            }
            // A key or an address that somebody has to put right: the record is not to blame, so it waits.
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::PROXY_AUTHENTICATION_REQUIRED
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_EARLY
            | StatusCode::TOO_MANY_REQUESTS => Err(self.retry("")),
            status if status.is_server_error() => Err(self.retry("")),
            _ => Err(self.reject("")),
        }
    }

    fn message(&self, why: &str) -> String {
        let colon = if why.is_empty() { "" } else { ": " };
        format!("{}: HTTP {}{colon}{why}", self.host, self.status)
    }

    /// It may be taken later. `why` is a text of ours or a word out of a list, never what the receiver says: that can
    /// echo what was sent.
    pub(super) fn retry(&self, why: &str) -> SinkError {
        SinkError::Retry { message: self.message(why), after: self.after }
    }

    /// It never will be taken.
    pub(super) fn reject(&self, why: &str) -> SinkError {
        SinkError::reject(self.message(why))
    }

    /// The body, if it is JSON.
    pub(super) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// An address that may be used. The errors do not repeat it: it can hold a secret in every part.
pub(super) fn parse_url(text: &str, allow_private: bool) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`url` is not an address: {error}"))?;
    let literal = url.host_str().unwrap_or_default().trim_matches(['[', ']']).parse::<IpAddr>().ok();
    let own = url.host_str() == Some("localhost") || literal.is_some_and(|address| address.is_loopback());
    match url.scheme() {
        "https" | "http" if own => Ok(url),
        "https" if !allow_private && literal.is_some_and(is_private) => {
            Err("`url` leads into a private network: `allow_private: true` below `http` permits it"
                .to_owned())
        }
        "https" => Ok(url),
        "http" => {
            Err("`url` must begin with `https://`: records would cross the network in the clear".to_owned())
        }
        scheme => Err(format!("`url` must begin with `https://`, not with `{scheme}:`")),
    }
}

/// Whether an address is one of this machine, of a private network, or none of a single machine at all.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || first == 0
                // Carrier-grade NAT (RFC 6598), benchmarks (RFC 2544), reserved.
                || (first == 100 && second & 0xc0 == 64)
                || (first == 198 && second & 0xfe == 18)
                || first >= 240
        }
        IpAddr::V6(v6) => {
            let mapped = v6.to_ipv4_mapped().or_else(|| match v6.segments() {
                // NAT64 (RFC 6052).
                [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
                    Some([a, b, c, d].into())
                }
                _ => None,
            });
            mapped.is_some_and(|v4| is_private(v4.into()))
                || v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
        }
    }
}

/// Resolves names, and refuses those that lead where they may not.
struct Resolver {
    allow_private: bool,
    /// Names of proxies, and names that are looked up without question.
    trusted: Vec<String>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let free = self.allow_private || name == "localhost" || self.trusted.contains(&name);
        Box::pin(async move {
            let found = tokio::task::spawn_blocking(move || -> Result<Vec<SocketAddr>, std::io::Error> {
                let found: Vec<SocketAddr> = (name.as_str(), 0).to_socket_addrs()?.collect();
                if !free && found.iter().any(|address| is_private(address.ip())) {
                    return Err(std::io::Error::other(
                        "its name leads into a private network: `allow_private: true` below `http` permits it",
                    ));
                }
                Ok(found)
            });
            let found = found.await??;
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

/// The headers that a policy names, such as `Authorization: {env: TOKEN}`.
pub(super) struct Headers(Vec<(HeaderName, Setting)>);

impl Headers {
    /// Checks what can be checked before a value from outside the policy is known.
    pub(super) fn new(headers: BTreeMap<String, Setting>) -> Result<Self, PluginError> {
        let one = |(name, value): (String, Setting)| {
            let parsed = HeaderName::try_from(&name)
                .map_err(|_| PluginError::new(format!("`{name}` cannot be the name of a header")))?;
            if let Some(text) = value.literal() {
                header_value(&parsed, text).map_err(PluginError::new)?;
            }
            Ok((parsed, value))
        };
        headers.into_iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    /// The headers as they are now.
    pub(super) fn resolve(&self) -> Result<HeaderMap, SinkError> {
        let one = |(name, value): &(HeaderName, Setting)| {
            secret_header(name.clone(), &value.resolve().map_err(SinkError::retry)?)
        };
        self.0.iter().map(one).collect()
    }
}

/// A header whose value is a secret.
pub(super) fn secret_header(name: HeaderName, value: &str) -> Result<(HeaderName, HeaderValue), SinkError> {
    header_value(&name, value).map(|value| (name, value)).map_err(SinkError::retry)
}

/// A header with a secret behind a word: `Authorization: Bearer ...`.
pub(super) fn authorization(word: &str, secret: &Secret) -> Result<HeaderMap, SinkError> {
    let secret = secret.resolve().map_err(SinkError::retry)?;
    let pair = secret_header(reqwest::header::AUTHORIZATION, &format!("{word} {secret}"))?;
    Ok(HeaderMap::from_iter([pair]))
}

pub(super) fn header_value(name: &HeaderName, text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| format!("the value of the header `{name}` has characters that a header cannot have"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn read(file: &std::path::Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("cannot read `{}`: {error}", file.display()))
}

/// An error with its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error: &&dyn Error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds or a date. Discord and others also send fractions.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    if let Some(seconds) = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        return Some(seconds);
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(Timestamp::now())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_networks_are_known_in_every_spelling() {
        for text in
            ["10.1.2.3", "172.31.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "127.0.0.1"]
        {
            assert!(is_private(text.parse().unwrap()), "{text}");
            assert!(is_private(format!("::ffff:{text}").parse().unwrap()), "{text}");
            assert!(is_private(format!("64:ff9b::{text}").parse().unwrap()), "{text}");
        }
        for text in ["fc00::1", "fe80::1", "::", "::1", "ff02::1", "240.0.0.1"] {
            assert!(is_private(text.parse().unwrap()), "{text}");
        }
        for text in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111"] {
            assert!(!is_private(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn an_address_in_a_private_network_is_used_only_if_that_is_allowed() {
        for text in ["https://10.0.0.1/", "https://[fd00::1]/x", "https://169.254.169.254/latest"] {
            assert!(parse_url(text, false).unwrap_err().contains("allow_private"), "{text}");
            parse_url(text, true).unwrap();
        }
        parse_url("http://127.0.0.1:1/", false).unwrap();
        parse_url("http://10.0.0.1/", true).unwrap_err();
    }
}
