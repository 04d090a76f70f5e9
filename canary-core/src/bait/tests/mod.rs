//! The keeper of baits in a world in memory that can be cut off anywhere.

mod keeping;
mod world;
