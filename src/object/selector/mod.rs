//! Label and field selectors: parsing, matching, printing.
//! Source: k8s.io/apimachinery `pkg/labels`, `pkg/fields`.

mod parse;

use super::{ObjectExt, Value};

/// One term of a label selector.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirement {
    /// Label key.
    pub key: String,
    /// How to compare.
    pub op: Op,
    /// Values for the comparing operators, sorted.
    pub values: Vec<String>,
}

/// Operators of label selectors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// Equal to one of the values.
    In,
    /// Absent, or equal to none of them.
    NotIn,
    /// Present.
    Exists,
    /// Absent.
    DoesNotExist,
    /// Integer greater than the value.
    Gt,
    /// Integer less than the value.
    Lt,
}

/// A label selector: all terms must hold; no terms select everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels(pub Vec<Requirement>);

impl Labels {
    /// Parses the query form (`a=b,c!=d,e in (f,g),!h`).
    ///
    /// # Errors
    /// The message upstream gives, to be wrapped in a 400.
    pub fn parse(text: &str) -> Result<Labels, String> {
        parse::labels(text).map(Labels)
    }

    /// From a `metav1.LabelSelector` object. `None` (absent) selects nothing, so callers decide.
    pub fn from_object(selector: &Value) -> Labels {
        let mut terms: Vec<Requirement> = selector
            .map_at("matchLabels")
            .into_iter()
            .flatten()
            .map(|(k, v)| equals(k, v.as_str().unwrap_or("")))
            .collect();
        for e in selector.list_at("matchExpressions") {
            let op = match e.str_at("operator") {
                "In" => Op::In,
                "NotIn" => Op::NotIn,
                "Exists" => Op::Exists,
                _ => Op::DoesNotExist,
            };
            let values = e.list_at("values").iter().filter_map(Value::as_str).map(Into::into);
            let mut values: Vec<String> = values.collect();
            values.sort();
            terms.push(Requirement { key: e.str_at("key").into(), op, values });
        }
        terms.sort_by(|a, b| a.key.cmp(&b.key));
        Labels(terms)
    }

    /// From a plain map of labels, as Services and ReplicationControllers have.
    pub fn from_map(map: &Value) -> Labels {
        let pairs = map.as_object().into_iter().flatten();
        Labels(pairs.map(|(k, v)| equals(k, v.as_str().unwrap_or(""))).collect())
    }

    /// Whether labels, looked up by `get`, satisfy every term.
    pub fn matches<'a>(&self, get: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|r| r.matches(get(&r.key)))
    }

    /// Whether the labels of an object (or template) satisfy every term.
    pub fn matches_object(&self, object: &Value) -> bool {
        self.matches(|k| object.label(k))
    }

    /// Whether a parsed metadata satisfies every term.
    pub fn matches_meta(&self, meta: &super::Meta) -> bool {
        self.matches(|k| meta.label(k))
    }

    /// A label and the value it must have, if there is one; of several the last.
    pub fn value(&self) -> Option<(&str, &str)> {
        self.0.iter().rev().find_map(|r| match (r.op, r.values.as_slice()) {
            (Op::In, [value]) => Some((r.key.as_str(), value.as_str())),
            _ => None,
        })
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn equals(key: &str, value: &str) -> Requirement {
    Requirement { key: key.into(), op: Op::In, values: vec![value.into()] }
}

impl Requirement {
    fn matches(&self, value: Option<&str>) -> bool {
        let among = |v: &str| self.values.iter().any(|x| x == v);
        let number = |s: Option<&str>| s.and_then(|s| s.parse::<i64>().ok());
        let bound = || number(self.values.first().map(String::as_str));
        match self.op {
            Op::In => value.is_some_and(among),
            Op::NotIn => !value.is_some_and(among),
            Op::Exists => value.is_some(),
            Op::DoesNotExist => value.is_none(),
            Op::Gt => matches!((number(value), bound()), (Some(v), Some(b)) if v > b),
            Op::Lt => matches!((number(value), bound()), (Some(v), Some(b)) if v < b),
        }
    }
}

impl std::fmt::Display for Labels {
    /// The canonical text (`a=b,c in (d,e)`), as in `status.selector` of a Scale and table cells.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, r) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            let values = r.values.join(",");
            match (r.op, r.values.len()) {
                (Op::In, 1) => write!(f, "{}={values}", r.key)?,
                (Op::In, _) => write!(f, "{} in ({values})", r.key)?,
                (Op::NotIn, _) => write!(f, "{} notin ({values})", r.key)?,
                (Op::Exists, _) => write!(f, "{}", r.key)?,
                (Op::DoesNotExist, _) => write!(f, "!{}", r.key)?,
                (Op::Gt, _) => write!(f, "{}>{values}", r.key)?,
                (Op::Lt, _) => write!(f, "{}<{values}", r.key)?,
            }
        }
        Ok(())
    }
}

/// A field selector: `path=value` and `path!=value` terms, all of which must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(pub Vec<FieldTerm>);

/// One term of a field selector.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldTerm {
    /// Dotted path as written.
    pub path: String,
    /// Wanted (or unwanted) value.
    pub value: String,
    /// Whether the term is `!=`.
    pub negated: bool,
}

impl Fields {
    /// Parses the query form (`metadata.name=x,status.phase!=Failed`).
    ///
    /// # Errors
    /// The message upstream gives, to be wrapped in a 400.
    pub fn parse(text: &str) -> Result<Fields, String> {
        parse::fields(text).map(Fields)
    }

    /// Whether an object satisfies every term, given how to read a path's text from it.
    pub fn matches(&self, read: impl Fn(&str) -> String) -> bool {
        self.0.iter().all(|t| (read(&t.path) == t.value) != t.negated)
    }

    /// The exact value required of `path`, if one is.
    pub fn exact(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|t| t.path == path && !t.negated).map(|t| t.value.as_str())
    }

    /// Whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_selectors() {
        let get = |k: &str| match k {
            "app" => Some("web"),
            "n" => Some("5"),
            _ => None,
        };
        let rows = [
            ("", true),
            ("app=web", true),
            ("app==web", true),
            ("app!=web", false),
            ("x!=web", true),
            ("app in (a, web)", true),
            ("app notin (a,web)", false),
            ("app,!x", true),
            ("n>4,n<6", true),
            ("x", false),
        ];
        for (text, expected) in rows {
            assert_eq!(Labels::parse(text).unwrap().matches(get), expected, "{text}");
        }
        assert_eq!(Labels::parse("b in (z,a),c,!d").unwrap().to_string(), "b in (a,z),c,!d");
        assert!(Labels::parse("a in (b").is_err());
    }

    #[test]
    fn field_selectors() {
        let f = Fields::parse("spec.nodeName=n1,status.phase!=Failed").unwrap();
        assert!(f.matches(|p| if p == "spec.nodeName" { "n1".into() } else { "Running".into() }));
        assert_eq!(f.exact("spec.nodeName"), Some("n1"));
        assert!(Fields::parse("x").is_err());
    }
}
