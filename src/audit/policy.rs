//! Which requests are written down, and how much of them: `audit.k8s.io/v1` Policy.
//! Source: k8s.io/apiserver `pkg/audit/policy`, `pkg/apis/audit/validation`.

use super::{Stage, Target};
use crate::{
    error::Causes,
    object::{ObjectExt, Value, json, name, read},
};
use serde::{Deserialize, Serialize};

/// How much of a request is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum Level {
    /// Nothing.
    #[default]
    None,
    /// Who, what, when and with which result.
    Metadata,
    /// Its body as well.
    Request,
    /// The answer's body, too.
    RequestResponse,
}

const LEVELS: &[&str] = &["None", "Metadata", "Request", "RequestResponse"];

/// A policy.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Policy {
    rules: Vec<Rule>,
    omit_stages: Vec<Stage>,
    omit_managed_fields: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rule {
    level: Level,
    users: Vec<String>,
    user_groups: Vec<String>,
    verbs: Vec<String>,
    resources: Vec<Resources>,
    namespaces: Vec<String>,
    #[serde(rename = "nonResourceURLs")]
    urls: Vec<String>,
    omit_stages: Vec<Stage>,
    omit_managed_fields: Option<bool>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Resources {
    group: String,
    resources: Vec<String>,
    resource_names: Vec<String>,
}

/// What a policy says of one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestAuditConfig {
    /// How much is written down.
    pub level: Level,
    /// At which stages nothing is.
    pub omits: Vec<Stage>,
    /// Whether managed fields are left out of bodies.
    pub without_managed_fields: bool,
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// What is wrong with it, in upstream's words.
    pub fn read(text: &str) -> Result<Policy, String> {
        let (value, _) =
            read::yaml(text.as_bytes()).map_err(|e| format!("failed decoding: {e}"))?;
        let (version, kind) = (value.str_at("apiVersion"), value.str_at("kind"));
        if version != "audit.k8s.io/v1" {
            return Err(format!("unknown group version field {version}, Kind={kind} in policy"));
        }
        if kind != "Policy" {
            return Err(format!("failed decoding: no kind {kind:?} is registered for {version}"));
        }
        let mut causes = Causes::default();
        check(&value, &mut causes);
        if !causes.is_empty() {
            let lines: Vec<String> =
                causes.0.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
            return Err(match lines.as_slice() {
                [one] => one.clone(),
                many => format!("[{}]", many.join(", ")),
            });
        }
        let policy = Policy::deserialize(&value).map_err(|e| format!("failed decoding: {e}"))?;
        match policy.rules.is_empty() {
            true => Err("loaded illegal policy with 0 rules".into()),
            false => Ok(policy),
        }
    }

    /// What becomes of a request. `who` is nobody whose credentials were refused.
    pub fn verdict(&self, who: Option<(&str, &[String])>, target: &Target) -> RequestAuditConfig {
        let Some(rule) = self.rules.iter().find(|rule| rule.matches(who, target)) else {
            return RequestAuditConfig {
                omits: self.omit_stages.clone(),
                ..RequestAuditConfig::default()
            };
        };
        RequestAuditConfig {
            level: rule.level,
            omits: [self.omit_stages.as_slice(), &rule.omit_stages].concat(),
            without_managed_fields: rule.omit_managed_fields.unwrap_or(self.omit_managed_fields),
        }
    }
}

