//! A rule, read from what somebody wrote.

use super::{Effect, Matches};
use crate::object::{ObjectExt, Value, json, name, to_value};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// `apiVersion` and `kind` of a rule.
const TYPE: (&str, &str) = ("pocketshift.io/v1", "Fault");

/// What a rule says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Spec {
    /// Which requests.
    #[serde(rename = "match")]
    pub matches: Matches,
    /// The first of them that meets the fault, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// How many meet it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// How likely one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// When it begins, by the cluster's clock.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "moment")]
    pub starts: Option<Timestamp>,
    /// How long after it is added it begins; that becomes its start.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub after: String,
    /// When it ends, by the cluster's clock.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "moment")]
    pub until: Option<Timestamp>,
    /// How long it holds from when it is added; that becomes its end.
    #[serde(rename = "for", skip_serializing_if = "String::is_empty")]
    pub lasts: String,
    /// What they meet.
    pub effect: Effect,
}

/// A moment, or words that say what one looks like.
fn moment<'de, D: Deserializer<'de>>(text: D) -> Result<Option<Timestamp>, D::Error> {
    let Some(text) = Option::<String>::deserialize(text)? else { return Ok(None) };
    let wrong = |_| Error::custom(format!("{text:?} is no moment such as 2031-01-02T03:04:05Z"));
    text.parse().map(Some).map_err(wrong)
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// The revision it was written at.
    pub rev: u64,
    /// What it says.
    pub spec: Spec,
}

impl Rule {
    /// Reads a rule. One without a name gets none.
    ///
    /// # Errors
    /// One line for people.
    pub fn read(object: &Value) -> Result<Rule, String> {
        let Some(fields) = object.as_object() else {
            return Err("a rule must be an object".into());
        };
        let known = ["apiVersion", "kind", "metadata", "spec", "status"];
        if let Some(strange) = fields.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!("unknown field {strange:?}, expected metadata and spec"));
        }
        for (field, wanted) in [("apiVersion", TYPE.0), ("kind", TYPE.1)] {
            let said = object.str_at(field);
            if !said.is_empty() && said != wanted {
                return Err(format!("{field}: {said:?}: must be {wanted:?}"));
            }
        }
        let named = object.name();
        if !named.is_empty() && !name::subdomain_problems(named).is_empty() {
            return Err(format!("metadata.name: {named:?} is no name"));
        }
        let spec = object.get("spec").ok_or("spec: is missing")?;
        let spec = Spec::deserialize(spec).map_err(|e| format!("spec: {e}"))?;
        spec.check()?;
        Ok(Rule { name: named.to_owned(), rev: 0, spec })
    }

    /// A rule as its row has it.
    pub(super) fn stored(row: &Value, rev: u64) -> Option<Rule> {
        let spec = Spec::deserialize(row.get("spec")?).ok()?;
        Some(Rule { name: row.name().to_owned(), rev, spec })
    }

    /// The rule as an object.
    pub fn object(&self) -> Value {
        json!({"apiVersion": TYPE.0, "kind": TYPE.1, "metadata": {"name": self.name},
            "spec": to_value(&self.spec).unwrap_or_default()})
    }
}

impl Spec {
    /// Turns how long after now it begins, and how long it holds from then, into moments.
    pub fn settle(&mut self, now: Timestamp) {
        let moment = |from: Timestamp, text: &mut String| {
            let by = std::mem::take(text).parse::<SignedDuration>().ok()?;
            from.checked_add(by).ok()
        };
        self.starts = moment(now, &mut self.after).or(self.starts).or(Some(now));
        let begins = self.starts.unwrap_or(now);
        self.until = moment(begins, &mut self.lasts).or(self.until);
    }

