//! Go templates over what `inspect` and its sisters would print: fields, ranges, conditions and the
//! functions that such templates use. What is not known is refused as an unknown function is.
//! Source: Go's `text/template`; cri-tools `cmd/crictl/templates.go`.

use crate::object::Value;
use std::cell::Cell;

/// Most bytes a template may come to, and most steps it may take.
const MOST: usize = 1 << 20;
/// Deepest nesting of blocks.
const DEEPEST: usize = 32;

/// What a template says of a value.
///
/// # Errors
/// In the client's words.
pub fn render(template: &str, of: &Value) -> Result<String, String> {
    let parsed = TemplateReader { text: template, at: 0, trim: false }.block(0, false);
    let (pieces, _) = parsed.map_err(|why| format!("failed to generate go-template: {why}"))?;
    let mut out = String::new();
    let scope = TemplateScope { root: of, dot: of, steps: &Cell::new(0) };
    scope.all(&pieces, &mut out).map_err(|why| format!("failed to template data: {why}"))?;
    Ok(out)
}

const NAME: &str = "tmplExecuteRawJSON";

enum TemplatePiece {
    Text(String),
    Show(Commands),
    Range(Commands, Vec<TemplatePiece>, Vec<TemplatePiece>),
    If(Commands, Vec<TemplatePiece>, Vec<TemplatePiece>),
}

/// Commands, each of which is given what the one before it answers.
type Commands = Vec<Vec<TemplateWord>>;

#[derive(Clone)]
enum TemplateWord {
    /// A way from the dot (or the root), and where in the template it stands.
    Path {
        root: bool,
        steps: Vec<String>,
        text: String,
        at: usize,
    },
    Literal(Value),
    Function(String),
}

struct TemplateReader<'a> {
    text: &'a str,
    at: usize,
    /// Whether the last action takes the white space behind it away.
    trim: bool,
}

/// How a block ended.
#[derive(PartialEq)]
enum BlockEnding {
    Text,
    End,
    Else,
}

impl TemplateReader<'_> {
    fn block(
        &mut self,
        depth: usize,
        inside: bool,
    ) -> Result<(Vec<TemplatePiece>, BlockEnding), String> {
        if depth > DEEPEST {
            return Err(format!("template: {NAME}: too deep"));
        }
        let mut pieces = Vec::new();
        while let Some((before, action, at)) = self.action()? {
            pieces.push(TemplatePiece::Text(before));
            let (word, rest) = action.split_once(char::is_whitespace).unwrap_or((&action, ""));
            match word {
                "end" if inside => return Ok((pieces, BlockEnding::End)),
                "else" if inside && rest.trim().is_empty() => {
                    return Ok((pieces, BlockEnding::Else));
                }
                "range" | "if" => {
                    let over = self.pipeline(rest, at + word.len())?;
                    let (body, ending) = self.block(depth + 1, true)?;
                    let otherwise = match ending {
                        BlockEnding::Else => self.block(depth + 1, true)?.0,
                        _ => Vec::new(),
                    };
                    pieces.push(match word {
                        "if" => TemplatePiece::If(over, body, otherwise),
                        _ => TemplatePiece::Range(over, body, otherwise),
                    });
                }
                _ if action.starts_with("/*") => {}
                _ => pieces.push(TemplatePiece::Show(self.pipeline(&action, at)?)),
            }
        }
        if inside {
            return Err(format!("template: {NAME}:1: unexpected EOF"));
        }
        Ok((pieces, BlockEnding::Text))
    }

    /// The text before the next action, the action, and where it begins; at the end the rest is text.
    fn action(&mut self) -> Result<Option<(String, String, usize)>, String> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return Ok(None);
        }
        let open = rest.find("{{");
        let mut before = &rest[..open.unwrap_or(rest.len())];
        if std::mem::take(&mut self.trim) {
            before = before.trim_start();
        }
        let Some(open) = open else {
            self.at = self.text.len();
            // A comment shows nothing.
            return Ok(Some((before.to_owned(), "/**/".into(), self.at)));
        };
        let inside = &rest[open + 2..];
        let close = inside.find("}}");
        let close = close.ok_or_else(|| format!("template: {NAME}:1: unclosed action"))?;
        let (mut action, mut at) = (&inside[..close], self.at + open + 2);
        if action.starts_with("- ") {
            (action, at, before) = (&action[2..], at + 2, before.trim_end());
        }
        if let Some(short) = action.strip_suffix(" -") {
            (action, self.trim) = (short, true);
        }
        self.at += open + 2 + close + 2;
        let lead = action.len() - action.trim_start().len();
        Ok(Some((before.to_owned(), action.trim().to_owned(), at + lead)))
    }

    fn pipeline(&self, text: &str, at: usize) -> Result<Commands, String> {
        let mut commands = vec![Vec::new()];
        for (word, offset) in words(text) {
            if word == "|" {
                commands.push(Vec::new());
            } else if let Some(last) = commands.last_mut() {
                last.push(TemplateWord::read(word, at + offset)?);
            }
        }
        match commands.iter().any(Vec::is_empty) {
            true => Err(format!("template: {NAME}:1: missing value for command")),
            false => Ok(commands),
        }
    }
}

