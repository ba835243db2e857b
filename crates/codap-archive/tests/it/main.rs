//! What users of the crate can see.
