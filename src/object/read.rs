//! Texts to trees: JSON and YAML, each within budgets. Nesting, and what the aliases of a YAML text
//! unfold to, are bounded by the text's own length, so that reading is linear in it whatever it says;
//! how long a text may be is for those to say who take it in.

/// The part of a [`Visitor`] that keeps nothing of single values.
macro_rules! nothing_of_scalars {
    () => {
        fn visit_bool<E>(self, _: bool) -> Result<(), E> {
            Ok(())
        }
        fn visit_i64<E>(self, _: i64) -> Result<(), E> {
            Ok(())
        }
        fn visit_u64<E>(self, _: u64) -> Result<(), E> {
            Ok(())
        }
        fn visit_f64<E>(self, _: f64) -> Result<(), E> {
            Ok(())
        }
        fn visit_str<E>(self, _: &str) -> Result<(), E> {
            Ok(())
        }
        fn visit_unit<E>(self) -> Result<(), E> {
            Ok(())
        }
    };
}

mod lines;

pub use lines::repeated;

use super::{Map, Value, syntax};
use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor,
};
use serde_saphyr::{Budget, DuplicateKeyPolicy, Options};
use std::{collections::HashMap, fmt};

/// Most fields given twice that are noted, and bytes of their paths: upstream stops at as many.
const NOTED: (usize, usize) = (100, 64 << 10);
/// Deepest nesting of YAML.
const DEPTH: usize = 100;
/// Bytes of stack that reading so deep may take, in a build that is not optimised.
const STACK: usize = 8 << 20;
/// What a text may unfold to, in bytes: so many times its own, and so many more.
const UNFOLDED: (usize, usize) = (4, 1 << 20);
/// What a node counts beside its text.
const NODE: usize = 4;

/// A tree, and the paths of the fields that stand in it twice (the last one counts, as in Go).
pub type Tree = (Value, Vec<String>);

/// Reads JSON.
///
/// # Errors
/// In the words of Go's decoder.
pub fn json(text: &[u8]) -> Result<Tree, String> {
    let mut notes = Notes::new(text.len());
    let mut reader = serde_json::Deserializer::from_slice(text);
    let bad = |_| syntax::fault(text);
    let seed = Seed { place: JsonPath::Root, notes: &mut notes };
    let value = seed.deserialize(&mut reader).map_err(bad)?;
    reader.end().map_err(bad)?;
    Ok((value, notes.twice))
}

/// Reads one YAML document.
///
/// # Errors
/// Where it is no YAML, or over a budget.
pub fn yaml(text: &[u8]) -> Result<Tree, String> {
    let text = std::str::from_utf8(text).map_err(|_| "invalid UTF-8".to_owned())?;
    if text.trim().is_empty() {
        return Ok((Value::Null, Vec::new()));
    }
    let mut notes = Notes::new(text.len());
    let read = deeply(|| {
        serde_saphyr::with_deserializer_from_str_with_options(text, options(text), |d| {
            Seed { place: JsonPath::Root, notes: &mut notes }.deserialize(d)
        })
    });
    let mut value = read.map_err(|e| said(&e))?;
    super::make_whole(&mut value);
    Ok((value, notes.twice))
}

/// Runs a reader of YAML with room for its deepest nesting.
fn deeply<T>(read: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(STACK, 2 * STACK, read)
}

/// Reads every document of a YAML text; empty ones are left out.
///
/// # Errors
/// Where it is no YAML, or over a budget.
pub fn yaml_documents(text: &str) -> Result<Vec<Value>, String> {
    let read: Result<Vec<Whole>, _> =
        deeply(|| serde_saphyr::from_multiple_with_options(text, options(text)));
    let all = read.map_err(|e| said(&e))?.into_iter().map(|w| w.0);
    Ok(all.filter(|v| !v.is_null()).collect())
}

/// Reads a YAML text that has a type of its own.
///
/// # Errors
/// Where it is no YAML, not of the type, or over a budget.
pub fn yaml_as<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    deeply(|| serde_saphyr::from_str_with_options(text, options(text))).map_err(|e| said(&e))
}

/// One line of what is wrong.
fn said(error: &serde_saphyr::Error) -> String {
    error.without_snippet().to_string().lines().next().unwrap_or_default().to_owned()
}