/// Looks for what upstream refuses.
fn check(policy: &Value, out: &mut Causes) {
    stages(policy, "omitStages", out);
    for (i, rule) in policy.list_at("rules").iter().enumerate() {
        let at = |field: &str| format!("rules[{i}].{field}");
        match rule.str_at("level") {
            "" => out.required(at("level"), ""),
            level if !LEVELS.contains(&level) => {
                out.unsupported_in_order(at("level"), &json!(level), LEVELS);
            }
            _ => {}
        }
        for (n, url) in rule.list_at("nonResourceURLs").iter().enumerate() {
            let (at, text) = (format!("{}[{n}]", at("nonResourceURLs")), url.as_str());
            let text = text.unwrap_or_default();
            if text == "*" {
                continue;
            }
            if !text.starts_with('/') {
                let why = "non-resource URL rules must begin with a '/' character";
                out.invalid(&at, url, why);
            }
            if text.char_indices().any(|(i, c)| c == '*' && i + 1 < text.len()) {
                let why = "non-resource URL wildcards '*' must be the final character of the rule";
                out.invalid(&at, url, why);
            }
        }
        for of in rule.list_at("resources") {
            let group = of.str_at("group");
            let problems = match group {
                "" | "*" => Vec::new(),
                group => name::subdomain_problems(group),
            };
            if !problems.is_empty() {
                out.invalid(at("resources.group"), &json!(group), problems.join(","));
            }
            let names = of.list_at("resourceNames");
            if !names.is_empty() && of.list_at("resources").is_empty() {
                let why = "using resourceNames requires at least one resource";
                out.invalid(at("resources.resourceNames"), &json!(names), why);
            }
        }
        stages(rule, &at("omitStages"), out);
        let urls = rule.list_at("nonResourceURLs");
        let of_resources = ["resources", "namespaces"].iter().any(|f| !rule.list_at(f).is_empty());
        if !urls.is_empty() && of_resources {
            let why = "rules cannot apply to both regular resources and non-resource URLs";
            out.invalid(at("nonResourceURLs"), &json!(urls), why);
        }
    }
}

fn stages(of: &Value, at: &str, out: &mut Causes) {
    for (i, stage) in of.list_at("omitStages").iter().enumerate() {
        if !Stage::NAMES.contains(&stage.as_str().unwrap_or_default()) {
            let why = format!("allowed stages are {}", Stage::NAMES.join(","));
            out.invalid(format!("{at}[{i}]"), stage, why);
        }
    }
}

impl Rule {
    fn matches(&self, who: Option<(&str, &[String])>, target: &Target) -> bool {
        let has = |list: &[String], word: &str| list.iter().any(|w| w == word);
        if !self.users.is_empty() && !who.is_some_and(|(name, _)| has(&self.users, name)) {
            return false;
        }
        let grouped = || who.is_some_and(|(_, all)| all.iter().any(|g| has(&self.user_groups, g)));
        if !self.user_groups.is_empty() && !grouped() {
            return false;
        }
        if !self.verbs.is_empty() && !has(&self.verbs, &target.verb) {
            return false;
        }
        if !self.namespaces.is_empty() || !self.resources.is_empty() {
            return target.resource_request
                && (self.namespaces.is_empty() || has(&self.namespaces, &target.namespace))
                && (self.resources.is_empty() || self.resources.iter().any(|r| r.matches(target)));
        }
        if self.urls.is_empty() {
            return true;
        }
        let fits = |spec: &String| match spec.strip_suffix('*') {
            Some(begin) => target.path.starts_with(begin),
            None => *spec == target.path,
        };
        !target.resource_request && self.urls.iter().any(fits)
    }
}

