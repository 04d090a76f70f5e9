//! The AWS provider: its place. It knows no kinds yet; a configuration with `[aws]` is refused with a word that says so.

/// The provider's name, and its table in `canaries.toml`.
pub const PROVIDER: &str = "aws";
