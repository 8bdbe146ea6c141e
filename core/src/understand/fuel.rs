//! What understanding a call may cost: steps, not time, so that the same call always has the same answer.

/// Steps that are left. Whoever runs out of them has not understood the call.
#[derive(Debug)]
pub(crate) struct Fuel(u32);

impl Fuel {
    /// So many steps.
    pub(crate) const fn new(steps: u32) -> Self {
        Self(steps)
    }

    /// Takes steps; `false` once there are not enough, and from then on for ever.
    pub(crate) const fn spend(&mut self, steps: u32) -> bool {
        if let Some(left) = self.0.checked_sub(steps) {
            self.0 = left;
            true
        } else {
            self.0 = 0;
            false
        }
    }

    /// Whether all is spent.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_is_gone() {
        let mut fuel = Fuel::new(3);
        assert!(fuel.spend(2));
        assert!(!fuel.spend(2));
        assert!(!fuel.spend(1) && fuel.is_empty());
    }
}
