//! codap
