//! Compiles the type catalogue: `types.rs` (tables for `src/schema`) and compressed OpenAPI
//! components (for `src/api/openapi.rs`), from k8s-openapi, our OpenShift types and the facts under
//! `openapi/`. Knows nothing of how the tables are used. And the program's wishes to its allocator,
//! which can be said in C without unsafe Rust.

#[path = "build/aliases.rs"]
mod aliases;
#[path = "src/catalog/data.rs"]
#[allow(dead_code, reason = "the program does more with it than read it")]
mod catalogue;
#[path = "build/documents.rs"]
mod documents;
#[path = "build/facts.rs"]
mod facts;
#[path = "build/kubernetes.rs"]
mod kubernetes;
#[path = "src/schema/openshift/mod.rs"]
mod openshift;
#[path = "build/shapes.rs"]
mod shapes;
#[path = "build/tables.rs"]
mod tables;

use std::{collections::BTreeMap, env, error::Error, fs, path::Path};

/// JSON schemas by definition name.
type Definitions = BTreeMap<String, serde_json::Value>;

/// A kind of the catalogue.
struct Root {
    /// API group; `""` for the core group.
    group: String,
    version: String,
    kind: String,
    /// Definition name.
    definition: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let ours = ["build.rs", "build", "openapi", "src/schema/openshift"];
    let images = ["src/catalog/images.yaml", "src/catalog/images", "src/catalog/data.rs"];
    for path in ours.iter().chain(&images) {
        println!("cargo::rerun-if-changed={path}");
    }
    let (mut definitions, mut roots) = kubernetes::catalogue();
    aliases::types(&mut definitions, &mut roots);
    openshift_catalogue(&mut definitions, &mut roots)?;
    roots.sort_by(|a, b| (&a.group, &a.version, &a.kind).cmp(&(&b.group, &b.version, &b.kind)));
    let facts = facts::read(Path::new("openapi"), &definitions)?;
    let out = env::var("OUT_DIR")?;
    let out = Path::new(&out);
    fs::write(out.join("types.rs"), tables::render(&definitions, &facts, &roots)?)?;
    fs::write(out.join("catalogue.json"), image_catalogue()?)?;
    allocator();
    documents::write(out, definitions, &facts, &roots)
}

/// The files of the catalogue of images, as one JSON text.
fn image_catalogue() -> Result<String, Box<dyn Error>> {
    let home = Path::new("src/catalog");
    let mut paths = vec![home.join("images.yaml")];
    for entry in fs::read_dir(home.join("images"))? {
        paths.push(entry?.path());
    }
    // The first file first, the others by name: later ones add to earlier ones.
    paths[1..].sort();
    let read = |path| Ok(serde_saphyr::from_str(&fs::read_to_string(path)?)?);
    let files: Vec<catalogue::File> =
        paths.iter().map(read).collect::<Result<_, Box<dyn Error>>>()?;
    Ok(serde_json::to_string(&files)?)
}

/// What the allocator of the program (and of nothing else that is built here) is told.
fn allocator() {
    // What runs before `main` is said in another way to Microsoft's compiler.
    if env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "msvc") {
        return;
    }
    let mut build = cc::Build::new();
    // Where the allocator's own build says its declarations are.
    build.file("build/allocator.c").includes(env::var_os("DEP_MIMALLOC_INCLUDE_DIR"));
    for object in build.compile_intermediates() {
        println!("cargo::rustc-link-arg-bins={}", object.display());
    }
}

/// Adds OpenShift's types. Their names gain the package their module stands for.
fn openshift_catalogue(
    definitions: &mut Definitions,
    roots: &mut Vec<Root>,
) -> Result<(), Box<dyn Error>> {
    let duration = serde_json::json!({ "description": DURATION, "type": "string" });
    definitions.insert("io.k8s.apimachinery.pkg.apis.meta.v1.Duration".into(), duration);
    for family in openshift::families() {
        let home = match family.group {
            "metrics.k8s.io" => "io.k8s.metrics.pkg.apis",
            "simulation.pocketshift.io" => "io.pocketshift",
            _ => "com.github.openshift.api",
        };
        let package = format!("{home}.{}.{}", family.package, family.version);
        for (name, schema) in family.schemas {
            let mut schema = serde_json::to_value(schema)?;
            openshift::qualify(&mut schema, &package);
            if family.kinds.contains(&name.as_str()) {
                type_meta(&mut schema);
            }
            definitions.insert(format!("{package}.{name}"), schema);
        }
        for kind in family.kinds {
            roots.push(Root {
                group: family.group.into(),
                version: family.version.into(),
                kind: (*kind).into(),
                definition: format!("{package}.{kind}"),
            });
        }
    }
    Ok(())
}

/// A type upstream publishes only where it is used.
const DURATION: &str = "A length of time, such as 1h30m.";

/// What every kind has besides its own fields.
fn type_meta(schema: &mut serde_json::Value) {
    let text =
        |description: &str| serde_json::json!({ "description": description, "type": "string" });
    schema["properties"]["apiVersion"] = text("Version of the schema of this object.");
    schema["properties"]["kind"] = text("Kind of this object.");
}
