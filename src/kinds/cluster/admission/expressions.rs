//! The expressions of policies and webhooks: what they may name, and their compilation.
//! Source: k8s.io/apiserver `pkg/admission/plugin/cel/{compile,composition}.go`.

use crate::{
    cel::{
        Decl, Program, Type,
        types::{self, MADE, Member, Shape},
    },
    error::Causes,
    kinds::custom::rules::declare,
    object::{ObjectExt, Value, json},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

/// An expression and what became of it.
pub struct Expression {
    /// Its text.
    pub text: String,
    /// Where it stands.
    path: String,
    /// The program, or what is wrong.
    pub program: Result<Program, String>,
}

/// One validation.
pub struct Validation {
    /// What must hold.
    pub rule: Expression,
    /// What makes the message.
    pub message: Option<Expression>,
    /// The message otherwise; may be empty.
    pub fixed: String,
    /// The reason of a refusal; may be empty.
    pub reason: String,
}

/// How a mutation is said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// A configuration that is merged with the object.
    Apply,
    /// A JSON patch.
    Json,
}

/// One mutation.
pub struct Mutation {
    /// How it is said.
    pub form: Form,
    /// What gives it.
    pub expression: Expression,
}

/// All expressions of a policy.
#[derive(Default)]
pub struct Expressions {
    /// Variables by name; later ones may use earlier ones.
    pub variables: Vec<(String, Expression)>,
    /// When the policy counts at all.
    pub conditions: Vec<Expression>,
    /// What must hold.
    pub validations: Vec<Validation>,
    /// What is changed.
    pub mutations: Vec<Mutation>,
    /// What is noted.
    pub annotations: Vec<Expression>,
}

/// What the request is declared as.
pub static REQUEST: LazyLock<Arc<Decl>> = LazyLock::new(|| {
    let text = || json!({"type": "string"});
    let kind = |last: &str| {
        json!({"type": "object",
            "properties": {"group": text(), "version": text(), last: text()}})
    };
    let texts = || json!({"type": "array", "items": text()});
    let any = json!({"x-kubernetes-int-or-string": true});
    let user = json!({"type": "object", "properties": {
        "username": text(), "uid": text(), "groups": texts(),
        "extra": {"type": "object", "additionalProperties": texts()}}});
    named(
        "kubernetes.AdmissionRequest",
        json!({
            "kind": kind("kind"), "resource": kind("resource"), "subResource": text(),
            "requestKind": kind("kind"), "requestResource": kind("resource"),
            "requestSubResource": text(), "name": text(), "namespace": text(), "operation": text(),
            "userInfo": user, "dryRun": {"type": "boolean"}, "options": any,
        }),
    )
});

/// What the namespace of a request is declared as.
pub static NAMESPACE: LazyLock<Arc<Decl>> = LazyLock::new(|| {
    let text = || json!({"type": "string"});
    let time = || json!({"type": "string", "format": "date-time"});
    let map = || json!({"type": "object", "additionalProperties": {"type": "string"}});
    let texts = || json!({"type": "array", "items": {"type": "string"}});
    let metadata = json!({
        "name": text(), "generateName": text(), "namespace": text(), "labels": map(),
        "annotations": map(), "UID": text(), "creationTimestamp": time(),
        "deletionGracePeriodSeconds": {"type": "integer"}, "deletionTimestamp": time(),
        "generation": {"type": "integer"}, "resourceVersion": text(), "finalizers": texts(),
    });
    named(
        "kubernetes.Namespace",
        json!({
            "metadata": {"type": "object", "properties": metadata},
            "spec": {"type": "object", "properties": {"finalizers": texts()}},
            "status": {"type": "object", "properties": {"phase": text()}},
        }),
    )
});

fn named(name: &str, properties: Value) -> Arc<Decl> {
    let declared = declare(&json!({"type": "object", "properties": properties}), false, name);
    declared.unwrap_or_else(|| Arc::new(Decl::scalar(Type::Dyn, 0, 0)))
}

