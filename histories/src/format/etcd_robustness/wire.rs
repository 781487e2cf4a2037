//! `operations.json` as etcd's robustness tests write it: Porcupine's operations with etcd's requests and responses, one JSON
//! object after the other (`tests/robustness/report/client.go`, `model/types.go`).

use serde::{Deserialize, Deserializer};

/// One operation of one client.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Operation {
    #[serde(alias = "ClientID")]
    pub(super) client_id: u64,
    pub(super) input: Request,
    /// When it began, in nanoseconds.
    pub(super) call: i64,
    pub(super) output: Response,
    /// When it ended.
    pub(super) r#return: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Request {
    pub(super) r#type: String,
    pub(super) range: Option<Range>,
    pub(super) txn: Option<Txn>,
    pub(super) lease_revoke: Option<Lease>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Range {
    pub(super) start: String,
    /// The first key behind the range; empty: `start` alone; `"\0"`: to the last key.
    pub(super) end: String,
    pub(super) keys_only: bool,
    /// A revision of the past; 0: the present.
    pub(super) revision: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Txn {
    #[serde(deserialize_with = "or_none")]
    pub(super) conditions: Vec<Condition>,
    #[serde(deserialize_with = "or_none")]
    pub(super) operations_on_success: Vec<Part>,
    #[serde(deserialize_with = "or_none")]
    pub(super) operations_on_failure: Vec<Part>,
}

/// That a key has this `mod_revision`; 0: that there is no such key.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Condition {
    pub(super) key: String,
    pub(super) expected_revision: i64,
    pub(super) expected_version: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Part {
    pub(super) r#type: String,
    #[serde(default)]
    pub(super) range: Range,
    #[serde(default)]
    pub(super) put: Put,
    #[serde(default)]
    pub(super) delete: Delete,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Put {
    pub(super) key: String,
    pub(super) value: Held,
    #[serde(rename = "LeaseID")]
    pub(super) lease_id: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Delete {
    pub(super) key: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Lease {
    #[serde(rename = "LeaseID")]
    pub(super) lease_id: i64,
}

/// A value, or the hash of a long one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Held {
    pub(super) value: String,
    pub(super) hash: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Response {
    pub(super) txn: Option<Ended>,
    pub(super) range: Option<Found>,
    pub(super) client_error: String,
    pub(super) revision: i64,
    /// Empty: it was answered.
    pub(super) error: String,
}

/// How a transaction ended.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Ended {
    /// Whether its conditions did not hold.
    pub(super) failure: bool,
    #[serde(deserialize_with = "or_none")]
    pub(super) results: Vec<Found>,
}

/// What a range found, or how many keys a delete.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Found {
    #[serde(rename = "KVs", deserialize_with = "or_none")]
    pub(super) kvs: Vec<KeyValue>,
    /// Of all keys in the range, also those behind a limit.
    pub(super) count: i64,
    pub(super) deleted: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct KeyValue {
    pub(super) key: String,
    pub(super) value: Held,
    pub(super) mod_revision: i64,
}

/// Go writes an empty slice as null.
fn or_none<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