/// The words of an action, and where they begin; a text in quotes is one.
fn words(text: &str) -> Vec<(&str, usize)> {
    let (mut out, mut start, mut quoted) = (Vec::new(), None, None);
    for (at, c) in text.char_indices() {
        match (quoted, c) {
            (Some(quote), _) if c == quote => quoted = None,
            (Some(_), _) => {}
            (None, '"' | '`') => {
                quoted = Some(c);
                start.get_or_insert(at);
            }
            (None, c) if c.is_whitespace() || c == '|' => {
                out.extend(start.take().map(|from| (&text[from..at], from)));
                if c == '|' {
                    out.push((&text[at..=at], at));
                }
            }
            _ => {
                start.get_or_insert(at);
            }
        }
    }
    out.extend(start.map(|from| (&text[from..], from)));
    out
}

const FUNCTIONS: [&str; 12] = [
    "json", "lower", "upper", "title", "len", "index", "print", "println", "not", "eq", "ne",
    "join",
];

impl TemplateWord {
    fn read(word: &str, at: usize) -> Result<TemplateWord, String> {
        let quoted = |q| word.strip_prefix(q).and_then(|w: &str| w.strip_suffix(q));
        if let Some(text) = quoted('"').or_else(|| quoted('`')) {
            return Ok(TemplateWord::Literal(text.into()));
        }
        let root = word.starts_with('$');
        let way = if root { &word[1..] } else { word };
        if way.starts_with('.') || (root && way.is_empty()) {
            let steps: Vec<String> =
                way.split('.').filter(|s| !s.is_empty()).map(Into::into).collect();
            // Go counts from the second step of a longer way.
            let first = steps.first().filter(|_| steps.len() > 1).map_or(0, |s| s.len() + 1);
            return Ok(TemplateWord::Path { root, steps, text: word.into(), at: at + first });
        }
        if let Ok(value @ (Value::Number(_) | Value::Bool(_))) = serde_json::from_str(word) {
            return Ok(TemplateWord::Literal(value));
        }
        match FUNCTIONS.contains(&word) {
            true => Ok(TemplateWord::Function(word.into())),
            false => Err(format!("template: {NAME}:1: function {word:?} not defined")),
        }
    }
}

#[derive(Clone, Copy)]
struct TemplateScope<'a> {
    root: &'a Value,
    dot: &'a Value,
    steps: &'a Cell<usize>,
}

impl TemplateScope<'_> {
    fn all(self, pieces: &[TemplatePiece], out: &mut String) -> Result<(), String> {
        for piece in pieces {
            match piece {
                TemplatePiece::Text(text) => out.push_str(text),
                TemplatePiece::Show(pipeline) => out.push_str(&shown(&self.value(pipeline)?)),
                TemplatePiece::If(pipeline, body, otherwise) => {
                    let holds = truth(&self.value(pipeline)?);
                    self.all(if holds { body } else { otherwise }, out)?;
                }
                TemplatePiece::Range(pipeline, body, otherwise) => {
                    let over = self.value(pipeline)?;
                    let items: Vec<&Value> = match &over {
                        Value::Array(list) => list.iter().collect(),
                        Value::Object(map) => map.values().collect(),
                        Value::Null => Vec::new(),
                        other => return Err(format!("range can't iterate over {}", shown(other))),
                    };
                    for dot in &items {
                        TemplateScope { dot, ..self }.all(body, out)?;
                    }
                    if items.is_empty() {
                        self.all(otherwise, out)?;
                    }
                }
            }
            self.steps.set(self.steps.get() + 1);
            if out.len().max(self.steps.get()) > MOST {
                return Err("it comes to too much".into());
            }
        }
        Ok(())
    }

    fn value(self, pipeline: &Commands) -> Result<Value, String> {
        let mut last = None;
        for command in pipeline {
            let (first, rest) = command.split_first().ok_or("nothing to show")?;
            let mut given = rest.iter().map(|w| self.word(w)).collect::<Result<Vec<_>, _>>()?;
            given.extend(last.take());
            last = Some(match first {
                TemplateWord::Function(name) => call(name, &given)?,
                word if given.is_empty() => self.word(word)?,
                _ => return Err("can't give argument to non-function".into()),
            });
        }
        last.ok_or_else(|| "nothing to show".into())
    }

    fn word(self, word: &TemplateWord) -> Result<Value, String> {
        match word {
            TemplateWord::Literal(value) => Ok(value.clone()),
            TemplateWord::Function(name) => call(name, &[]),
            TemplateWord::Path { root, steps, text, at } => {
                let mut value = if *root { self.root } else { self.dot };
                for step in steps {
                    value = value.get(step).ok_or_else(|| {
                        let of =
                            format!("template: {NAME}:1:{at}: executing \"{NAME}\" at <{text}>");
                        match value {
                            Value::Object(_) => format!("{of}: map has no entry for key {step:?}"),
                            other => {
                                format!("{of}: can't evaluate field {step} in {}", shown(other))
                            }
                        }
                    })?;
                }
                Ok(value.clone())
            }
        }
    }
}

