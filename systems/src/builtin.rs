//! The described systems that come with the harness: a folder each, beside `src`, with its `system.toml` and the files that it
//! brings along.

use crate::description::Description;
use crate::reading::{self, DescriptionError};

/// A description that comes with the harness.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// The system's name, which its description has, too.
    pub name: &'static str,
    /// Its description.
    pub text: &'static str,
    /// The files beside it: their names, and what stands in them.
    pub files: &'static [(&'static str, &'static str)],
}

impl Builtin {
    /// The system that a text describes which has the same files beside it.
    ///
    /// # Errors
    /// It describes none.
    pub fn read(&self, text: &str, file: &str) -> Result<Description, DescriptionError> {
        reading::read(text, file, &|name| {
            let found = self.files.iter().find(|(known, _)| *known == name);
            let found = found.ok_or_else(|| format!("{} brings no such file along", self.name))?;
            Ok(found.1.as_bytes().to_vec())
        })
    }
}

/// The one of this name.
#[cfg(test)]
pub(crate) fn named(name: &str) -> &'static Builtin {
    TABLE.iter().find(|builtin| builtin.name == name).unwrap()
}

#[cfg(test)]
impl Builtin {
    /// What it describes.
    pub(crate) fn described(&self) -> Description {
        self.read(self.text, self.name).unwrap()
    }
}

/// Nothing is beside it.
#[cfg(test)]
pub(crate) fn none(_: &str) -> Result<Vec<u8>, String> {
    Err("no such file".to_owned())
}

/// Every one; a new one is a folder and a row.
pub const TABLE: &[Builtin] = &[
    Builtin {
        name: "consul",
        text: include_str!("../builtin/consul/system.toml"),
        files: &[],
    },
    Builtin {
        name: "dqlite",
        text: include_str!("../builtin/dqlite/system.toml"),
        files: &[],
    },
    Builtin {
        name: "etcd",
        text: include_str!("../builtin/etcd/system.toml"),
        files: &[],
    },
    Builtin {
        name: "nats",
        text: include_str!("../builtin/nats/system.toml"),
        files: &[],
    },
    Builtin {
        name: "postgres",
        text: include_str!("../builtin/postgres/system.toml"),
        files: &[],
    },
    Builtin {
        name: "pysyncobj",
        text: include_str!("../builtin/pysyncobj/system.toml"),
        files: &[("node.py", include_str!("../builtin/pysyncobj/node.py"))],
    },
    Builtin {
        name: "redis",
        text: include_str!("../builtin/redis/system.toml"),
        files: &[],
    },
    Builtin {
        name: "zookeeper",
        text: include_str!("../builtin/zookeeper/system.toml"),
        files: &[("adapter.py", include_str!("../builtin/zookeeper/adapter.py"))],
    },
];
