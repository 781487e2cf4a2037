//! Reading a description: every slip is an error with its place, before anything is started.

mod check;

use self::check::check;
use crate::commands::CommandError;
use crate::description::{Content, Description, TemplateError};

/// Why a file describes no system.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// It is no TOML, or has other fields than a description.
    #[error("{file}, line {line}, column {column}: {why}")]
    At {
        /// Which file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong there, and what would be right.
        why: String,
    },
    /// It contradicts itself.
    #[error("{file}: {why}")]
    Whole {
        /// Which file.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// It cannot be read.
    #[error("cannot read {file}: {source}")]
    Io {
        /// Which file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
}

/// What is wrong with a description that is well-formed.
#[derive(Debug, thiserror::Error)]
enum Slip {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Command(CommandError),
    #[error("from = {from:?}: {why}")]
    Beside { from: String, why: String },
    /// What is wrong with the part of the description that has this mark.
    #[error("{why}")]
    Marked { mark: String, why: String },
    #[error("{0}")]
    Other(String),
}

impl From<CommandError> for Slip {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Template(error) => Slip::Template(error),
            other => Slip::Command(other),
        }
    }
}

impl Slip {
    /// Where it stands in the description's text, if it can be found there.
    fn stands(&self, text: &str) -> Option<usize> {
        match self {
            Slip::Template(error) => text.find(error.template()),
            // The last: a file goes by the same name in the node's folder, more often than not.
            Slip::Beside { from, .. } => text.rfind(&format!("{from:?}")),
            Slip::Marked { mark, .. } => text.find(mark),
            Slip::Command(_) | Slip::Other(_) => None,
        }
    }
}

/// The bytes of a file that a description brings along, by its path beside it, or why there are none.
pub type Beside<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

/// The system that this text describes; `file` names it in errors.
///
/// # Errors
/// It describes none, or a file that it brings along is not there.
pub fn read(text: &str, file: &str, beside: Beside<'_>) -> Result<Description, DescriptionError> {
    let mut described: Description = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        place(text, file, at, error.message().trim().to_owned())
    })?;
    let checked = bring(&mut described, beside).and_then(|()| check(&described));
    checked.map_err(|slip| match slip.stands(text) {
        Some(at) => place(text, file, at, slip.to_string()),
        // A template of several lines, or with escapes, does not stand in the file as it is.
        None => whole(file, &slip),
    })?;
    Ok(described)
}

/// Fill in what the files hold that the description brings along.
fn bring(described: &mut Description, beside: Beside<'_>) -> Result<(), Slip> {
    for content in described.life.files.values_mut() {
        if let Content::Brought(brought) = content {
            let bytes = beside(&brought.from).map_err(|why| Slip::Beside {
                from: brought.from.clone(),
                why,
            })?;
            brought.bytes = bytes.into();
        }
    }
    Ok(())
}

fn whole(file: &str, slip: &Slip) -> DescriptionError {
    DescriptionError::Whole {
        file: file.to_owned(),
        why: slip.to_string(),
    }
}

