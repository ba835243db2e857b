//! Sources as their users see them, against servers that behave and servers that do not.

mod file;