    /// Whether it holds at a moment.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.starts.is_none_or(|begin| begin <= now) && self.until.is_none_or(|end| now < end)
    }

    fn check(&self) -> Result<(), String> {
        self.matches.check()?;
        self.check_counts()?;
        self.check_moments()?;
        self.effect.check()?;
        match self.effect.is_of_the_world() {
            true => self.matches.check_world()?,
            false => self.matches.check_requests()?,
        }
        let counted = self.from.is_some() || self.times.is_some() || self.probability.is_some();
        if self.effect.is_of_the_world() && counted {
            return Err("spec: from, times and probability are for requests".into());
        }
        if self.effect.watch.is_some() && !self.matches.has_verb("watch") {
            return Err("spec.effect.watch: no watch is among spec.match.verbs".into());
        }
        Ok(())
    }

    fn check_counts(&self) -> Result<(), String> {
        if self.from == Some(0) {
            return Err("spec.from: must be at least 1".into());
        }
        if self.times == Some(0) {
            return Err("spec.times: must be at least 1".into());
        }
        if self.probability.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
            return Err("spec.probability: must be from 0 to 1".into());
        }
        Ok(())
    }

    fn check_moments(&self) -> Result<(), String> {
        let moments = [
            ("for", &self.lasts, "until", self.until),
            ("after", &self.after, "starts", self.starts),
        ];
        for (field, said, other, moment) in moments.into_iter().filter(|m| !m.1.is_empty()) {
            if moment.is_some() {
                return Err(format!("spec: say one of {field}, {other}"));
            }
            if !said.parse::<SignedDuration>().is_ok_and(|d| d.is_positive()) {
                let why = "must be a duration such as 90s or 15m";
                return Err(format!("spec.{field}: {said:?}: {why}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_are_none() {
        let effect = json!({"status": 503});
        let rows = [
            (json!([]), "a rule must be an object"),
            (json!({}), "spec: is missing"),
            (json!({"kind": "Pod", "spec": {}}), "kind: \"Pod\": must be \"Fault\""),
            (json!({"sepc": {}}), "unknown field \"sepc\", expected metadata and spec"),
            (json!({"metadata": {"name": "A"}, "spec": {}}), "metadata.name: \"A\" is no name"),
            (json!({"spec": {}}), "spec.effect: says nothing"),
            (
                json!({"spec": {"effect": {"status": 200}}}),
                "spec.effect.status: must be from 400 to 599",
            ),
            (
                json!({"spec": {"effect": {"status": 500, "lose": true}}}),
                "spec.effect: say one of status, cut, lose, watch, silent, unready, crash, pull, disk",
            ),
            (
                json!({"spec": {"effect": {"cut": true, "delay": "1d"}}}),
                "spec.effect.delay: \"1d\": must be a duration such as 500ms, 30s or 2m",
            ),
            (
                json!({"spec": {"effect": {"cut": true, "delay": "2h"}}}),
                "spec.effect.delay: must be from 0 to 10 minutes",
            ),
            (json!({"spec": {"effect": effect, "times": 0}}), "spec.times: must be at least 1"),
            (
                json!({"spec": {"effect": {"silent": true}, "match": {"users": ["joe"]}}}),
                "spec.match: verbs, groups, resources, users, agents and from are for requests",
            ),
            (
                json!({"spec": {"effect": {"unready": true}, "times": 1}}),
                "spec: from, times and probability are for requests",
            ),
            (
                json!({"spec": {"effect": effect, "match": {"images": ["x"]}}}),
                "spec.match: nodes, containers and images are not for requests",
            ),
            (
                json!({"spec": {"effect": {"silent": true, "cut": true}}}),
                "spec.effect: say one of status, cut, lose, watch, silent, unready, crash, pull, disk",
            ),
            (json!({"spec": {"effect": {"disk": 101}}}), "spec.effect.disk: must be from 1 to 100"),
            (
                json!({"spec": {"effect": effect, "for": "-1m"}}),
                "spec.for: \"-1m\": must be a duration such as 90s or 15m",
            ),
            (
                json!({"spec": {"effect": effect, "probability": 2}}),
                "spec.probability: must be from 0 to 1",
            ),
            (
                json!({"spec": {"effect": effect, "match": {"verbs": ["make"]}}}),
                "spec.match.verbs: \"make\" is none of get, list, watch, create, update, patch, delete, deletecollection",
            ),
            (
                json!({"spec": {"effect": {"watch": "drop"}, "match": {"verbs": ["get"]}}}),
                "spec.effect.watch: no watch is among spec.match.verbs",
            ),
        ];
        for (object, why) in rows {
            assert_eq!(Rule::read(&object).unwrap_err(), why, "{object}");
        }
        let strange = Rule::read(&json!({"spec": {"effects": {}}})).unwrap_err();
        assert!(strange.starts_with("spec: unknown field `effects`, expected one of `match`"));
        let rule = json!({"apiVersion": "pocketshift.io/v1", "kind": "Fault",
            "metadata": {"name": "f"}, "spec": {"match": {"verbs": ["create"], "from": "all"},
            "times": 2, "effect": {"status": 429, "retryAfter": 3}}});
        assert_eq!(Rule::read(&rule).unwrap().object(), rule);
    }
}
