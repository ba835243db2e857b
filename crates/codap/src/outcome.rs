//! What work may yield: a value, or a `Result` whose error becomes the entry's failure.

use crate::error::BoxError;

/// What the work of an entry may yield for a container of `V`: `V` itself, or `Result<V, E>` with
/// any error that `?` could turn into a boxed one. Implemented for exactly these two.
///
/// `M` tells the two apart, and is always inferred; at run time it costs nothing.
#[diagnostic::on_unimplemented(
    message = "work that yields `{Self}` cannot fill an entry of `{V}`",
    label = "this work yields `{Self}`",
    note = "work yields the container's `{V}`, or `Result<{V}, E>` with `E: Into<Box<dyn Error + Send + Sync>>`",
    note = "in an async block that uses `?`, end with `codap::ok(value)` to name the error type"
)]
pub trait Outcome<V, M>: sealed::Sealed<V, M> {}

#[expect(unnameable_types, reason = "nobody outside implements or names what seals `Outcome`")]
mod sealed {
    use crate::error::BoxError;

    /// The one way to look into an outcome.
    pub trait Sealed<V, M> {
        fn into_result(self) -> Result<V, BoxError>;
    }

    /// Marks work that cannot fail.
    #[derive(Debug)]
    pub struct Infallible;

    /// Marks work that can fail.
    #[derive(Debug)]
    pub struct Fallible;
}

use sealed::{Fallible, Infallible};

impl<V> sealed::Sealed<V, Infallible> for V {
    fn into_result(self) -> Result<V, BoxError> {
        Ok(self)
    }
}

impl<V> Outcome<V, Infallible> for V {}

impl<V, E: Into<BoxError>> sealed::Sealed<V, Fallible> for Result<V, E> {
    fn into_result(self) -> Result<V, BoxError> {
        self.map_err(Into::into)
    }
}

impl<V, E: Into<BoxError>> Outcome<V, Fallible> for Result<V, E> {}

/// `Ok`, with an error type that every `?` fits: the last line of an async block that uses `?`. Costs
/// nothing.
///
/// ```
/// # let kv = codap::Kv::<&str, u16>::new();
/// kv.put("port", async {
///     let port = "8080".parse::<u16>()?;
///     codap::ok(port)
/// });
/// assert_eq!(kv["port"], 8080);
/// ```
///
/// # Errors
/// None: it is always `Ok`.
pub fn ok<T>(value: T) -> Result<T, BoxError> {
    Ok(value)
}