/// YAML as Go's reader takes it (1.1: `yes` is true), within budgets that grow with the text alone.
fn options(text: &str) -> Options {
    let size = text.len();
    let unfolded = UNFOLDED.0 * size + UNFOLDED.1;
    let mut budget = Budget::default();
    budget.max_depth = DEPTH;
    budget.max_events = 2 * size + 16;
    budget.max_nodes = 2 * size + 16;
    budget.max_aliases = size;
    budget.max_anchors = size;
    budget.max_merge_keys = size;
    budget.max_documents = size + 1;
    budget.max_total_scalar_bytes = unfolded;
    budget.max_recorded_anchor_events = 2 * size + 16;
    budget.max_recorded_anchor_bytes = unfolded;
    budget.enforce_alias_anchor_ratio = false;
    let mut options = Options::default();
    options.budget = Some(budget);
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    options.alias_limits.max_total_replayed_events = unfolded / NODE;
    options
}

/// What a type has to say against a field of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Problem<'a> {
    /// It stands there twice.
    Twice(&'a str),
    /// The type does not have it.
    Unknown(&'a str),
}

/// Problems with a JSON text, in the order in which they stand in it: of a field given twice the
/// second place counts. At most as many as upstream tells. Without the text the order is as given.
pub fn in_order<'a>(text: &[u8], twice: &'a [String], unknown: &'a [String]) -> Vec<Problem<'a>> {
    let twice = twice.iter().map(|path| Problem::Twice(path));
    let mut all: Vec<_> = twice.chain(unknown.iter().map(|path| Problem::Unknown(path))).collect();
    if all.len() > 1 && !text.is_empty() {
        let mut places = Places::default();
        for problem in &all {
            let (Problem::Twice(path) | Problem::Unknown(path)) = *problem;
            places.wanted.entry(Trail::of(path)).or_default();
        }
        let mut reader = serde_json::Deserializer::from_slice(text);
        let walk = Walk { trail: Trail::of(""), places: &mut places };
        // What cannot be read any further has been refused before.
        let _ = walk.deserialize(&mut reader);
        all.sort_by_key(|problem| match *problem {
            Problem::Twice(path) => places.of(path, 1),
            Problem::Unknown(path) => places.of(path, 0),
        });
    }
    all.truncate(NOTED.0);
    all
}

/// A path as a number that grows with it: spelling out the path of every field of a text would be
/// far longer than the text. Two paths that share one are told in the wrong order, nothing more.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Trail(u64);

impl Trail {
    fn of(path: &str) -> Trail {
        Trail(0xcbf2_9ce4_8422_2325).and(path)
    }
    fn and(self, text: &str) -> Trail {
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Trail(text.bytes().fold(self.0, step))
    }
}

/// Where the fields stand that are looked for: their first two places, as a count of all fields.
#[derive(Default)]
struct Places {
    wanted: HashMap<Trail, Vec<usize>>,
    count: usize,
}

impl Places {
    fn see(&mut self, trail: Trail) {
        self.count += 1;
        if let Some(places) = self.wanted.get_mut(&trail)
            && places.len() < 2
        {
            places.push(self.count);
        }
    }
    fn of(&self, path: &str, nth: usize) -> usize {
        let places = self.wanted.get(&Trail::of(path));
        places.and_then(|p| p.get(nth).or(p.last())).copied().unwrap_or(usize::MAX)
    }
}

/// Walks through a text and keeps nothing of it.
struct Walk<'a> {
    trail: Trail,
    places: &'a mut Places,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }
    nothing_of_scalars!();
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        for index in 0.. {
            let trail = self.trail.and(&format!("[{index}]"));
            if seq.next_element_seed(Walk { trail, places: &mut *self.places })?.is_none() {
                break;
            }
        }
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let above = if self.trail == Trail::of("") { self.trail } else { self.trail.and(".") };
            let trail = above.and(&key);
            self.places.see(trail);
            map.next_value_seed(Walk { trail, places: &mut *self.places })?;
        }
        Ok(())
    }
}

/// What is noted while a tree is built, and what may still be built.
struct Notes {
    twice: Vec<String>,
    told: usize,
    left: usize,
}

impl Notes {
    fn new(size: usize) -> Notes {
        Notes { twice: Vec::new(), told: 0, left: UNFOLDED.0 * size + UNFOLDED.1 }
    }

    fn spend<E: serde::de::Error>(&mut self, bytes: usize) -> Result<(), E> {
        let left = self.left.checked_sub(NODE + bytes);
        self.left = left.ok_or_else(|| E::custom("document contains excessive aliasing"))?;
        Ok(())
    }

