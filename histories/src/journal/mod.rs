//! The journal of a node, line by line (docs/journal.md): what a node claims of itself.
//!
//! One file an incarnation. A file may end inside a line, for its writer may have been killed; that line is left out.
//! Everything else that is not what the page says is an error with its line.
//!
//! ```
//! use histories::journal::{Event, Reader};
//! use histories::{Incarnation, LogIndex};
//! let text = br#"{"v":1,"n":"n1","inc":2,"s":0,"mono":5,"term":1,"e":"boot","last":{"i":0,"t":0},"ch":"0000000000000000","commit":0,"applied":0,"snap":null,"vote":null,"voters":["n1"],"profile":"prod","bugs":[]}
//! {"v":1,"n":"n1","inc":2,"s":1,"mono":9,"term":1,"e":"sync","what":"log","upto":0}
//! {"v":1,"n":"n1","in"#;
//! let mut lines = Reader::new(text.as_slice(), "n1", Incarnation(2));
//! assert!(matches!(lines.next_line()?.map(|line| line.event), Some(Event::Boot(_))));
//! let sync = lines.next_line()?.map(|line| line.event);
//! assert_eq!(sync, Some(Event::SyncLog { upto: LogIndex(0) }));
//! assert!(lines.next_line()?.is_none());
//! # Ok::<(), histories::journal::Malformed>(())
//! ```

mod event;
mod plain;
mod problem;
mod raw;
mod reader;

pub use event::{Boot, CommitRule, Event, Hash, Position, ReadMode, Role, Session, Text};
pub use problem::Problem;
pub use reader::{Line, Malformed, Reader};
