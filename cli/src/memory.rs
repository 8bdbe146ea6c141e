//! The memory that a hook writes to, from the system in one request instead of page by page.
#![cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(unsafe_code, reason = "where the heap ends and what is wanted of it have no safe interface")
)]

/// How much a decision about a short call writes to, after its payload was read.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const WRITTEN: usize = 80 * 1024;

/// Asks for the pages behind the payload, where the allocations to come will be: a page that is touched for the first time is a fault,
/// which costs two to three times what the page does when many are asked for together. A system that cannot do that (Linux before
/// 5.14) makes the pages one by one, as ever.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn ahead(payload: &Vec<u8>) {
    const PAGE: usize = 4096;
    let begin = (payload.as_ptr().addr() + payload.capacity()).next_multiple_of(PAGE);
    // SAFETY: an increment of 0 changes nothing.
    let end = unsafe { libc::sbrk(0) };
    // A payload of megabytes is not on the heap, and beside it is what nobody here knows.
    let length = end.addr().saturating_sub(begin).min(WRITTEN);
    if length > 0 {
        // SAFETY: what a page holds does not change by it; an address that does not exist is an error, which changes nothing either.
        unsafe {
            libc::madvise(end.with_addr(begin), length, libc::MADV_POPULATE_WRITE);
        }
    }
}

/// Elsewhere pages come one by one.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn ahead(_payload: &Vec<u8>) {}
