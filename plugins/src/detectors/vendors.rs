//! More vendors.
