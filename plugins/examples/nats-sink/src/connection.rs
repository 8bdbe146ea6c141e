//! One connection to the servers, and what their answers mean.
//!
//! The sink is asked from a plain thread and the client is asynchronous: the connection has a small runtime of its own,
//! which runs while something is asked of it and stands still in between.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agentfirewall_sdk::{Action, Event, SinkError};
use async_nats::jetstream::context::{GetStreamByNameErrorKind, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, Context, ErrorCode};
use async_nats::{ConnectOptions, ServerAddr};
use tokio::runtime::{Builder, Runtime};

use crate::Settings;

/// An address that may be used. It holds no secret, so errors may repeat it.
pub(crate) fn server(text: &str, allow_plaintext: bool) -> Result<ServerAddr, String> {
    // A login in the address is not repeated.
    if text.contains('@') {
        return Err("`servers`: a login in an address: give it in `auth`".to_owned());
    }
    let address: ServerAddr =
        text.parse().map_err(|error| format!("`servers`: `{text}` is not an address: {error}"))?;
    if address.host().is_empty() {
        return Err(format!("`servers`: `{text}` names no host"));
    }
    match address.scheme() {
        "tls" => Ok(address),
        "nats" if allow_plaintext || is_loopback(address.host()) => Ok(address),
        "nats" => Err(format!(
            "`servers`: `{text}` must begin with `tls://`: records would cross the network in the clear \
             (`allow_plaintext: true` permits it)"
        )),
        scheme => Err(format!("`servers`: `{text}` must begin with `tls://`, not with `{scheme}://`")),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// The last complaint of a server that is no answer to anything, such as a missing permission to publish.
type Complaint = Arc<Mutex<Option<String>>>;

pub(crate) struct Connection {
    runtime: Runtime,
    context: Context,
    complaint: Complaint,
    /// For messages.
    servers: String,
}

impl Connection {
    /// Whatever goes wrong here can be put right without a new policy, and has nothing to do with the record: it waits.
    pub(crate) fn open(settings: &Settings) -> Result<Self, SinkError> {
        let names: Vec<_> =
            settings.servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect();
        let servers = names.join(", ");
        let retry = |what: &dyn fmt::Display| SinkError::retry(format!("{servers}: {what}"));
        let complaint = Complaint::default();
        let options = options(settings, &complaint).map_err(|error| retry(&error))?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| retry(&error))?;
        // The client's own limit is for one server and begins after its name was looked up.
        let limit = settings
            .timeout
            .saturating_mul(u32::try_from(settings.servers.len()).unwrap_or(u32::MAX))
            .saturating_add(Duration::from_secs(1));
        let connected = runtime.block_on(async {
            tokio::time::timeout(limit, options.connect(settings.servers.as_slice())).await
        });
        match connected {
            Ok(Ok(client)) => {
                // It starts a task of its own, which has to know where to run.
                let inside = runtime.enter();
                let mut context = jetstream::new(client);
                context.set_timeout(settings.timeout);
                drop(inside);
                Ok(Self { runtime, context, complaint, servers })
            }
            failed => {
                // Looking up a name cannot be interrupted, and dropping the runtime would wait for it.
                runtime.shutdown_background();
                Err(match failed {
                    Ok(Err(error)) => retry(&error),
                    _ => retry(&format!("no answer within {} s", limit.as_secs())),
                })
            }
        }
    }

    pub(crate) fn publish(&self, settings: &Settings, event: &Event) -> Result<(), SinkError> {
        let subject = settings.subject.of(event);
        let payload = serde_json::to_vec(&event.record)
            .map_err(|error| SinkError::reject(format!("the record cannot be written: {error}")))?;
        let mut message = PublishMessage::build().payload(payload.into()).message_id(&event.id);
        if let Some(stream) = &settings.stream {
            // A subject that someone has moved to another stream is an error, not a surprise.
            message = message.expected_stream(stream);
        }
        let acknowledged = self.runtime.block_on(async {
            // Sent, then stored: only the second makes it delivered. A duplicate is acknowledged like the first.
            self.context.send_publish(subject.clone(), message).await?.await
        });
        acknowledged.map(drop).map_err(|error| self.refused(settings, &subject, &error))
    }

    /// What a failure means for the record. It is refused for good where it will never fit; all else is a fault of the
    /// servers or of their configuration, which somebody mends, while the record waits in the audit log.
    fn refused(&self, settings: &Settings, subject: &str, error: &PublishError) -> SinkError {
        let servers = &self.servers;
        match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => {
                SinkError::reject(format!("{servers}: the record is larger than the server takes: {error}"))
            }
            PublishErrorKind::StreamNotFound => SinkError::retry(format!(
                "{servers}: no stream takes `{subject}`: create one, or change `subject`"
            )),
            PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => {
                let complaint = self.complaint.lock().ok().and_then(|mut complaint| complaint.take());
                SinkError::retry(complaint.map_or_else(
                    || {
                        let seconds = settings.timeout.as_secs();
                        format!("{servers}: no acknowledgement of `{subject}` within {seconds} s")
                    },
                    |complaint| format!("{servers}: {complaint}"),
                ))
            }
            _ => match answer(error).map(jetstream::Error::error_code) {
                Some(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM) => SinkError::reject(format!(
                    "{servers}: the record is larger than the stream takes: {error}"
                )),
                Some(ErrorCode::STREAM_NOT_MATCH) => SinkError::retry(format!(
                    "{servers}: `{subject}` is taken by another stream than `{}`",
                    settings.stream.as_deref().unwrap_or_default()
                )),
                _ => SinkError::retry(format!("{servers}: `{subject}`: {error}")),
            },
        }
    }

    /// Publishes nothing: asks which streams would take which records.
    pub(crate) fn check(&self, settings: &Settings) -> Result<String, SinkError> {
        let servers = &self.servers;
        let version = self.context.client().server_info().version;
        let mut taken = Vec::new();
        let mut missing = Vec::new();
        for action in Action::ALL {
            let subject = settings.subject.of_action(action);
            match self.runtime.block_on(self.context.stream_by_subject(&subject)) {
                Ok(stream) if settings.stream.as_ref().is_none_or(|wanted| *wanted == stream) => {
                    taken.push(format!("{action} to `{stream}`"));
                }
                Ok(_) => missing.push(action.as_str()),
                Err(error) if error.kind() == GetStreamByNameErrorKind::NotFound => {
                    missing.push(action.as_str());
                }
                // A user who may publish need not be one who may ask.
                Err(error) => {
                    return Err(SinkError::retry(format!("{servers}: cannot ask for streams: {error}")));
                }
            }
        }
        let stream = settings.stream.as_ref().map_or("stream".to_owned(), |name| format!("stream `{name}`"));
        if taken.is_empty() {
            return Err(SinkError::retry(format!("{servers}: no {stream} takes the records")));
        }
        let missing = match missing.as_slice() {
            [] => String::new(),
            missing => format!("; no {stream} takes {}", missing.join(", ")),
        };
        Ok(format!("{servers} answers (NATS {version}): {}{missing}", taken.join(", ")))
    }
}

