//! Baits in a world in memory that can be cut off anywhere.

mod keeping;
mod proving;
mod world;
