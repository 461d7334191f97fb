//! What imports do to a stream, case by case.

use super::*;
use crate::images::form;

const NOW: &str = "2026-01-02T03:04:05Z";

fn image(name: &str) -> Value {
    json!({"metadata": {"name": name}, "dockerImageReference": "quay.io/x/y:1"})
}

fn digest(letter: char) -> String {
    format!("sha256:{}", letter.to_string().repeat(64))
}

/// A stream with tag `1` imported at generation 1.
fn imported() -> Value {
    let mut stream = json!({"metadata": {"name": "s", "namespace": "n", "generation": 1},
        "spec": {}, "status": {}});
    succeed(&mut stream, "1", &digest('a'), 1);
    stream["spec"]["tags"][0]["generation"] = json!(1);
    form::settle(&mut stream);
    stream
}

fn policies() -> (Value, Value) {
    (json!({"importMode": "Legacy", "insecure": true}), json!({"type": "Source"}))
}

fn succeed(stream: &mut Value, tag: &str, image_name: &str, generation: i64) {
    let (import_policy, reference_policy) = policies();
    let target = TagImport {
        tag,
        from: "quay.io/x/y:1",
        import_policy: &import_policy,
        reference_policy: &reference_policy,
    };
    succeeded(stream, &target, &image(image_name), &Moment { now: NOW, generation });
}

fn fail(stream: &mut Value, tag: &str, claim: bool) {
    let (import_policy, reference_policy) = policies();
    let target = TagImport {
        tag,
        from: "quay.io/x/y:1",
        import_policy: &import_policy,
        reference_policy: &reference_policy,
    };
    let status = json!({"reason": "NotFound", "message": "gone"});
    failed(stream, &target, &status, &Moment { now: NOW, generation: 2 }, claim);
}

#[test]
fn a_new_tag_gets_spec_and_history() {
    let stream = imported();
    assert_eq!(
        stream["spec"]["tags"],
        json!([{"name": "1", "annotations": null, "generation": 1,
            "from": {"kind": "DockerImage", "name": "quay.io/x/y:1"},
            "importPolicy": {"importMode": "Legacy", "insecure": true},
            "referencePolicy": {"type": "Source"}}])
    );
    let item = json!({"created": NOW, "image": digest('a'), "generation": 1,
        "dockerImageReference": format!("quay.io/x/y@{}", digest('a'))});
    assert_eq!(stream["status"]["tags"], json!([{"tag": "1", "items": [item]}]));
}

#[test]
fn the_same_image_again_changes_nothing() {
    let mut stream = imported();
    succeed(&mut stream, "1", &digest('a'), 2);
    form::settle(&mut stream);
    assert_eq!(stream, imported());
}

#[test]
fn another_image_asks_for_a_new_generation_and_keeps_the_reference_policy() {
    let mut stream = imported();
    stream["spec"]["tags"][0]["referencePolicy"] = json!({"type": "Local"});
    succeed(&mut stream, "1", &digest('b'), 2);
    let tag = &stream["spec"]["tags"][0];
    assert_eq!((&tag["generation"], tag.str_at("referencePolicy.type")), (&json!(0), "Local"));
    let images: Vec<&str> =
        stream["status"]["tags"][0].list_at("items").iter().map(|i| i.str_at("image")).collect();
    assert_eq!(images, [digest('b'), digest('a')]);
}

#[test]
fn a_spec_written_after_the_import_counts_as_change() {
    let mut stream = imported();
    stream["spec"]["tags"][0]["generation"] = json!(2);
    succeed(&mut stream, "1", &digest('a'), 3);
    assert_eq!(stream["spec"]["tags"][0]["generation"], 0);
    assert_eq!(stream["status"]["tags"][0]["items"][0]["generation"], 3);
    assert_eq!(stream["status"]["tags"][0].list_at("items").len(), 1);
}

#[test]
fn failures_are_noted_once_and_keep_the_history() {
    let mut stream = imported();
    fail(&mut stream, "1", true);
    let tag = &stream["status"]["tags"][0];
    assert_eq!(
        tag["conditions"],
        json!([{"type": "ImportSuccess", "status": "False", "reason": "NotFound",
            "message": "gone", "generation": 2, "lastTransitionTime": NOW}])
    );
    assert_eq!(tag.list_at("items").len(), 1);
    assert_eq!(stream["spec"]["tags"][0]["generation"], 0);
    stream["spec"]["tags"][0]["generation"] = json!(2);
    let noted = stream.clone();
    fail(&mut stream, "1", true);
    assert_eq!(stream, noted, "the same failure again is no news");
    succeed(&mut stream, "1", &digest('a'), 3);
    assert_eq!(stream["status"]["tags"][0].get("conditions"), None, "success has no condition");
}

#[test]
fn only_imports_of_images_claim_a_tag_for_a_failure() {
    for (claim, tags) in [(true, 1), (false, 0)] {
        let mut stream = json!({"metadata": {}, "spec": {}});
        fail(&mut stream, "1", claim);
        assert_eq!(stream.list_at("spec.tags").len(), tags);
        assert_eq!(stream["status"]["tags"][0].list_at("conditions").len(), 1);
    }
}

#[test]
fn limits_are_noted_on_tags_that_would_have_been_new() {
    let mut wanted = imported();
    succeed(&mut wanted, "2", &digest('b'), 2);
    let mut stream = imported();
    let error = json!({"reason": "Invalid", "message": "too much"});
    refused(&mut stream, &wanted, &error, &Moment { now: NOW, generation: 2 });
    let noted: Vec<&str> = stream
        .list_at("status.tags")
        .iter()
        .filter(|t| !t.list_at("conditions").is_empty())
        .map(|t| t.str_at("tag"))
        .collect();
    assert_eq!(noted, ["2"]);
}
