//! report.html: one file that holds everything, and asks nobody for anything.
//!
//! What comes from a run goes in as JSON in a block that is data and no program; what a browser could take for the end
//! of that block is escaped, and the page shows text only as text. The page forbids itself every script but its own,
//! which it names by their hashes, and every connection.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use histories::RunFolder;
use nemesis::fault::Look;
use sha2::{Digest, Sha256};

use super::data::Report;
use super::data::faults::looks;
use crate::errors::ReportError;
use crate::exit::Failure;

const FRAME: &str = include_str!("page/frame.html");

/// It goes with every copy of what it is about.
const LICENCE: &str = include_str!("page/vendor/uPlot-LICENSE");

/// The styles, in this order; what faults look like comes after them.
const STYLES: &[&str] = &[
    include_str!("page/vendor/uPlot-1.6.32.min.css"),
    include_str!("page/page.css"),
];

/// The colours of faults, as their rows have them.
fn fault_styles() -> String {
    let mut rules: BTreeMap<&str, String> = BTreeMap::new();
    for Look { band, colours, .. } in looks() {
        let [paper, dark] = colours;
        rules.insert(
            band,
            format!(
                ":root {{ --fault-{band}: {paper}; }}\n\
             @media (prefers-color-scheme: dark) {{ :root {{ --fault-{band}: {dark}; }} }}\n\
             .band.{band}, .swatch.{band} {{ --fault: var(--fault-{band}); }}\n"
            ),
        );
    }
    rules.into_values().collect()
}

/// The scripts, in this order: what they share comes first, what starts them last.
const SCRIPTS: &[&str] = &[
    include_str!("page/vendor/uPlot-1.6.32.iife.min.js"),
    include_str!("page/data.js"),
    include_str!("page/dom.js"),
    include_str!("page/headline.js"),
    include_str!("page/storyboard.js"),
    include_str!("page/counterexample.js"),
    include_str!("page/lanes.js"),
    include_str!("page/search.js"),
    include_str!("page/strips.js"),
    include_str!("page/timeline.js"),
    include_str!("page/plots.js"),
    include_str!("page/evidence.js"),
    include_str!("page/main.js"),
];

/// The whole page.
pub fn render(report: &Report) -> Result<String, Failure> {
    let json = serde_json::to_string(report).map_err(ReportError::Data)?;
    let json = escaped(&json);
    let scripts: String = SCRIPTS
        .iter()
        .map(|text| format!("<script>{text}</script>\n"))
        .collect();
    let of_faults = fault_styles();
    let styles: Vec<&str> = STYLES.iter().copied().chain([of_faults.as_str()]).collect();
    let policy = policy(&styles);
    let styles: String = styles
        .iter()
        .map(|text| format!("<style>{text}</style>\n"))
        .collect();
    let mut page = String::with_capacity(FRAME.len() + json.len() + scripts.len() + styles.len() + 4096);
    for part in FRAME.split_inclusive("@@") {
        let (text, mark) = match part.strip_suffix("@@") {
            Some(text) => (text, true),
            None => (part, false),
        };
        match (text, mark) {
            ("POLICY", true) => page.push_str(&policy),
            ("LICENCE", true) => page.push_str(LICENCE),
            ("STYLES", true) => page.push_str(&styles),
            ("DATA", true) => page.push_str(&json),
            ("SCRIPTS", true) => page.push_str(&scripts),
            (text, _) => page.push_str(text),
        }
    }
    Ok(page)
}

/// Draw a run's page into its folder.
pub fn draw(folder: &RunFolder, compare: Option<&RunFolder>, most: usize) -> Result<PathBuf, Failure> {
    let page = render(&Report::read(folder, compare, most)?)?;
    let path = folder.report();
    let fresh = path.with_extension("html.new");
    fs::write(&fresh, page)
        .and_then(|()| fs::rename(&fresh, &path))
        .map_err(Failure::cannot_write(&path))?;
    Ok(path)
}

/// In JSON these characters stand in strings only, so that their escapes mean the same.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + json.len() / 64);
    for character in json.chars() {
        match character {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    out
}

/// Content-Security-Policy: nothing but these scripts and styles.
fn policy(styles: &[&str]) -> String {
    let hashes = |texts: &[&str]| -> String {
        let hash = |text: &&str| format!(" 'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())));
        texts.iter().map(hash).collect()
    };
    format!(
        "default-src 'none'; script-src{}; style-src{}; img-src data:; base-uri 'none'; form-action 'none'",
        hashes(SCRIPTS),
        hashes(styles)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_means_the_same() {
        let text = serde_json::json!({"key": "</script><script>alert(1)</script>&\u{2028}\"'"});
        let escaped = escaped(&text.to_string());
        assert!(!escaped.contains(['<', '>', '&', '\u{2028}']), "{escaped}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), text);
    }

    #[test]
    fn the_policy_names_every_script_and_allows_nothing_else() {
        let policy = policy(STYLES);
        assert!(
            policy.starts_with("default-src 'none';") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(policy.matches("'sha256-").count(), SCRIPTS.len() + STYLES.len());
    }

    #[test]
    fn no_script_asks_anybody_for_anything() {
        let own = SCRIPTS.iter().filter(|text| !text.contains("uPlot (v"));
        for text in own {
            for word in [
                "fetch(",
                "XMLHttpRequest",
                "innerHTML",
                "outerHTML",
                "eval(",
                "insertAdjacent",
                "document.write",
                "import(",
            ] {
                assert!(!text.contains(word), "{word}");
            }
        }
    }
}
