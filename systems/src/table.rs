//! The table of systems.

use std::sync::{LazyLock, PoisonError, RwLock};

use runs::record::SettingsError;

use crate::cluster_node;
use crate::system::Row;

/// The systems: those of this folder, and what was added while the program runs.
static TABLE: LazyLock<RwLock<Vec<&'static Row>>> =
    LazyLock::new(|| RwLock::new(vec![Box::leak(Box::new(cluster_node::row()))]));

/// Every system.
pub fn all() -> Vec<&'static Row> {
    TABLE.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Put a system into the table, where it stays as long as the program runs; one of its name gives way.
pub fn add(row: Row) -> &'static Row {
    let row: &'static Row = Box::leak(Box::new(row));
    let mut rows = TABLE.write().unwrap_or_else(PoisonError::into_inner);
    rows.retain(|other| other.name != row.name);
    rows.push(row);
    row
}

/// The system of that name.
///
/// # Errors
/// There is none.
pub fn row(name: &str) -> Result<&'static Row, SettingsError> {
    let found = all().into_iter().find(|row| row.name == name);
    found.ok_or_else(|| SettingsError::unknown("system", name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_that_is_added_is_found_and_takes_the_place_of_its_name() {
        let other = |about| Row {
            name: "other",
            about,
            ..cluster_node::row()
        };
        assert!(row("other").is_err());
        add(other("the first"));
        add(other("the second"));
        assert_eq!(row("other").unwrap().about, "the second");
        assert_eq!(all().iter().filter(|row| row.name == "other").count(), 1);
        assert!(row("cluster-node").is_ok());
    }
}
