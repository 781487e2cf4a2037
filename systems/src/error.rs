//! Why a system cannot be had.

/// Why a system cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// Its binary is nowhere.
    #[error("cannot find {binary} ({tried}); {how_to_get}")]
    NoBinary {
        /// Its name.
        binary: &'static str,
        /// Where it was looked for.
        tried: String,
        /// What to do.
        how_to_get: &'static str,
    },
    /// Nobody to ask it.
    #[error("cannot set up the HTTP client: {0}")]
    Client(reqwest::Error),
}