/// The server's own answer inside an error of the client.
fn answer(error: &PublishError) -> Option<&jetstream::Error> {
    std::error::Error::source(error)?.downcast_ref()
}

fn options(settings: &Settings, complaint: &Complaint) -> Result<ConnectOptions, String> {
    let complaint = Arc::clone(complaint);
    let mut options = ConnectOptions::new()
        .name(concat!("agentfirewall nats-sink ", env!("CARGO_PKG_VERSION")))
        .connection_timeout(settings.timeout)
        .request_timeout(Some(settings.timeout))
        // A cluster names its other servers without saying how to reach them: records would go there in the clear.
        .ignore_discovered_servers()
        .event_callback(move |event| {
            if let (async_nats::Event::ServerError(error), Ok(mut complaint)) = (event, complaint.lock()) {
                *complaint = Some(error.to_string());
            }
            std::future::ready(())
        });
    if let Some(ca) = &settings.tls.ca {
        options = options.add_root_certificates(ca.clone());
    }
    if let (Some(certificate), Some(key)) = (&settings.tls.certificate, &settings.tls.key) {
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    match &settings.auth {
        Some(auth) => auth.apply(options),
        None => Ok(options),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_machine_itself_may_be_reached_in_the_clear() {
        for text in
            ["tls://nats.example.com", "nats://127.0.0.1:4222", "nats://localhost", "nats://[::1]:4222"]
        {
            assert!(server(text, false).is_ok(), "{text}");
        }
        for text in ["nats://nats.example.com", "nats.example.com:4222", "nats://localhost.example.com"] {
            assert!(server(text, false).unwrap_err().contains("in the clear"), "{text}");
            assert!(server(text, true).is_ok(), "{text}");
        }
        for text in ["ws://127.0.0.1", "http://127.0.0.1", "", "tls://"] {
            assert!(server(text, true).is_err(), "{text}");
        }
    }

    #[test]
    fn a_login_in_an_address_is_refused_and_not_repeated() {
        let error = server("tls://user:pass-word@nats.example.com", true).err().unwrap();
        assert!(error.contains("`auth`") && !error.contains("pass-word"), "{error}");
    }
}
