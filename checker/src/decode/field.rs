//! Fields of events beside those that every event has.

use histories::Event;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::HistoryError;

/// What stands in a field of an event; none where it is missing or null.
///
/// # Errors
/// Something else stands there; `expected` says what should.
pub(crate) fn field<T: DeserializeOwned>(
    event: &Event,
    field: &'static str,
    expected: &'static str,
) -> Result<Option<T>, HistoryError> {
    let Some(told) = event.other.get(field) else {
        return Ok(None);
    };
    Option::<T>::deserialize(told).map_err(|_| HistoryError::BadField {
        index: event.index,
        field,
        value: told.to_string(),
        expected,
    })
}