/// What expressions may name, besides variables of the policy's own.
fn environment(object: &Type, params: Option<&Type>) -> Vec<(String, Type)> {
    let check = Type::Plain("kubernetes.authorization.ResourceCheck");
    let whole = Type::Plain("kubernetes.authorization.Authorizer");
    let mut known = vec![
        ("object".to_owned(), object.clone()),
        ("oldObject".to_owned(), object.clone()),
        ("request".to_owned(), REQUEST.ty()),
        ("namespaceObject".to_owned(), NAMESPACE.ty()),
        ("authorizer".to_owned(), whole),
        ("authorizer.requestResource".to_owned(), check),
    ];
    known.extend(params.map(|ty| ("params".to_owned(), ty.clone())));
    known
}

/// What the validations of a policy may name where objects and parameters are of these types.
pub fn typed(policy: &Value, object: &Type, params: Option<&Type>) -> Vec<(String, Type)> {
    let mut known = environment(object, params);
    known.push(("variables".into(), variables(BTreeMap::new())));
    let list = policy.list_at("spec.variables").iter().enumerate();
    named_variables(&mut known, list);
    known
}

/// Compiles variables, of which later ones may use earlier ones.
fn named_variables<'a>(
    known: &mut [(String, Type)],
    list: impl Iterator<Item = (usize, &'a Value)>,
) -> Vec<(String, Expression)> {
    let mut members: BTreeMap<String, Member> = BTreeMap::new();
    let mut found = Vec::new();
    for (i, variable) in list {
        let name = variable.str_at("name").to_owned();
        let at = format!("spec.variables[{i}]");
        // Only what the text names: to declare all again for each would grow with their square.
        declare_all(known, named_in(&members, variable.str_at("expression")));
        let compiled = compile(variable, "expression", &at, known, &[]);
        let ty = compiled.program.as_ref().map_or(Type::Dyn, |p| p.output().clone());
        let decl = Arc::new(Decl::scalar(ty, 0, 0));
        members.insert(name.clone(), Member { name: name.clone(), decl });
        found.push((name, compiled));
    }
    declare_all(known, members);
    found
}

/// Gives the last of what is known, which is `variables`, these members.
fn declare_all(known: &mut [(String, Type)], members: BTreeMap<String, Member>) {
    if let Some((_, ty)) = known.last_mut() {
        *ty = variables(members);
    }
}

/// The members that a text may name.
fn named_in(members: &BTreeMap<String, Member>, text: &str) -> BTreeMap<String, Member> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter_map(|word| members.get_key_value(word))
        .map(|(name, m)| (name.clone(), Member { name: name.clone(), decl: m.decl.clone() }))
        .collect()
}

/// A program, or what is wrong with its text.
///
/// # Errors
/// What is wrong.
pub fn compiled(text: &str, known: &[(String, Type)]) -> Result<Program, String> {
    Program::compile(text, known)
}

/// Compiles the text of a field whose result must be one of these types, if it matters.
fn compile(
    of: &Value,
    field: &str,
    at: &str,
    known: &[(String, Type)],
    wanted: &[&str],
) -> Expression {
    let text = of.str_at(field).to_owned();
    let path = format!("{at}.{field}");
    let program = Program::compile(&text, known)
        .map_err(|why| format!("compilation failed: {why}"))
        .and_then(|program| {
            let found = program.output().to_string();
            let found = if found == "null" { "null_type".into() } else { found };
            match wanted {
                [] => Ok(program),
                all if all.contains(&found.as_str()) => Ok(program),
                [one] => Err(format!("must evaluate to {one} but got {found}")),
                several => {
                    let wanted = several.join(" ");
                    Err(format!("must evaluate to one of [{wanted}] but got {found}"))
                }
            }
        });
    Expression { text, path, program }
}

/// Compiles the conditions (`matchConditions`, which stand at `at`) under which a webhook is asked.
pub fn conditions(of: &Value, at: &str) -> Vec<Expression> {
    let list = of.list_at("matchConditions");
    if list.is_empty() {
        return Vec::new();
    }
    let known = environment(&Type::Dyn, None);
    let at = |i: usize| format!("{at}.matchConditions[{i}]");
    list.iter().enumerate().map(|(i, c)| condition(c, &at(i), &known)).collect()
}