fn call(name: &str, given: &[Value]) -> Result<Value, String> {
    let first = given.first().cloned().unwrap_or_default();
    let text = || shown(&first);
    let all = |between: &str| given.iter().map(shown).collect::<Vec<_>>().join(between);
    Ok(match name {
        "json" => first.to_string().into(),
        "lower" => text().to_lowercase().into(),
        "upper" => text().to_uppercase().into(),
        "title" => {
            let mut letters = text();
            if let Some(first) = letters.get(..1).map(str::to_uppercase) {
                letters.replace_range(..1, &first);
            }
            letters.into()
        }
        "len" => match &first {
            Value::Array(list) => list.len().into(),
            Value::Object(map) => map.len().into(),
            Value::String(text) => text.len().into(),
            other => return Err(format!("error calling len: len of type {}", shown(other))),
        },
        "index" => given.iter().skip(1).try_fold(first.clone(), |value, key| {
            let found = match (key, key.as_u64().and_then(|n| usize::try_from(n).ok())) {
                (_, Some(at)) => value.get(at),
                (key, None) => value.get(shown(key)),
            };
            found
                .cloned()
                .ok_or_else(|| format!("error calling index: {} is not there", shown(key)))
        })?,
        "print" => all("").into(),
        "println" => format!("{}\n", all(" ")).into(),
        "not" => (!truth(&first)).into(),
        "eq" => given.iter().skip(1).any(|other| *other == first).into(),
        "ne" => (given.get(1) != Some(&first)).into(),
        _ => first.as_array().into_iter().flatten().map(shown).collect::<Vec<_>>().join(" ").into(),
    })
}

fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(holds) => *holds,
        Value::Number(n) => n.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// A value as Go prints it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".into(),
        Value::String(text) => text.to_string(),
        Value::Array(list) => {
            format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(" "))
        }
        Value::Object(map) => {
            let pairs = map.iter().map(|(name, value)| format!("{name}:{}", shown(value)));
            format!("map[{}]", pairs.collect::<Vec<_>>().join(" "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json;

    #[test]
    fn templates_as_they_are_typed() {
        let of = json!({"status": {"id": "ab12", "size": 5, "repoTags": ["a:1", "b:2"],
            "labels": {"x": "y"}, "none": []}});
        let rows = [
            ("{{.status.id}}", Ok("ab12")),
            ("id={{ .status.id | upper }}!", Ok("id=AB12!")),
            ("{{range .status.repoTags}}{{.}} {{end}}", Ok("a:1 b:2 ")),
            ("{{range .status.none}}x{{else}}nothing{{end}}", Ok("nothing")),
            ("{{if eq .status.size 5}}five{{else}}other{{end}}", Ok("five")),
            ("{{index .status.repoTags 1}} {{len .status.repoTags}}", Ok("b:2 2")),
            ("{{json .status.labels}} {{.status.labels}}", Ok(r#"{"x":"y"} map[x:y]"#)),
            ("a {{- range $.status.repoTags -}} b {{- end}}", Ok("abb")),
            ("plain", Ok("plain")),
            (
                "{{.status.nope}}",
                Err(
                    "failed to template data: template: tmplExecuteRawJSON:1:9: executing \"tmplExecuteRawJSON\" at <.status.nope>: map has no entry for key \"nope\"",
                ),
            ),
            (
                "{{frob .status}}",
                Err(
                    "failed to generate go-template: template: tmplExecuteRawJSON:1: function \"frob\" not defined",
                ),
            ),
            (
                "{{.status",
                Err(
                    "failed to generate go-template: template: tmplExecuteRawJSON:1: unclosed action",
                ),
            ),
            (
                "{{range .status.repoTags}}x",
                Err(
                    "failed to generate go-template: template: tmplExecuteRawJSON:1: unexpected EOF",
                ),
            ),
        ];
        for (template, expected) in rows {
            let got = render(template, &of);
            assert_eq!(got.as_deref().map_err(String::as_str), expected, "{template}");
        }
        let deep = format!("{}x{}", "{{if .}}".repeat(1000), "{{end}}".repeat(1000));
        assert!(render(&deep, &of).is_err());
        let list: Vec<u8> = vec![0; 100];
        for inside in ["xxxxxxxx", "{{if false}}{{end}}"] {
            let wide = format!("{}{inside}{}", "{{range $.l}}".repeat(9), "{{end}}".repeat(9));
            assert!(render(&wide, &json!({"l": list})).unwrap_err().contains("too much"));
        }
    }
}
