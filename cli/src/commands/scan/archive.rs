//! Archives and compressed files: what is in them, read in passing and within bounds.
//!
//! The readers are our own because the bounds are: a directory is never held in memory, a name never longer than 64 KiB,
//! and every unpacked byte is counted before anybody looks at it. Only inflating is a library's work.

mod budget;
mod gzip;
mod tar;
mod zip;

pub(super) use budget::{BoundReached, Bounds, Budget};
pub(super) use gzip::gzip;
pub(super) use tar::{is_tar, tar};
pub(super) use zip::zip;
