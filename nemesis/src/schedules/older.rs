//! Cycles as they were saved before all schedules left the same record.

use super::guided::record::Record;

/// Reads a cycle that was saved in a form of its own; nothing if this record is not of that form.
pub(super) type OlderRecord = fn(&serde_json::Value) -> Option<Result<Record, serde_json::Error>>;

/// The forms that cycles had before all had the common one: runs that were saved then are still read.
pub(super) const OLDER_RECORDS: &[OlderRecord] = &[super::figure8::old::read];
