//! The built-in sinks, and what several of them share: the way over HTTP, connections, secrets, words for people.

mod command;
mod datadog;
mod discord;
mod elasticsearch;
mod file;
mod http;
mod kafka_rest;
mod message;
mod nats;
mod otlp;
mod pagerduty;
mod setting;
mod slack;
mod splunk;
mod stdout;
mod stream;
mod syslog;
mod teams;
mod webhook;
