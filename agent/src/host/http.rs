//! The port to HTTP requests made on the server itself.
//!
//! Neighbours: `resource::http_probe` repeats them. One request is one call.

use super::Error;

/// HTTP requests.
pub trait Http {
    /// The status that a GET of this address answers, redirects not followed.
    fn get(&self, url: &str) -> Result<u16, Error>;
}