    fn twice(&mut self, place: &JsonPath<'_>) {
        if self.twice.len() < NOTED.0 && self.told < NOTED.1 {
            let path = place.to_string();
            self.told += path.len();
            if !self.twice.contains(&path) {
                self.twice.push(path);
            }
        }
    }
}

/// Where in a document something stands; spelt out only when it must be told.
#[derive(Clone, Copy)]
enum JsonPath<'a> {
    Root,
    Field(&'a JsonPath<'a>, &'a str),
    Item(&'a JsonPath<'a>, usize),
}

impl fmt::Display for JsonPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonPath::Root => Ok(()),
            JsonPath::Field(JsonPath::Root, name) => f.write_str(name),
            JsonPath::Field(parent, name) => write!(f, "{parent}.{name}"),
            JsonPath::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// One of several documents.
struct Whole(Value);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Whole, D::Error> {
        // The text's own budgets bound the events that aliases replay.
        let mut notes = Notes { twice: Vec::new(), told: usize::MAX, left: usize::MAX };
        let seed = Seed { place: JsonPath::Root, notes: &mut notes };
        seed.deserialize(deserializer).map(Whole)
    }
}

/// Builds a value while watching for repeated keys.
struct Seed<'a, 'p> {
    place: JsonPath<'p>,
    notes: &'a mut Notes,
}

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }
    fn visit_bool<E: serde::de::Error>(self, v: bool) -> Result<Value, E> {
        self.notes.spend(0).map(|()| Value::Bool(v))
    }
    fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<Value, E> {
        self.notes.spend(0).map(|()| v.into())
    }
    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<Value, E> {
        self.notes.spend(0).map(|()| v.into())
    }
    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<Value, E> {
        self.notes.spend(0).map(|()| v.into())
    }
    fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<Value, E> {
        self.notes.spend(v.len()).map(|()| Value::String(v.into()))
    }
    fn visit_string<E: serde::de::Error>(self, v: String) -> Result<Value, E> {
        self.notes.spend(v.len()).map(|()| Value::String(v.into()))
    }
    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        self.notes.spend(0).map(|()| Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        self.notes.spend(0)?;
        let mut items = Vec::new();
        loop {
            let place = JsonPath::Item(&self.place, items.len());
            match seq.next_element_seed(Seed { place, notes: &mut *self.notes })? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items.into())),
            }
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        self.notes.spend(0)?;
        let mut fields = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            self.notes.spend::<A::Error>(key.len())?;
            let place = JsonPath::Field(&self.place, &key);
            if fields.contains_key(&key) {
                self.notes.twice(&place);
            }
            let value = map.next_value_seed(Seed { place, notes: &mut *self.notes })?;
            fields.insert(key.into(), value);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::json as tree;

    #[test]
    fn duplicate_fields_are_noted() {
        let text = br#"{"spec":{"replicas":1,"replicas":2,"l":[{"a":1,"a":2}]}}"#;
        let (v, d) = json(text).unwrap();
        assert_eq!(v["spec"]["replicas"], 2);
        assert_eq!(d, ["spec.replicas", "spec.l[0].a"]);
        assert!(json(b"{} x").is_err());
        let (v, d) = yaml(b"spec:\n  replicas: 1\n  replicas: 2\n  l: [{a: 1, a: 2}]\n").unwrap();
        assert_eq!(v, tree!({"spec": {"replicas": 2, "l": [{"a": 2}]}}));
        assert_eq!(d, ["spec.replicas", "spec.l[0].a"]);
    }

    #[test]
    fn problems_are_told_in_the_texts_order() {
        let text = br#"{"z":1,"spec":{"b":1,"a":[{"q":1,"p":2,"p":3}],"b":2,"c":0},"y":2}"#;
        let twice = ["spec.a[0].p".to_owned(), "spec.b".into()];
        let unknown = ["spec.a[0].q".to_owned(), "spec.c".into(), "y".into(), "z".into()];
        let told: Vec<String> =
            in_order(text, &twice, &unknown).iter().map(|p| format!("{p:?}")).collect();
        let expected = [
            "Unknown(\"z\")",
            "Unknown(\"spec.a[0].q\")",
            "Twice(\"spec.a[0].p\")",
            "Twice(\"spec.b\")",
            "Unknown(\"spec.c\")",
            "Unknown(\"y\")",
        ];
        assert_eq!(told, expected);
        assert_eq!(in_order(b"", &twice, &unknown)[0], Problem::Twice("spec.a[0].p"));
        let many: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
        assert_eq!(in_order(b"", &[], &many).len(), NOTED.0);
    }

    /// A long key above many repeated fields: their paths would be far longer than the text.
    #[test]
    fn notes_have_a_bound() {
        let many = "\"a\":1,".repeat(1000);
        for above in [1, 100_000] {
            let text = format!("{{\"{}\":{{{many}\"a\":1}}}}", "k".repeat(above));
            let (_, twice) = json(text.as_bytes()).unwrap();
            assert_eq!(twice.len(), 1);
        }
        let many: String = (0..1000).map(|n| format!("\"{n}\":1,\"{n}\":1,")).collect();
        let text = format!("{{{many}\"a\":1}}");
        assert_eq!(json(text.as_bytes()).unwrap().1.len(), NOTED.0);
        let text = format!("{{\"{}\":{{{many}\"a\":1}}}}", "k".repeat(100_000));
        assert_eq!(json(text.as_bytes()).unwrap().1.len(), 1);
    }

    #[test]
    fn yaml_is_read_as_go_reads_it() {
        let rows = [
            ("a: yes\nb: off\nc: 'no'", tree!({"a": true, "b": false, "c": "no"})),
            (
                "a: 1\nb: -2\nc: 1.5\nd: ~\ne:",
                tree!({"a": 1, "b": -2, "c": 1.5, "d": null, "e": null}),
            ),
            ("a: 2.0\nb: [1e3, -4.00]\nc: 1e30", tree!({"a": 2, "b": [1000, -4], "c": 1e30})),
            (
                "x: &x {a: 1}\ny: *x\nz: {<<: *x, b: 2}",
                tree!({"x": {"a": 1}, "y": {"a": 1}, "z": {"a": 1, "b": 2}}),
            ),
            ("1: a\ntrue: b", tree!({"1": "a", "true": "b"})),
            ("{\"a\": [1, {}]}", tree!({"a": [1, {}]})),
            ("# nothing\n", Value::Null),
            ("", Value::Null),
            ("a: |\n  x\n  y\nb: >-\n  x\n  y", tree!({"a": "x\ny\n", "b": "x y"})),
        ];
        for (text, expected) in rows {
            assert_eq!(yaml(text.as_bytes()).map(|t| t.0), Ok(expected), "{text}");
        }
        for bad in ["a: [", "a: b: c", "*x", "a: \"", "\u{0}"] {
            let said = yaml(bad.as_bytes()).unwrap_err();
            assert!(!said.contains('\n'), "{said}");
        }
        assert!(yaml(b"a: \xff").is_err());
        assert_eq!(yaml_documents("a: 1\n---\n---\n- 2\n").unwrap(), [tree!({"a": 1}), tree!([2])]);
        assert!(yaml_documents("a: 1\n---\nb: [").is_err());
    }

    /// Texts whose meaning is far larger than they are, or that nest without end.
    #[test]
    fn bombs_do_not_go_off() {
        let xs = "x,".repeat(10_000);
        let many = "*a,".repeat(10_000);
        let long = "y".repeat(100_000);
        let mut laughs = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
        for n in 1..40 {
            let before = format!("*a{},", n - 1).repeat(9);
            laughs += &format!("a{n}: &a{n} [{before}]\n");
        }
        let merges = "<<: *a,".repeat(10_000);
        let keys: String = (0..2000).map(|n| format!("k{n}: 1,")).collect();
        let bombs = [
            format!("a: &a [{xs}]\nb: [{many}]\n"),
            format!("a: &a {long}\nb: [{many}]\n"),
            format!("a: &a {{{keys}}}\nb: {{{merges}}}\n"),
            laughs,
            "[".repeat(1_000_000),
            "{a: ".repeat(700_000),
            "- ".repeat(500_000),
            "? ".repeat(500_000),
            "[".repeat(5000) + &"]".repeat(5000),
        ];
        for bomb in bombs {
            let head: String = bomb.chars().take(20).collect();
            let began = std::time::Instant::now();
            assert!(yaml(bomb.as_bytes()).is_err());
            assert!(began.elapsed().as_secs() < 10, "{head}: {:?}", began.elapsed());
        }
        assert!(json("[".repeat(1_000_000).as_bytes()).is_err());
    }
}
