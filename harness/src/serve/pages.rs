//! The pages. Whatever comes from a run is escaped by `maud`.

use std::cmp::Ordering;
use std::path::Path;

use bytesize::ByteSize;
use histories::RunFolder;
use maud::{DOCTYPE, Markup, html};
use runs::record::{Record, Results};
use serde::Deserialize;

use crate::exit::Failure;
use crate::flags::again;
use crate::report::runs::{Filter, SavedRun};
use crate::report::style::word;

/// By what the list is sorted.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Sorted {
    /// The column; the newest first where it is none of them.
    sort: Option<String>,
    /// Upside down.
    #[serde(default)]
    down: Option<String>,
}

impl Sorted {
    /// How a column is sorted, if it is the one.
    fn by(&self, column: &str) -> Option<&'static str> {
        let is_it = self.sort.as_deref() == Some(column);
        is_it.then_some(match self.down {
            None => "ascending",
            Some(_) => "descending",
        })
    }
}

/// A column: its name, how it compares, and how it shows.
struct Column {
    name: &'static str,
    compare: fn(&SavedRun, &SavedRun) -> Ordering,
    show: fn(&SavedRun) -> String,
}

const COLUMNS: &[Column] = &[
    Column {
        name: "began",
        compare: |a, b| a.began.cmp(&b.began),
        show: |run| run.began.clone().unwrap_or_else(|| "?".to_owned()),
    },
    Column {
        name: "verdict",
        compare: |a, b| a.verdict.cmp(&b.verdict),
        show: |run| run.verdict.clone(),
    },
    Column {
        name: "system",
        compare: |a, b| a.system.cmp(&b.system),
        show: |run| run.system.clone(),
    },
    Column {
        name: "nemesis",
        compare: |a, b| a.nemesis.cmp(&b.nemesis),
        show: |run| run.nemesis.clone(),
    },
    Column {
        name: "workload",
        compare: |a, b| a.workload.cmp(&b.workload),
        show: |run| run.workload.clone(),
    },
    Column {
        name: "bugs",
        compare: |a, b| a.bugs.cmp(&b.bugs),
        show: |run| run.bugs.join(", "),
    },
    Column {
        name: "seed",
        compare: |a, b| a.seed.map(|seed| seed.0).cmp(&b.seed.map(|seed| seed.0)),
        show: |run| run.seed.map_or(String::new(), |seed| seed.to_string()),
    },
    Column {
        name: "duration",
        compare: |a, b| a.duration.cmp(&b.duration),
        show: |run| humantime::format_duration(run.duration).to_string(),
    },
    Column {
        name: "size",
        compare: |a, b| a.bytes.cmp(&b.bytes),
        show: |run| ByteSize::b(run.bytes).to_string(),
    },
];

fn page(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                link rel="stylesheet" href="/style.css";
            }
            body { (body) }
        }
    }
}

/// Why something is not shown.
pub(super) fn refused(why: &str) -> Markup {
    page(
        "harness",
        &html! { main { h1 { "Not shown" } p { (why) } p { a href="/" { "all runs" } } } },
    )
}

/// The list of runs.
pub(super) fn list(
    store: &Path,
    all: &[SavedRun],
    mut runs: Vec<SavedRun>,
    filter: &Filter,
    sorted: &Sorted,
) -> Markup {
    let column = COLUMNS
        .iter()
        .find(|column| Some(column.name) == sorted.sort.as_deref());
    let down = sorted.down.is_some();
    if let Some(column) = column {
        runs.sort_by(|a, b| (column.compare)(a, b));
        if down {
            runs.reverse();
        }
    }
    page(
        "harness: runs",
        &html! {
            main {
                h1 { "Runs" }
                p { (runs.len()) " of " (all.len()) " in " code { (store.display()) } }
                (filters(all, filter, sorted))
                @if runs.is_empty() {
                    p { @if all.is_empty() { "There is no run yet; " code { "harness run" } " makes one." } @else { "No run is like that." } }
                } @else {
                    (table(store, &runs, filter, sorted))
                }
            }
        },
    )
}

fn table(store: &Path, runs: &[SavedRun], filter: &Filter, sorted: &Sorted) -> Markup {
    html! {
        form action="/compare" {
            div class="wide" {
                table {
                    thead { tr {
                        th scope="col" { "left" } th scope="col" { "right" }
                        @for head in COLUMNS {
                            th scope="col" aria-sort=[sorted.by(head.name)] {
                                a href=(sort_link(head.name, filter, sorted)) { (head.name) }
                            }
                        }
                    } }
                    tbody { @for run in runs { (row(store, run)) } }
                }
            }
            button { "left and right, side by side" }
        }
    }
}

fn row(store: &Path, run: &SavedRun) -> Markup {
    let path = relative(store, &run.path);
    html! {
        tr class=(run.verdict) {
            td { input type="radio" name="left" value=(path) aria-label=(format!("left: {path}")) required; }
            td { input type="radio" name="right" value=(path) aria-label=(format!("right: {path}")) required; }
            @for column in COLUMNS {
                td {
                    @if column.name == "began" {
                        a href=(link("run", &path)) { ((column.show)(run)) }
                    } @else if column.name == "verdict" {
                        strong { ((column.show)(run)) }
                    } @else {
                        ((column.show)(run))
                    }
                }
            }
        }
    }
}