fn place(text: &str, file: &str, at: usize, why: String) -> DescriptionError {
    let before = text.get(..at).unwrap_or(text);
    let line_begins = before.rfind('\n').map_or(0, |end| end + 1);
    DescriptionError::At {
        file: file.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before.get(line_begins..).unwrap_or_default().chars().count() + 1,
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;

    #[test]
    fn every_slip_is_told_with_its_place() {
        let etcd = builtin::named("etcd").text;
        let edited = |from: &str, to: &str| {
            assert!(etcd.contains(from), "{from}");
            read(&etcd.replacen(from, to, 1), "mine.toml", &builtin::none)
                .unwrap_err()
                .to_string()
        };
        for (from, to, wanted) in [
            ("about = ", "abuot = ", "unknown field `abuot`"),
            (
                "[client.http.txn.commit]",
                "[client.http.txn.whole]",
                "either `whole`, or `read` and `commit`",
            ),
            ("each = ", "# ", "no `each`"),
            ("{{ read.revision }}", "{{ read.revison }}", "undefined value"),
            (
                "consistency = \"strict-serializable\"",
                "consistency = \"very\"",
                "there is no level",
            ),
            (
                "[client.http.cas]",
                "[client.http.dequeue]",
                "`dequeue` alone: a queue needs both",
            ),
            (
                "about = ",
                "about = 3 #",
                "invalid type: integer `3`, expected a string",
            ),
            (
                "name = \"etcd\"",
                "name = \"My Store\"",
                "small letters, digits and hyphens",
            ),
            ("{{ program }}", "{{ programme }}", "undefined value"),
            ("{{ program }}", "{{ program", "syntax error"),
            ("{{ key | base64 }}", "{{ key | base46 }}", "unknown filter"),
            ("\"$.kvs[0].value\"", "\"kvs[0].value\"", "is no path of RFC 9535"),
            ("is = \"decided\"", "is = \"maybe\"", "unknown variant `maybe`"),
            ("[life]", "[life", "unclosed table"),
            ("decode = [", "decodes = [", "unknown field `decodes`"),
            ("path = \"/v3/maintenance/status\"", "", "has no `path`"),
            (
                "when = { status = 200, path = \"$.succeeded\",",
                "when = {",
                "without the `path`",
            ),
            (
                "when = { status = 200,",
                "transport = \"closed\"\nwhen = {",
                "for no answer at all",
            ),
            (
                "ok = { status = 200, path = \"$.header.revision\" }",
                "ok = { equals = 3 }",
                "without the `path`",
            ),
        ] {
            let error = edited(from, to);
            assert!(error.contains(wanted), "{error}");
            // Some slips are placed at what they are a part of.
            let mark = match wanted {
                "syntax error" => "command = [",
                "has no `path`" => "[status]",
                "no `each`" => "[client.http.txn.read]",
                _ if wanted.starts_with("either") => "[client.http.txn.read]",
                _ if from.starts_with("when") => "code = \"cas-mismatch\"",
                _ => from,
            };
            let line = etcd[..etcd.find(mark).unwrap()].matches('\n').count() + 1 + to.matches('\n').count();
            let unplaced = wanted.contains("letters") || from.starts_with("ok");
            assert!(
                unplaced || error.contains(&format!("mine.toml, line {line},")),
                "{error}, not at line {line}"
            );
        }
        for (more, line, wanted) in [
            (
                "\n[[error]]\nis = \"fail\"\ncode = \"any\"\nsource = \"none\"\n",
                4,
                "the error \"any\" fits every answer",
            ),
            (
                "\n[life.init.redis]\ncommand = [\"PING\"]\n",
                2,
                "life.init is one request, of the protocol of [client]",
            ),
        ] {
            let error = read(&format!("{etcd}{more}"), "mine.toml", &builtin::none)
                .unwrap_err()
                .to_string();
            let line = etcd.matches('\n').count() + line;
            let wanted = format!("mine.toml, line {line}, column 1: {wanted}");
            assert!(error.starts_with(&wanted), "{error}");
        }
    }

    #[test]
    fn a_transaction_in_one_request_has_no_revision() {
        let redis = builtin::named("redis");
        let answer = r#"answer = { each = "$[*]""#;
        assert!(redis.text.contains(answer));
        let edited = redis
            .text
            .replacen(answer, &format!("{answer}, revision = \"$.r\""), 1);
        let slip = read(&edited, "mine.toml", &builtin::none)
            .unwrap_err()
            .to_string();
        assert!(slip.contains("a `whole` with a `revision`"), "{slip}");
    }

    #[test]
    fn an_update_stands_in_place_of_a_cas_and_knows_what_it_updates() {
        let consul = builtin::named("consul").text;
        let read_revision = "absent = { status = 404, text = '^$' }\nrevision = \"$[0].ModifyIndex\"\n";
        for (from, to) in [
            (read_revision, "absent = { status = 404, text = '^$' }\n"),
            ("[status]", "[client.http.cas]\npath = \"/\"\n\n[status]"),
        ] {
            assert!(consul.contains(from), "{from}");
            let edited = consul.replacen(from, to, 1);
            let slip = read(&edited, "mine.toml", &builtin::none)
                .unwrap_err()
                .to_string();
            let line = edited[..edited.find(".update").unwrap()].matches('\n').count() + 1;
            assert!(
                slip.contains("stands in place of `cas`") && slip.contains(&format!("line {line},")),
                "{slip}"
            );
        }
    }

    #[test]
    fn a_file_that_is_brought_along_is_there_or_the_error_says_where_it_is_wanted() {
        let etcd = builtin::named("etcd").text;
        let with = |content: &str| format!("{etcd}\n[life.files]\n\"node.py\" = {content}\n");
        let beside = |name: &str| match name {
            "mine.py" => Ok(b"print()".to_vec()),
            _ => Err("not there".to_owned()),
        };
        let described = read(&with("{ from = \"mine.py\" }"), "mine.toml", &beside).unwrap();
        let node = crate::seen::NodeSees::example("default");
        assert_eq!(
            *described.life.files["node.py"].bytes(&node).unwrap(),
            *b"print()"
        );
        let line = etcd.matches('\n').count() + 3;
        for (content, wanted) in [
            ("{ from = \"other.py\" }", "from = \"other.py\": not there"),
            ("{ form = \"mine.py\" }", "unknown field `form`"),
            ("3", "expected a template, or { from ="),
            ("\"{{ programme }}\"", "undefined value"),
            ("\"{{ program\"", "syntax error"),
        ] {
            let error = read(&with(content), "mine.toml", &beside)
                .unwrap_err()
                .to_string();
            let placed = format!("mine.toml, line {line},");
            assert!(error.starts_with(&placed) && error.contains(wanted), "{error}");
        }
    }
}
