//! Running another program for its answer, with a deadline.

use std::io::{self, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What a program answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub output: String,
    /// Its standard error.
    pub errors: String,
}

/// Runs a program without input and waits for it no longer than `limit`; then it is killed, and that is an error.
pub(crate) fn run(command: &mut Command, limit: Duration) -> io::Result<Answer> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let output = child.stdout.take().map(collect);
    let errors = child.stderr.take().map(collect);
    let deadline = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("it did not answer within {} seconds", limit.as_secs()),
            ));
        }
        thread::sleep(Duration::from_millis(5));
    };
    let text = |reader: Option<thread::JoinHandle<Vec<u8>>>| {
        let bytes = reader.and_then(|reader| reader.join().ok()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    Ok(Answer { status, output: text(output), errors: text(errors) })
}

fn collect(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is still the answer.
        let _partial = stream.read_to_end(&mut bytes);
        bytes
    })
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_deadlines() {
        let answer =
            run(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]), Duration::from_mins(1));
        let answer = answer.unwrap();
        assert_eq!(
            (answer.status.code(), answer.output.as_str(), answer.errors.as_str()),
            (Some(3), "out\n", "err\n")
        );
        let late = run(Command::new("sleep").arg("600"), Duration::from_millis(20));
        assert_eq!(late.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
