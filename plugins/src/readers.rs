//! Rules of other tools, taken over as detection rules of a policy. What cannot be taken over is said, never dropped.

mod expression;
mod gitleaks;
