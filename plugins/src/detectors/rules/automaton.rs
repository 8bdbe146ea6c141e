//! Runs an automaton that `build/automaton.rs` made; the form of its bytes is described there.

/// The number of states, that of classes, and the length of the shortest match.
const HEAD: usize = 4;
/// How far a match may reach, in bytes: the work for one place of a text has to have a bound.
const FURTHEST: usize = 4096;
/// One class for each ASCII byte.
const CLASSES: usize = 128;

/// An automaton over ASCII bytes.
#[derive(Debug)]
pub(super) struct Automaton<'b> {
    /// The class of each ASCII byte.
    classes: &'b [u8; CLASSES],
    /// One byte a state: whether a match may end there.
    accepts: &'b [u8],
    /// For each state, the state that each class leads to.
    next: &'b [[u8; 2]],
    width: usize,
    /// The length of the shortest match, in bytes, or less.
    shortest: usize,
}

impl<'b> Automaton<'b> {
    /// `None` for no bytes, and for bytes that are no automaton.
    pub(super) fn new(bytes: &'b [u8]) -> Option<Self> {
        let &[low, high, width, shortest] = bytes.first_chunk::<HEAD>()?;
        let states = usize::from(u16::from_le_bytes([low, high]));
        let rest = bytes.get(HEAD..)?;
        let (classes, rest) = rest.split_at_checked(CLASSES)?;
        let (accepts, next) = rest.split_at_checked(states)?;
        let width = usize::from(width);
        let (next, odd) = next.as_chunks::<2>();
        (odd.is_empty() && next.len() == states * width).then_some(())?;
        Some(Self { classes: classes.first_chunk()?, accepts, next, width, shortest: usize::from(shortest) })
    }

    /// The next place from one on and before another at which so many bytes follow that may be in a match as the shortest one has.
    /// Looks at the last of them first, and so at a few bytes of each word.
    pub(super) fn next(&self, bytes: &[u8], mut at: usize, limit: usize) -> Option<usize> {
        let foreign = |byte: &u8| self.classes.get(usize::from(*byte)).is_none_or(|class| *class == 0);
        while at < limit {
            match bytes.get(at..at + self.shortest)?.iter().rposition(foreign) {
                Some(last) => at += last + 1,
                None => return Some(at),
            }
        }
        None
    }

    /// The length of the longest match that begins where the bytes begin.
    pub(super) fn longest(&self, bytes: &[u8]) -> Option<usize> {
        let mut state = 1;
        let mut longest = None;
        for (at, byte) in bytes.iter().take(FURTHEST).enumerate() {
            let Some(class) = self.classes.get(usize::from(*byte)) else { break };
            let to = self.next.get(state * self.width + usize::from(*class)).copied().unwrap_or_default();
            state = usize::from(u16::from_le_bytes(to));
            if state == 0 {
                break;
            }
            if self.accepts.get(state).is_some_and(|accepts| *accepts == 1) {
                longest = Some(at + 1);
            }
        }
        longest
    }
}