/// The types whose objects mutations may make.
fn patches() -> [(String, Type); 2] {
    let scalar = |ty: Type| Arc::new(Decl::scalar(ty, 0, 0));
    let texts = ["op", "path", "from"].map(|name| (name, scalar(types::STRING)));
    let fields = texts.into_iter().chain([("value", scalar(Type::Dyn))]);
    let members = fields.map(|(name, decl)| (name.into(), Member { name: name.into(), decl }));
    let operation = Shape::Object("JSONPatch".into(), members.collect());
    let object = Shape::Open("Object".into());
    [("Object", object), ("JSONPatch", operation)].map(|(name, shape)| {
        let decl = Decl { shape, most: 0, least_size: 0 };
        (format!("{MADE}{name}"), Type::Object(Arc::new(decl)))
    })
}

/// Compiles a mutation.
fn mutation(of: &Value, at: &str, known: &[(String, Type)]) -> Option<Mutation> {
    let (form, field, wanted) = match of.str_at("patchType") {
        "ApplyConfiguration" => (Form::Apply, "applyConfiguration", "Object"),
        "JSONPatch" => (Form::Json, "jsonPatch", "list(JSONPatch)"),
        _ => return None,
    };
    let text = of.get(field)?.str_at("expression").trim();
    let (text, at) = (json!({"expression": text}), format!("{at}.{field}"));
    let expression = compile(&text, "expression", &at, known, &[wanted]);
    Some(Mutation { form, expression })
}

/// Compiles a condition, which upstream trims.
fn condition(of: &Value, at: &str, known: &[(String, Type)]) -> Expression {
    let text = json!({"expression": of.str_at("expression").trim()});
    compile(&text, "expression", at, known, &["bool"])
}

impl Expression {
    /// Says what is wrong with it, if it is there.
    pub fn complain(&self, out: &mut Causes) {
        if let Err(why) = &self.program
            && !self.text.trim().is_empty()
        {
            out.invalid(&self.path, &json!(self.text), why);
        }
    }
}

impl Expressions {
    /// Compiles the expressions of a policy.
    pub fn read(policy: &Value) -> Expressions {
        let params = policy.at("spec.paramKind").is_some_and(|k| !k.is_null());
        let mut known = environment(&Type::Dyn, params.then_some(&Type::Dyn));
        let mut found = Expressions::default();
        let items = |path: &'static str| {
            let list = policy.list_at(path).iter().enumerate();
            list.map(move |(i, item)| (item, format!("{path}[{i}]")))
        };
        for (one, at) in items("spec.matchConditions") {
            found.conditions.push(condition(one, &at, &known));
        }
        known.push(("variables".into(), variables(BTreeMap::new())));
        let list = policy.list_at("spec.variables").iter().enumerate();
        found.variables = named_variables(&mut known, list);
        // Messages and annotations may not ask for rights.
        let plain = |(name, _): &(String, Type)| !name.starts_with("authorizer");
        let quiet: Vec<(String, Type)> = known.iter().filter(|k| plain(k)).cloned().collect();
        for (validation, at) in items("spec.validations") {
            let message = validation.str_at("messageExpression");
            found.validations.push(Validation {
                rule: compile(validation, "expression", &at, &known, &["bool"]),
                message: (!message.trim().is_empty())
                    .then(|| compile(validation, "messageExpression", &at, &quiet, &["string"])),
                fixed: validation.str_at("message").trim().to_owned(),
                reason: validation.str_at("reason").to_owned(),
            });
        }
        known.extend(patches());
        found.mutations =
            items("spec.mutations").filter_map(|(m, at)| mutation(m, &at, &known)).collect();
        for (annotation, at) in items("spec.auditAnnotations") {
            let wanted = ["string", "null_type"];
            found.annotations.push(compile(annotation, "valueExpression", &at, &quiet, &wanted));
        }
        found
    }

    /// Says what is wrong with those that are there.
    pub fn complain(&self, out: &mut Causes) {
        let validations = self.validations.iter();
        let validations = validations.flat_map(|v| [Some(&v.rule), v.message.as_ref()]).flatten();
        let mutations = self.mutations.iter().map(|m| &m.expression);
        let all = self.conditions.iter().chain(self.variables.iter().map(|(_, e)| e));
        let all = all.chain(mutations);
        for expression in all.chain(validations).chain(&self.annotations) {
            expression.complain(out);
        }
    }
}

/// The type of `variables`.
fn variables(members: BTreeMap<String, Member>) -> Type {
    let shape = Shape::Object("kubernetes.variables".into(), members);
    Type::Object(Arc::new(Decl { shape, most: 0, least_size: 0 }))
}
