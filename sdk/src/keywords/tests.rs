use super::together::All;
use super::*;

const TEXT: &str = "ghp_AKIAtokennpm_";
static TABLE: KeywordTable<5> = KeywordTable::of(
    &[(0, 4, 0, true), (4, 4, 1, true), (8, 5, 2, true), (8, 3, 3, true), (13, 4, 4, false)],
    TEXT,
);

fn rows(text: &str) -> Vec<u16> {
    let mut rows = Vec::new();
    let head = head(text.as_bytes(), 0);
    let index = TABLE.index(TEXT);
    index.at(text.as_bytes(), 0, head, index.lengths(head), &mut |row| rows.push(row));
    rows.sort_unstable();
    rows
}

#[test]
fn keywords_are_found_whatever_their_case_and_only_whole() {
    assert_eq!(rows("ghp_x"), [0]);
    assert_eq!(rows("akia"), [1]);
    assert_eq!(rows("TOKEN="), [2, 3]);
    assert_eq!(rows("toke"), [3]);
    assert!(rows("ghp").is_empty() && rows("no").is_empty() && rows("other").is_empty());
}

const OTHERS: [&str; 4] = ["xoxb", "pwd", "é~9", "-----BEGIN"];
static ROOMY: KeywordTable<2> =
    KeywordTable::of(&[(0, 4, 0, true), (8, 3, 3, true)], TEXT).and_let_through(&[&OTHERS, &["npm_"]]);

#[test]
fn one_filter_of_all_lets_through_what_each_lets_through() {
    let mut growing = GrowingIndex::default();
    OTHERS.into_iter().for_each(|keyword| assert!(growing.add(keyword, 0)));
    let made = Together::of([TABLE.index(TEXT)].iter(), &growing);
    assert!(matches!(made.0, All::Made(_)));
    finds_all(&made, &TABLE.index(TEXT), &growing, true);
    // The table's own will do where it lets through all others.
    let own = Together::of([ROOMY.index(TEXT)].iter(), &growing);
    assert!(matches!(own.0, All::Table(_)));
    finds_all(&own, &ROOMY.index(TEXT), &growing, false);
    let others = |keyword| ROOMY.index(TEXT).lets_through(keyword);
    assert!(OTHERS.into_iter().all(others) && others("tok") && others("npm_"));
    assert!(!others("akia") && !others("xoxc") && !others("pw") && !others("token"));
}

fn finds_all(together: &Together, table: &KeywordIndex, growing: &GrowingIndex, exactly: bool) {
    // Random bytes, and keywords on every side of the end of a block.
    let mut text: Vec<u8> = Vec::new();
    for number in 0..400_u32 {
        text.extend(number.wrapping_mul(0x9E37_79B1).to_le_bytes());
        if number % 7 == 0 {
            let words = ["ghp_", "TOK", "akia", "xOxB", "PWD", "-----begin", "é~9"];
            text.extend(words[number as usize % words.len()].as_bytes());
        }
    }
    let mut found = 0;
    for (from, piece) in text.windows(BLOCK + 4).enumerate() {
        let [even, odd] = together.places(piece.first_chunk().unwrap());
        for at in 0..BLOCK {
            let four = u32::from_le_bytes(*piece[at..].first_chunk().unwrap());
            let places = if at % 2 == 0 { even } else { odd };
            let plain = growing.exactly(four) || table.may(four);
            let found = places >> (at / 2) & 1 == 1;
            assert!(found == plain || (found && !exactly), "{from} and {at}");
        }
    }
    for at in 0..text.len() {
        let head = head(&text, at);
        let mut stands = 0;
        growing.at(&text, at, head, Lengths::ALL, &mut |_| stands += 1);
        table.at(&text, at, head, Lengths::ALL, &mut |_| stands += 1);
        let mut again = 0;
        growing.at(&text, at, head, together.lengths(head), &mut |_| again += 1);
        table.at(&text, at, head, together.lengths(head), &mut |_| again += 1);
        assert_eq!(again, stands, "{at}");
        found += stands;
    }
    assert!(found > 50, "{found}");
}

impl GrowingIndex {
    /// [`GrowingIndex::may`] as a filter of the full size says it.
    fn exactly(&self, four: u32) -> bool {
        self.entries.iter().any(|entry| {
            let [one, two, three, last, ..] = entry.head.to_le_bytes();
            first(u32::from_le_bytes([one, two, three, last])) == first(four)
                && (entry.keyword.len() == SHORTEST || (four >> 24) as u8 & 7 == last & 7)
        })
    }
}

#[test]
fn bits_are_in_the_order_of_their_bytes() {
    for number in [0, 1, 1 << 63, 0x8000_8001_0100_0101, u64::MAX, 0x0123_4567_89AB_CDEF] {
        let bytes = std::array::from_fn(|at| all_or_nothing(number >> at & 1 == 1));
        assert_eq!(bits(&bytes), number);
    }
}

#[test]
fn every_keyword_is_listed_with_its_row() {
    let mut all: Vec<_> = TABLE.index(TEXT).keywords().collect();
    all.sort_unstable();
    assert_eq!(all, [(0, "ghp_"), (1, "AKIA"), (2, "token"), (3, "tok"), (4, "npm_")]);
}

#[test]
fn words_count_where_they_begin() {
    let found = |text: &str, at: usize| {
        let mut rows = Vec::new();
        let bytes = text.as_bytes();
        TABLE.index(TEXT).at(bytes, at, head(bytes, at), Lengths::ALL, &mut |row| rows.push(row));
        rows == [4]
    };
    for (text, at) in [
        ("npm_x", 0),
        ("=NPM_x", 1),
        ("_npm_x", 1),
        (".npm_x", 1),
        ("énpm_x", 2),
        ("\\nnpm_x", 2),
        ("%3Dnpm_x", 3),
        ("\\x3dnpm_x", 4),
        ("\\u003dnpm_x", 6),
        ("a long text before\\nnpm_x", 20),
        ("a long text before%3Dnpm_x", 21),
        ("a long text before\\u003dnpm_x", 24),
    ] {
        assert!(found(text, at), "{text}");
    }
    for (text, at) in [
        ("anpm_", 1),
        ("9npm_x", 1),
        ("nnpm_x", 1),
        ("3Dnpm_x", 2),
        ("x3dnpm_x", 3),
        ("u003dnpm_x", 5),
        ("\\u00dnpm_x", 5),
    ] {
        assert!(!found(text, at), "{text}");
    }
}
