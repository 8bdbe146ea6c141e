//! How long to wait after a failure.

use std::time::Duration;

use super::Options;

/// The longest wait a receiver may ask for; a broken `Retry-After` does not stop a sink for ever.
pub(super) const LONGEST_ASKED: Duration = Duration::from_hours(24);

/// The pause after so many failures in a row (from 1), with full jitter, but never shorter than the receiver asked for.
pub(super) fn pause(options: &Options, failures: u32, asked: Option<Duration>) -> Duration {
    let doubled = 2_u32.checked_pow(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let limit = options.first_pause.saturating_mul(doubled).min(options.longest_pause);
    let jittered = limit.mul_f64(random());
    asked.map_or(jittered, |asked| jittered.max(asked.min(LONGEST_ASKED)))
}

/// A number from 0 to 1. Without random numbers the whole pause is waited.
fn random() -> f64 {
    getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_honour_what_was_asked() {
        let options = Options {
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(8),
            ..Options::default()
        };
        for failures in 0..200_u32 {
            let longest = Duration::from_secs(1 << failures.saturating_sub(1).min(3));
            assert!(pause(&options, failures, None) <= longest);
        }
        let asked = Duration::from_secs(77);
        assert_eq!(pause(&options, 1, Some(asked)), asked);
        assert_eq!(pause(&options, 1, Some(Duration::MAX)), LONGEST_ASKED);
    }
}
