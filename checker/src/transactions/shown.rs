//! Transactions and values for a person: long lists are shortened.

use std::fmt;

use histories::{Kind, Value};

use crate::operations::Operation;

/// Elements that are shown at either end of a long list.
const ENDS: usize = 4;

/// A value, shortened.
pub(super) struct Short<'a>(pub &'a Value);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(elements) = self.0.as_list() else {
            return self.0.fmt(f);
        };
        let hidden = if elements.len() > 3 * ENDS {
            ENDS..elements.len() - ENDS
        } else {
            0..0
        };
        f.write_str("[")?;
        for (at, element) in elements.iter().enumerate() {
            if at > hidden.start && hidden.contains(&at) {
                continue;
            }
            if at > 0 {
                f.write_str(",")?;
            }
            if hidden.contains(&at) {
                write!(f, " … {} more …", hidden.len())?;
            } else {
                Short(element).fmt(f)?;
            }
        }
        f.write_str("]")
    }
}

/// A transaction: what it did and when.
pub(super) struct Shown<'a>(pub &'a Operation<'a>);

impl Shown<'_> {
    /// Without when.
    pub(super) fn brief(&self) -> String {
        let Shown(operation) = self;
        let value = match operation.outcome {
            Kind::Ok if !matches!(&*operation.invoke.f, "write" | "cas") => operation.result(),
            _ => operation.argument(),
        };
        let process = operation.invoke.process;
        match (&*operation.invoke.f, &operation.invoke.key) {
            ("txn", _) => format!("{} by process {process}", Short(value)),
            (f, None) => format!("{f} {} by process {process}", Short(value)),
            (f, Some(key)) => format!("{f} {} of {key} by process {process}", Short(value)),
        }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown(operation) = self;
        write!(f, "{} (#{}", self.brief(), operation.index())?;
        match operation.completion {
            Some(end) if end.kind == Kind::Ok => write!(f, ", ok #{})", end.index),
            Some(end) if end.kind == Kind::Fail => write!(f, ", failed #{})", end.index),
            Some(end) => write!(f, ", outcome unknown #{})", end.index),
            None => f.write_str(", never completed)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_shortened() {
        let list = |count: i64| Value::list((0..count).map(Value::from));
        assert_eq!(Short(&list(12)).to_string(), "[0,1,2,3,4,5,6,7,8,9,10,11]");
        assert_eq!(Short(&list(20)).to_string(), "[0,1,2,3, … 12 more …,16,17,18,19]");
        assert_eq!(Short(&Value::from("x")).to_string(), "\"x\"");
    }
}
