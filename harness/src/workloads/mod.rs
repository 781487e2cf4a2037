//! The workloads, one file each: a seeded generator of operations, together with the model that judges them.

mod register;

use histories::{Seed, Value};

/// One operation that a client is to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// The model's word.
    pub f: &'static str,
    /// The key.
    pub key: Value,
    /// The argument.
    pub value: Value,
}

/// Makes operations, and hears what came of them. Shared by all clients, one at a time.
pub trait Workload: Send {
    /// The next operation for some client.
    fn next(&mut self) -> Operation;

    /// An operation was ok, and this is what it read or wrote.
    fn on_ok(&mut self, operation: &Operation, value: &Value);
}

/// What a workload is built from.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Fixes every choice.
    pub seed: Seed,
    /// How many clients there are at a time.
    pub clients: usize,
}

/// A row of the table of workloads.
pub struct Row {
    /// Its name on the command line.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// The model that judges it.
    pub model: &'static str,
    /// Build it.
    pub build: fn(Settings) -> Box<dyn Workload>,
}

/// Every workload; a new one is a file here and a row.
pub const TABLE: &[Row] = &[register::ROW];

/// The workload of that name.
pub fn find(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}
