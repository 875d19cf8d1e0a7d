//! What the decision log may say.

use super::Reader;
use crate::log_rules::{ContextPointer, ContextPointerError, LogPart, LogRules};
use crate::policy::document::{Node, Table};

impl Reader<'_, '_> {
    /// Reads the table `log`.
    pub(super) fn log(&mut self, node: &Node<'_>) -> Option<LogRules> {
        let table = node.table(&["include", "mask", "drop"], self.findings)?;
        let include = table.get("include").map_or(Some(Vec::new()), |node| self.log_parts(&node));
        let mask = self.log_pointers(&table, "mask");
        let drop = self.log_pointers(&table, "drop");
        Some(LogRules { include: include?, mask: mask?, drop: drop? })
    }

    fn log_parts(&mut self, node: &Node<'_>) -> Option<Vec<LogPart>> {
        let known = || LogPart::ALL.into_iter().map(LogPart::as_str);
        let items = node.items(self.findings)?;
        if items.len() > LogPart::ALL.len() {
            self.findings
                .error(&node.place, format!("the list has {} parts, and there are {}", items.len(), known().count()));
            return None;
        }
        let part = |node: &Node<'_>| {
            let word = node.text(self.findings)?;
            let found = LogPart::ALL.into_iter().find(|part| part.as_str() == word);
            if found.is_none() {
                self.findings.unknown(&node.place, "the part", word, known());
            }
            found
        };
        let parts: Vec<Option<LogPart>> = items.iter().map(part).collect();
        parts.into_iter().collect()
    }

    fn log_pointers(&mut self, table: &Table<'_>, name: &str) -> Option<Vec<ContextPointer>> {
        let Some(node) = table.get(name) else { return Some(Vec::new()) };
        let items = node.items(self.findings)?;
        if items.len() > LogRules::MAX_POINTERS {
            let message = format!("the list has {} pointers, and may have {}", items.len(), LogRules::MAX_POINTERS);
            self.findings.error(&node.place, message);
            return None;
        }
        let pointer = |node: &Node<'_>| {
            let pointer = node.text(self.findings)?.parse();
            pointer.map_err(|error: ContextPointerError| self.findings.error(&node.place, error.to_string())).ok()
        };
        let pointers: Vec<Option<ContextPointer>> = items.iter().map(pointer).collect();
        pointers.into_iter().collect()
    }
}
