//! PowerShell and the commands of `cmd.exe`.
use crate::understand::{Doing, Fuel};

pub(super) fn read(_text: &str, _fuel: &mut Fuel) -> Doing {
    Doing::default()
}

pub(super) fn batch(_text: &str, _fuel: &mut Fuel) -> Doing {
    Doing::default()
}