/// A choice for each column that is worth one.
fn filters(all: &[SavedRun], filter: &Filter, sorted: &Sorted) -> Markup {
    type Choice<'a> = (&'a str, &'a Option<String>, fn(&SavedRun) -> &str);
    let choices: [Choice<'_>; 3] = [
        ("verdict", &filter.verdict, |run| &run.verdict),
        ("system", &filter.system, |run| &run.system),
        ("nemesis", &filter.nemesis, |run| &run.nemesis),
    ];
    html! {
        form {
            @for (name, chosen, of) in choices {
                label {
                    (name) " "
                    select name=(name) {
                        option value="" { "all" }
                        @for value in distinct(all, of) {
                            option value=(value) selected[chosen.as_deref() == Some(value)] { (value) }
                        }
                    }
                }
                " "
            }
            @for (name, value) in [("sort", &sorted.sort), ("down", &sorted.down)] {
                @if let Some(value) = value { input type="hidden" name=(name) value=(value); }
            }
            button { "filter" }
        }
    }
}

fn distinct(runs: &[SavedRun], of: fn(&SavedRun) -> &str) -> Vec<&str> {
    let mut values: Vec<&str> = runs.iter().map(of).filter(|value| !value.is_empty()).collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// Sorts by this column; by the one that is sorted by, upside down.
fn sort_link(column: &str, filter: &Filter, sorted: &Sorted) -> String {
    let is_it = sorted.sort.as_deref() == Some(column);
    let mut link = format!("/?sort={column}");
    if is_it && sorted.down.is_none() {
        link += "&down=1";
    }
    for (name, value) in [
        ("verdict", &filter.verdict),
        ("system", &filter.system),
        ("nemesis", &filter.nemesis),
    ] {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            link += &format!("&{name}={}", encoded(value));
        }
    }
    link
}

/// One run: its verdict, its report, its files.
pub(super) fn run(store: &Path, folder: &Path) -> Result<Markup, Failure> {
    let run = RunFolder::at(folder);
    let record = Record::load(&run)?;
    let path = relative(store, folder);
    let report = folder.join("report.html").is_file();
    let beside = record
        .counterpart(&run)
        .map(|other| relative(store, other.path()));
    Ok(page(
        &path,
        &html! {
            main {
                p { a href="/" { "all runs" } }
                h1 { (path) }
                (verdict(&run))
                @if let Some(beside) = beside {
                    p { a href=(beside_link(&path, &beside)) {
                        "side by side with " @if record.settings.bugs.is_empty() { "the run with the bug" } @else { "its control" }
                    } }
                }
                p { "again: " code { (again(&record)) } }
                @if report {
                    p { a href=(link("file", &format!("{path}/report.html"))) { "the report by itself" } }
                    iframe title="report" src=(link("file", &format!("{path}/report.html"))) {}
                } @else {
                    p { "There is no report; " code { "harness report" } " draws it." }
                }
                h2 { "Files" }
                ul { @for file in files(folder, folder) {
                    li { a href=(link("file", &format!("{path}/{file}"))) { (file) } }
                } }
            }
        },
    ))
}

fn verdict(run: &RunFolder) -> Markup {
    let results = match Results::load(run) {
        Ok(Some(results)) => results,
        Ok(None) => {
            return html! { p class="unfinished" { strong { "unfinished" } ": no verdict was saved, or not yet" } };
        }
        Err(error) => return html! { p class="unreadable" { strong { "unreadable" } ": " (error) } },
    };
    html! {
        p class=(word(results.verdict)) { strong { (word(results.verdict)) } }
        table {
            @for check in &results.checks {
                tr class=(word(check.verdict)) {
                    td { (check.name) } td { strong { (word(check.verdict)) } } td { (check.reason) }
                }
            }
        }
    }
}

/// Two runs side by side.
pub(super) fn compare(store: &Path, left: &Path, right: &Path) -> Result<Markup, Failure> {
    let sides = [left, right];
    let mut columns = Vec::new();
    for side in sides {
        let run = RunFolder::at(side);
        let record = Record::load(&run)?;
        let path = relative(store, side);
        let report = side.join("report.html").is_file();
        columns.push(html! {
            section {
                h2 { a href=(link("run", &path)) { (path) } }
                p { code { (again(&record)) } }
                (verdict(&run))
                @if report { iframe title=(path) src=(link("file", &format!("{path}/report.html"))) {} }
            }
        });
    }
    Ok(page(
        "harness: two runs",
        &html! { p { a href="/" { "all runs" } } div class="sides" { @for column in &columns { (column) } } },
    ))
}

/// All files of a run, by their path in it; the nodes' own data stays out.
fn files(root: &Path, folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && entry.file_name() != "data" => found.extend(files(root, &path)),
            Ok(kind) if kind.is_file() => found.push(relative(root, &path)),
            _ => {}
        }
    }
    found.sort();
    found
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

fn link(page: &str, path: &str) -> String {
    let parts: Vec<String> = path.split('/').map(encoded).collect();
    format!("/{page}/{}", parts.join("/"))
}

fn beside_link(left: &str, right: &str) -> String {
    format!("/compare?left={}&right={}", encoded(left), encoded(right))
}

/// As a part of an address.
fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
