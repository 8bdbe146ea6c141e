//! Chat services whose tokens have no prefix: Discord and Telegram.

use super::text::{alphanumeric, digit, dummy, from, piece, run, run_back, url_safe, variety};
use agentfirewall_sdk::{Confidence, Finding, Scan, Severity};

/// How far behind the word a bot's token is looked for, in bytes.
const NEAR: usize = 160;

/// The bot's number in base64url (it begins with M, N or O), a time stamp, an HMAC.
fn discord_token(bytes: &[u8], at: usize) -> Option<usize> {
    if at > 0 && bytes.get(at - 1).is_some_and(|byte| url_safe(*byte) || *byte == b'.') {
        return None;
    }
    let number = run(bytes, at, 29, url_safe);
    let time = run(bytes, at + number + 1, 8, url_safe);
    let code = run(bytes, at + number + time + 2, 40, url_safe);
    let points = bytes.get(at + number) == Some(&b'.') && bytes.get(at + number + time + 1) == Some(&b'.');
    let end = at + number + time + code + 2;
    let fits = points && (23..=28).contains(&number) && (6..=7).contains(&time) && (27..=38).contains(&code);
    (fits && variety(piece(bytes, at, end)) >= 16).then_some(end)
}

fn discord(scan: &mut Scan<'_>) {
    let bytes = scan.text().as_bytes();
    let mut done = 0;
    for &hit in scan.hits() {
        for at in hit.max(done)..(hit + NEAR).min(bytes.len()) {
            if matches!(bytes.get(at), Some(b'M' | b'N' | b'O'))
                && let Some(end) = discord_token(bytes, at)
            {
                scan.report(Finding::new(at..end, Confidence::High, Severity::High));
                done = end;
                break;
            }
            done = at + 1;
        }
    }
}

coded! {
    DiscordBot => discord;
    id: "discord-bot-token",
    summary: "Discord bot tokens near the words discord, bot or token",
    why: "the token is the bot: it reads and writes wherever the bot was invited",
    examples: [concat!("DISCORD_TOKEN=MTA1NTI4NDU5NzEzMjY2MDg5OQ", ".GhX2kL.T8zbUra8tOBe9JwEqdFkCAleyZChyOuUc5Q366")],
    negatives: ["discord: MTA1NTI4NDU5NzEzMjY2MDg5OQ", "discord.py 2.3.2 NaN.NaN.NaN"],
    keywords: ["discord", "bot_token", "bot token", "bot-token", "bottoken", "Bot M", "Bot N", "Bot O"],
}

/// The bot's number, a colon, and 35 characters that begin with `AA`.
fn telegram(scan: &mut Scan<'_>) {
    let bytes = scan.text().as_bytes();
    for &at in scan.hits() {
        let number = run_back(bytes, at, 12, digit);
        let start = at - number;
        let before = bytes.get(..start).unwrap_or_default();
        let bounded = !before.last().is_some_and(|byte| alphanumeric(*byte) || *byte == b':')
            || before.ends_with(b"/bot");
        // No length is documented. What everybody has seen is 35; one less is taken for one with less confidence.
        let length = run(bytes, at + 1, 36, url_safe);
        let secret = piece(bytes, at + 1, at + 1 + length);
        if !(8..=10).contains(&number)
            || !bounded
            || !secret.starts_with(b"AA")
            || !matches!(length, 34 | 35)
            || dummy(from(secret, 2))
        {
            continue;
        }
        let confidence = if length == 35 { Confidence::High } else { Confidence::Medium };
        scan.report(Finding::new(start..at + 1 + length, confidence, Severity::High));
    }
}

coded! {
    Telegram => telegram;
    id: "telegram-bot-token",
    summary: "Telegram bot tokens",
    why: "the token is the bot: it reads what people send it and answers in its name",
    examples: [
        concat!("https://api.telegram.org/bot5483920172", ":AAE5QxvkO8STCeuw0OZafuWoqyLTKfD6ktq/getMe"),
        concat!("5483920172", ":AAE5QxvkO8STCeuw0OZafuWoqyLTKfD6kt"),
    ],
    negatives: ["5483920172:AAE5Qxvk", concat!("12:34", ":AAE5QxvkO8STCeuw0OZafuWoqyLTKfD6ktq"), "00000000:AAxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
    keywords: [":AA"],
}
