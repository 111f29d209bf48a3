//! The part of `cli` that reads words; the rest of it ends the process.

#[path = "../../../src/cli/help.rs"]
pub mod help;
#[path = "../../../src/cli/options.rs"]
pub mod options;
#[path = "../../../src/cli/parse.rs"]
pub mod parse;
