//! What lies within the store, and nothing else.

use std::path::{Component, Path, PathBuf};

/// The file or folder at this path within `store`, which has no links in it. Nothing if the path leads out, by dots, by
/// being absolute or by a link; whether it is not there or not allowed is not told apart.
pub(super) fn within(store: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    if path.as_os_str().is_empty() || !path.components().all(is_plain) {
        return None;
    }
    let found = std::fs::canonicalize(store.join(path)).ok()?;
    (found.starts_with(store) && found != store).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_store() {
        let place = tempfile::tempdir().unwrap();
        let place = std::fs::canonicalize(place.path()).unwrap();
        let store = place.join("store");
        std::fs::create_dir_all(store.join("group/run")).unwrap();
        std::fs::write(store.join("group/run/run.json"), "{}").unwrap();
        std::fs::write(place.join("secret"), "s").unwrap();
        std::os::unix::fs::symlink(place.join("secret"), store.join("group/link")).unwrap();
        std::os::unix::fs::symlink(store.join("group/run"), store.join("latest")).unwrap();
        assert_eq!(
            within(&store, "group/run/run.json"),
            Some(store.join("group/run/run.json"))
        );
        assert_eq!(
            within(&store, "latest/run.json"),
            Some(store.join("group/run/run.json"))
        );
        let secret = place.join("secret").display().to_string();
        for path in [
            "../secret",
            "group/../../secret",
            "group/link",
            secret.as_str(),
            "",
            ".",
            "..",
            "/",
            "group/run/nothing",
            "group\0/run",
        ] {
            assert_eq!(within(&store, path), None, "{path}");
        }
    }
}
