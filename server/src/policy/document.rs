//! A TOML document as a tree in which each value has its position.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml_parser::parser::{EventReceiver, parse_document};
use toml_parser::{ErrorSink, Source, Span};

use crate::policy::bounds;
use crate::policy::findings::{Findings, Place};
use crate::policy::folder::Folder;
use crate::problem::{Position, Problem};

/// A duplicate key does not make the rest of a document meaningless: everything else is read too.
const DUPLICATE_KEY: &str = "duplicate key";

/// The text of a file of at most `most` bytes; none if the folder has no such file.
pub(crate) fn text<'f>(folder: &'f Folder, file: &str, most: usize) -> Result<Option<&'f str>, Problem> {
    let Some(bytes) = folder.file(file) else { return Ok(None) };
    if bytes.len() > most {
        return Err(Problem::new(file, format!("the file has {} bytes, and at most {most} are read", bytes.len())));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok());
        let valid = valid.unwrap_or_default();
        let position = Position::of(valid, valid.len());
        Problem::new(file, "the file is not UTF-8").at(position).with_help("save it as UTF-8")
    })?;
    Ok(Some(text))
}

/// Parses a document. The errors of its syntax are added to `findings`; without a result, there is nothing else to
/// read.
pub(crate) fn parse<'t>(text: &'t str, findings: &mut Findings<'t>) -> Option<DeTable<'t>> {
    if let Some(offset) = too_deep(text) {
        let message = format!("the document is nested more than {} levels deep", bounds::NESTING);
        findings.error(&Place { offset, key: String::new() }, message);
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut is_readable = true;
    for error in errors {
        let place = Place { offset: error.span().map_or(0, |span| span.start), key: String::new() };
        if error.message() == DUPLICATE_KEY {
            findings.error_with_help(&place, "the key is already defined", "remove one of the two");
        } else {
            findings.error(&place, format!("invalid TOML: {}", error.message()));
            is_readable = false;
        }
    }
    is_readable.then(|| table.into_inner())
}

/// The first byte that is nested too deep. Everything behind this function reads the document by recursion.
fn too_deep(text: &str) -> Option<usize> {
    let tokens = Source::new(text).lex().into_vec();
    let mut depth = Depth::default();
    // Errors of the syntax are found again when the document is read.
    parse_document(&tokens, &mut depth, &mut ());
    depth.exceeded
}

/// The depth of a document while it is parsed. Each key, list and inline table is a level.
#[derive(Default)]
struct Depth {
    /// The levels of the table that the last header names.
    header: usize,
    /// Whether the keys of a header are being read.
    is_header: bool,
    /// The levels of the keys since the last header, or of the inline table that is open.
    keys: usize,
    /// The levels around each list and inline table that is open.
    open: Vec<usize>,
    exceeded: Option<usize>,
}

impl Depth {
    fn enter(&mut self, span: Span) -> bool {
        let around = self.open.last().copied().unwrap_or(self.header);
        let depth = around + self.keys + 1;
        let is_allowed = depth <= bounds::NESTING;
        if !is_allowed {
            self.exceeded.get_or_insert(span.start());
        }
        self.open.push(depth);
        self.keys = 0;
        is_allowed
    }

    fn leave(&mut self) {
        self.open.pop();
        self.keys = 0;
    }

    fn start_header(&mut self) {
        (self.header, self.is_header, self.keys) = (0, true, 0);
        self.open.clear();
    }

    fn end_header(&mut self) {
        (self.header, self.is_header, self.keys) = (self.keys, false, 0);
    }
}

impl EventReceiver for Depth {
    fn std_table_open(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.start_header();
    }

    fn std_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.end_header();
    }

    fn array_table_open(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.start_header();
    }

    fn array_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.end_header();
    }

    fn inline_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        self.enter(span)
    }

    fn inline_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.leave();
    }

    fn array_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        self.enter(span)
    }

    fn array_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.leave();
    }

    fn simple_key(&mut self, span: Span, _: Option<toml_parser::decoder::Encoding>, _: &mut dyn ErrorSink) {
        self.keys += 1;
        let around = if self.is_header { 0 } else { self.open.last().copied().unwrap_or(self.header) };
        if around + self.keys > bounds::NESTING {
            self.exceeded.get_or_insert(span.start());
        }
    }

    fn value_sep(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.keys = 0;
    }

    fn newline(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.keys = 0;
    }
}

