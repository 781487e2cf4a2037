//! The described systems that come with the harness: a folder each, beside `src`, with its `system.toml`.

/// A description that comes with the harness.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// The system's name, which its description has, too.
    pub name: &'static str,
    /// Its description.
    pub text: &'static str,
}

/// Every one; a new one is a folder and a row.
pub const TABLE: &[Builtin] = &[
    Builtin {
        name: "etcd",
        text: include_str!("../builtin/etcd/system.toml"),
    },
    Builtin {
        name: "redis",
        text: include_str!("../builtin/redis/system.toml"),
    },
];
