//! `codap archive`: what is in the archive, under which name; what is told of what is not; and that
//! what stands at the target is whole, whatever happens meanwhile.

mod contents;
mod crashes;
mod failures;
mod formats;
mod interrupted;
mod memory;
mod names;
mod parts;
mod resumed;
mod site;
mod stdout;
mod store;
mod targets;
