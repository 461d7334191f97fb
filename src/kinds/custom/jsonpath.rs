//! The JSONPath of printer columns: fields, indexes, wildcards and filters.
//! Source: client-go `util/jsonpath`, as far as definitions use it.

use crate::object::Value;

/// One step of a path.
#[derive(Clone, Debug, PartialEq)]
enum PathSegment {
    Field(String),
    Index(i64),
    All,
    /// Items whose field is (or, if the flag is unset, is not) this value.
    Where(Path, bool, Value),
    /// Items that have the field.
    Having(Path),
}

/// A parsed path.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Path(Vec<PathSegment>);

impl Path {
    /// Reads `.a.b[0].c[?(@.type=="Ready")].status`, with or without the first dot.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn parse(text: &str) -> Result<Path, String> {
        let mut steps = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let end = closing(inner).ok_or("unterminated array")?;
                steps.push(bracket(&inner[..end])?);
                rest = &inner[end + 1..];
            } else {
                rest = rest.strip_prefix('.').unwrap_or(rest);
                let (name, after) = word(rest);
                match name.as_str() {
                    "" if after.starts_with('[') => {}
                    "" => return Err(format!("unexpected {after:?}")),
                    "*" => steps.push(PathSegment::All),
                    _ => steps.push(PathSegment::Field(name)),
                }
                rest = after;
            }
        }
        Ok(Path(steps))
    }

    /// Everything the path finds, in order.
    pub fn find<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        self.0.iter().fold(vec![value], |found, step| {
            found.into_iter().flat_map(|v| step.apply(v)).collect()
        })
    }

    /// The first thing the path finds.
    pub fn first<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.find(value).into_iter().next()
    }

    /// The names of a path of plain fields; `None` for any other.
    pub fn fields<'a>(&'a self) -> Option<Vec<&'a str>> {
        let name = |step: &'a PathSegment| match step {
            PathSegment::Field(name) => Some(name.as_str()),
            _ => None,
        };
        self.0.iter().map(name).collect()
    }
}

impl PathSegment {
    fn apply<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match self {
            PathSegment::Field(name) => value.get(name).into_iter().collect(),
            PathSegment::Index(i) => {
                let Some(list) = value.as_array() else { return Vec::new() };
                let at = if *i < 0 { list.len() as i64 + i } else { *i };
                usize::try_from(at).ok().and_then(|at| list.get(at)).into_iter().collect()
            }
            PathSegment::All => match value {
                Value::Array(list) => list.iter().collect(),
                Value::Object(map) => map.values().collect(),
                _ => Vec::new(),
            },
            PathSegment::Where(path, wanted, with) => {
                let is = |v: &&Value| path.first(v).is_some_and(|f| (f == with) == *wanted);
                value.as_array().into_iter().flatten().filter(is).collect()
            }
            PathSegment::Having(path) => {
                let has = |v: &&Value| path.first(v).is_some();
                value.as_array().into_iter().flatten().filter(has).collect()
            }
        }
    }
}

/// A field name and what follows it; a backslash makes the next character part of it.
fn word(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => name.extend(chars.next().map(|(_, c)| c)),
            '.' | '[' => return (name, &text[at..]),
            _ => name.push(c),
        }
    }
    (name, "")
}

/// Where the bracket opened before `text` closes.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0usize, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), _) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return Some(at),
            (None, ']') => depth -= 1,
            _ => {}
        }
    }
    None
}

fn bracket(inner: &str) -> Result<PathSegment, String> {
    let inner = inner.trim();
    if inner == "*" {
        return Ok(PathSegment::All);
    }
    if let Some(name) = quoted(inner) {
        return Ok(PathSegment::Field(name.to_owned()));
    }
    if let Some(filter) = inner.strip_prefix("?(").and_then(|f| f.strip_suffix(')')) {
        return condition(filter);
    }
    inner.parse().map(PathSegment::Index).map_err(|_| format!("invalid array index {inner}"))
}

fn quoted(text: &str) -> Option<&str> {
    let of = |q: char| text.strip_prefix(q)?.strip_suffix(q);
    of('\'').or_else(|| of('"'))
}

fn condition(filter: &str) -> Result<PathSegment, String> {
    let path = |text: &str| Path::parse(text.trim().trim_start_matches('@'));
    for (operator, wanted) in [("==", true), ("!=", false)] {
        if let Some((left, right)) = filter.split_once(operator) {
            let right = right.trim();
            let value = match quoted(right) {
                Some(text) => Value::from(text),
                None => serde_json::from_str(right).map_err(|e| e.to_string())?,
            };
            return Ok(PathSegment::Where(path(left)?, wanted, value));
        }
    }
    path(filter).map(PathSegment::Having)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn paths_find_what_they_name() {
        let object = json!({
            "metadata": {"labels": {"a.b/c": "x"}},
            "spec": {"list": [{"n": 1}, {"n": 2}]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Other"}]},
        });
        let rows = [
            (".spec.list[1].n", json!([2])),
            (".spec.list[-1].n", json!([2])),
            (".spec.list[*].n", json!([1, 2])),
            (r".metadata.labels.a\.b/c", json!(["x"])),
            (".metadata.labels['a.b/c']", json!(["x"])),
            (r#".status.conditions[?(@.type=="Ready")].status"#, json!(["True"])),
            (".status.conditions[?(@.status)].type", json!(["Ready"])),
            (".status.none", json!([])),
        ];
        for (path, expected) in rows {
            let found = Path::parse(path).unwrap();
            assert_eq!(json!(found.find(&object)), expected, "{path}");
        }
        assert!(Path::parse(".a[").is_err());
        assert_eq!(Path::parse(".spec.mode").unwrap().fields(), Some(vec!["spec", "mode"]));
        assert_eq!(Path::parse(".spec.list[0]").unwrap().fields(), None);
    }
}
