//! The paths that a source file names, in `use` trees and in line, also within macros.

use std::fmt;
use std::iter::Peekable;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree, token_stream};
use syn::UseTree;

type Tokens = Peekable<token_stream::IntoIter>;

/// A path, and where it stands.
#[derive(Clone)]
pub struct Place {
    /// The module around it.
    pub module: Vec<String>,
    pub path: Vec<String>,
    file: PathBuf,
    line: usize,
}

impl Place {
    /// Whether it leads into what `start` names.
    pub fn begins_with(&self, start: &str) -> bool {
        let mut path = self.path.iter();
        start
            .split("::")
            .all(|name| path.next().is_some_and(|is| is == name))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { file, line, path, .. } = self;
        let file = file.strip_prefix(super::house()).unwrap_or(file);
        write!(f, "{}:{line}: {}", file.display(), path.join("::"))
    }
}

/// The modules that a file declares, those within it included, and its paths; of both what is no test's.
pub fn of_file(file: &Path, module: &[String]) -> (Vec<Vec<String>>, Vec<Place>) {
    let text = std::fs::read_to_string(file).unwrap();
    let tokens: TokenStream = text.parse().unwrap();
    let mut reader = Reader {
        file,
        modules: Vec::new(),
        places: Vec::new(),
    };
    reader.read(tokens, module);
    (reader.modules, reader.places)
}

struct Reader<'a> {
    file: &'a Path,
    modules: Vec<Vec<String>>,
    places: Vec<Place>,
}

impl Reader<'_> {
    fn read(&mut self, tokens: TokenStream, module: &[String]) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(mark) if mark.as_char() == '#' => match next_group(&mut tokens) {
                    Some(attribute) if is_test(&attribute) => skip_item(&mut tokens),
                    Some(attribute) => self.read(attribute.stream(), module),
                    None => {}
                },
                TokenTree::Ident(word) if word == "use" => self.tree(word, &mut tokens, module),
                TokenTree::Ident(word) if word == "mod" => self.module(&mut tokens, module),
                TokenTree::Ident(word) => self.path(word, &mut tokens, module),
                // What `pub(in path)` names is no use of it.
                TokenTree::Group(group) if !is_visibility(&group) => self.read(group.stream(), module),
                _ => {}
            }
        }
    }

    fn module(&mut self, tokens: &mut Tokens, around: &[String]) {
        let Some(TokenTree::Ident(name)) = tokens.next() else {
            return;
        };
        let module = [around, &[name.to_string()]].concat();
        self.modules.push(module.clone());
        if let Some(body) = next_group(tokens) {
            self.read(body.stream(), &module);
        }
    }

    /// `use a::{b, c::d};`
    fn tree(&mut self, word: Ident, tokens: &mut Tokens, module: &[String]) {
        // `impl Trait + use<'a>` is none, and `use ::a` leads out of the crate.
        if matches!(tokens.peek(), Some(TokenTree::Punct(mark)) if matches!(mark.as_char(), '<' | ':')) {
            return;
        }
        let is_end = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ';');
        let tree: TokenStream = tokens.by_ref().take_while(|token| !is_end(token)).collect();
        let tree: UseTree = syn::parse2(tree).unwrap();
        let mut paths = Vec::new();
        flatten(&tree, &[], &mut paths);
        let line = word.span().start().line;
        paths.into_iter().for_each(|path| self.place(path, line, module));
    }

    /// `a::b::c` in line.
    fn path(&mut self, first: Ident, tokens: &mut Tokens, module: &[String]) {
        let line = first.span().start().line;
        let mut path = vec![first.to_string()];
        let colon = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':');
        while tokens.next_if(colon).is_some() && tokens.next_if(colon).is_some() {
            match tokens.next_if(|token| matches!(token, TokenTree::Ident(_))) {
                Some(name) => path.push(name.to_string()),
                None => break,
            }
        }
        if path.len() > 1 {
            self.place(path, line, module);
        }
    }

    fn place(&mut self, path: Vec<String>, line: usize, module: &[String]) {
        self.places.push(Place {
            module: module.to_vec(),
            path,
            file: self.file.to_owned(),
            line,
        });
    }
}

fn flatten(tree: &UseTree, before: &[String], paths: &mut Vec<Vec<String>>) {
    let with = |name: &Ident| [before, &[name.to_string()]].concat();
    match tree {
        UseTree::Path(path) => flatten(&path.tree, &with(&path.ident), paths),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, paths)),
        UseTree::Name(name) => paths.push(with(&name.ident)),
        UseTree::Rename(rename) => paths.push(with(&rename.ident)),
        UseTree::Glob(_) => paths.push(before.to_vec()),
    }
}

fn next_group(tokens: &mut Tokens) -> Option<Group> {
    match tokens.next_if(|token| matches!(token, TokenTree::Group(_)))? {
        TokenTree::Group(group) => Some(group),
        _ => None,
    }
}

/// Whether an attribute says that something is there for tests alone.
fn is_test(attribute: &Group) -> bool {
    let text = attribute.stream().to_string().replace(' ', "");
    text == "test" || text.starts_with("cfg(test)") || text.starts_with("cfg(all(test")
}

/// Passes over an item, a field or a statement: to its `;` or `,`, or to the end of its braces.
fn skip_item(tokens: &mut Tokens) {
    let (mut angles, mut before) = (0, ' ');
    for token in tokens.by_ref() {
        match token {
            TokenTree::Punct(mark) => match mark.as_char() {
                ';' => return,
                ',' if angles == 0 => return,
                '<' => angles += 1,
                '>' if before != '-' => angles -= 1,
                other => before = other,
            },
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return,
            _ => before = ' ',
        }
    }
}

fn is_visibility(group: &Group) -> bool {
    let first = group.stream().into_iter().next();
    group.delimiter() == Delimiter::Parenthesis
        && matches!(first, Some(TokenTree::Ident(word)) if word == "in")
}