/// A value, and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node<'a> {
    pub(crate) value: &'a DeValue<'a>,
    pub(crate) place: Place,
}

impl<'a> Node<'a> {
    fn new(value: &'a Spanned<DeValue<'a>>, key: &Place) -> Self {
        let Range { start, end } = value.span();
        let offset = if start < end { start } else { key.offset };
        Self { value: value.get_ref(), place: Place { offset, key: key.key.clone() } }
    }

    /// The value as text.
    pub(crate) fn text(&self, findings: &mut Findings<'_>) -> Option<&'a str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.wrong_type("a string", findings);
        }
        text
    }

    /// The value as a table with members of these names only.
    pub(crate) fn table(&self, known: &[&str], findings: &mut Findings<'_>) -> Option<Table<'a>> {
        let table = self.open_table(findings)?;
        table.check_names(known, findings);
        Some(table)
    }

    /// The value as a table with members of any names.
    pub(crate) fn open_table(&self, findings: &mut Findings<'_>) -> Option<Table<'a>> {
        let table = self.value.as_table();
        if table.is_none() {
            self.wrong_type("a table", findings);
        }
        table.map(|table| Table { table, place: self.place.clone() })
    }

    /// The items of the list.
    pub(crate) fn items(&self, findings: &mut Findings<'_>) -> Option<Vec<Self>> {
        let Some(items) = self.value.as_array() else {
            self.wrong_type("a list", findings);
            return None;
        };
        let item = |(index, value): (usize, &'a Spanned<DeValue<'a>>)| {
            Self::new(value, &self.place.item(index, self.place.offset))
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// A member of a table by its name, or an item of a list by its index.
    pub(crate) fn member(&self, name: &str) -> Option<Self> {
        match self.value {
            DeValue::Table(table) => Table { table, place: self.place.clone() }.get(name),
            DeValue::Array(items) => {
                let index = name.parse().ok()?;
                Some(Self::new(items.get(index)?, &self.place.item(index, self.place.offset)))
            }
            _ => None,
        }
    }

    /// Adds the error of a value that has another type than `expected`.
    pub(crate) fn wrong_type(&self, expected: &str, findings: &mut Findings<'_>) {
        let found = match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        findings.error(&self.place, format!("it is {found}, and must be {expected}"));
    }
}

/// A table, and its place.
#[derive(Debug, Clone)]
pub(crate) struct Table<'a> {
    table: &'a DeTable<'a>,
    pub(crate) place: Place,
}

impl<'a> Table<'a> {
    /// The whole document.
    pub(crate) fn root(table: &'a DeTable<'a>) -> Self {
        Self { table, place: Place::default() }
    }

    /// A member.
    pub(crate) fn get(&self, name: &str) -> Option<Node<'a>> {
        let (key, value) = self.table.get_key_value(name)?;
        Some(Node::new(value, &self.place.member(name, key.span().start)))
    }

    /// All members in the order of the file: the name, the place of the name, and the value.
    pub(crate) fn members(&self) -> Vec<(&'a str, Place, Node<'a>)> {
        let member = |(key, value): (&'a Spanned<std::borrow::Cow<'a, str>>, &'a Spanned<DeValue<'a>>)| {
            let place = self.place.member(key.get_ref(), key.span().start);
            (&**key.get_ref(), place.clone(), Node::new(value, &place))
        };
        let mut members: Vec<_> = self.table.iter().map(member).collect();
        members.sort_by_key(|(_, place, _)| place.offset);
        members
    }

    /// Adds an error for each member with another name.
    pub(crate) fn check_names(&self, known: &[&str], findings: &mut Findings<'_>) {
        for (name, place, _) in self.members() {
            if !known.contains(&name) {
                findings.unknown(&place, "the key", name, known.iter().copied());
            }
        }
    }
}