impl Resources {
    fn matches(&self, target: &Target) -> bool {
        if self.group != "*" && self.group != target.group {
            return false;
        }
        if self.resources.is_empty() {
            return true;
        }
        if !self.resource_names.is_empty() && !self.resource_names.contains(&target.name) {
            return false;
        }
        self.resources.iter().any(|resource| match resource.split_once('/') {
            _ if resource == "*" => true,
            None => target.sub.is_empty() && *resource == target.resource,
            Some(("*", sub)) if !target.sub.is_empty() && sub == target.sub => true,
            Some((whole, "*")) => whole == target.resource,
            Some((whole, sub)) => whole == target.resource && sub == target.sub,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rules: &str) -> Result<Policy, String> {
        Policy::read(&format!("apiVersion: audit.k8s.io/v1\nkind: Policy\n{rules}"))
    }

    #[test]
    fn the_first_rule_that_fits_counts() {
        let policy = policy(
            "omitStages: [RequestReceived]\nomitManagedFields: true\nrules:\n\
             - {level: None, nonResourceURLs: ['/healthz*', /version]}\n\
             - {level: Request, users: [joe], verbs: [create], omitStages: [Panic]}\n\
             - {level: Metadata, userGroups: [qa], resources: [{group: '', resources: [pods/log]}]}\n\
             - {level: RequestResponse, namespaces: [a], omitManagedFields: false, resources: [\
                {group: apps}, {group: '*', resources: ['*/scale', 'pods/*']},\
                {group: '', resources: [secrets], resourceNames: [s]}]}\n",
        )
        .unwrap();
        let qa = ["qa".to_owned()];
        let of =
            |who, method, path| policy.verdict(who, &Target::of(method, path, false, None)).level;
        let joe = Some(("joe", [].as_slice()));
        let rows = [
            (None, "GET", "/healthz/ping", Level::None),
            (joe, "POST", "/api/v1/namespaces/b/pods", Level::Request),
            (joe, "GET", "/api/v1/namespaces/b/pods", Level::None),
            (Some(("x", &qa[..])), "GET", "/api/v1/namespaces/b/pods/p/log", Level::Metadata),
            (Some(("x", &qa[..])), "GET", "/api/v1/namespaces/b/pods/p", Level::None),
            (joe, "GET", "/apis/apps/v1/namespaces/a/deployments", Level::RequestResponse),
            (joe, "GET", "/apis/x/v1/namespaces/a/foos/f/scale", Level::RequestResponse),
            (joe, "GET", "/api/v1/namespaces/a/pods/p/exec", Level::RequestResponse),
            (joe, "GET", "/api/v1/namespaces/a/pods/p", Level::RequestResponse),
            (joe, "GET", "/api/v1/namespaces/a/secrets/s", Level::RequestResponse),
            (joe, "GET", "/api/v1/namespaces/a/secrets/t", Level::None),
        ];
        for (who, method, path, level) in rows {
            assert_eq!(of(who, method, path), level, "{method} {path}");
        }
        let create = Target::of("POST", "/api/v1/nodes", false, None);
        let verdict = policy.verdict(joe, &create);
        assert_eq!(verdict.omits, [Stage::RequestReceived, Stage::Panic]);
        assert!(verdict.without_managed_fields);
    }

    #[test]
    fn what_is_refused() {
        let rows = [
            ("", "loaded illegal policy with 0 rules"),
            ("rules: [{users: [x]}]", "rules[0].level: Required value"),
            (
                "rules: [{level: All}]",
                r#"rules[0].level: Unsupported value: "All": supported values: "None", "Metadata", "Request", "RequestResponse""#,
            ),
            (
                "rules: [{level: None, omitStages: [Never]}]",
                r#"rules[0].omitStages[0]: Invalid value: "Never": allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic"#,
            ),
            (
                "rules: [{level: None, nonResourceURLs: ['healthz', '/a*b']}]",
                r#"[rules[0].nonResourceURLs[0]: Invalid value: "healthz": non-resource URL rules must begin with a '/' character, rules[0].nonResourceURLs[1]: Invalid value: "/a*b": non-resource URL wildcards '*' must be the final character of the rule]"#,
            ),
            (
                "rules: [{level: None, resources: [{resourceNames: [x]}]}]",
                r#"rules[0].resources.resourceNames: Invalid value: ["x"]: using resourceNames requires at least one resource"#,
            ),
        ];
        for (text, why) in rows {
            assert_eq!(policy(text).unwrap_err(), why, "{text}");
        }
        let strange = Policy::read("apiVersion: audit.k8s.io/v1beta1\nkind: Policy\n");
        assert!(strange.unwrap_err().starts_with("unknown group version field"));
        assert!(Policy::read("{").unwrap_err().starts_with("failed decoding: "));
    }
}
