//! Jobs and CronJobs.

use super::*;

fn job() -> Value {
    let mut template = template();
    template["metadata"]["labels"] = json!({"controller-uid": "u", "job-name": "j",
        "batch.kubernetes.io/controller-uid": "u", "batch.kubernetes.io/job-name": "j"});
    template["spec"]["restartPolicy"] = json!("Never");
    let mut job = json!({"metadata": {"name": "j", "uid": "u"}, "spec": {"template": template,
        "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}}});
    (job::KIND.hooks.default.unwrap())(&mut job);
    job
}

#[test]
fn jobs() {
    let base = job();
    assert_eq!(run(&job::KIND, base.clone(), None), Vec::<String>::new());
    assert_eq!(base.i64_at("spec.backoffLimit"), Some(6));
    assert_eq!(base.i64_at("spec.completions"), Some(1));
    let rows: &[Row<'_>] = &[
        (
            &[("spec.template.spec.restartPolicy", json!("Always"))],
            &[
                "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"",
            ],
        ),
        (
            &[
                ("spec.template.spec.restartPolicy", json!("OnFailure")),
                ("spec.podFailurePolicy", json!({"rules": []})),
                ("spec.podReplacementPolicy", json!("Failed")),
            ],
            &[
                "spec.template.spec.restartPolicy: Invalid value: \"OnFailure\": only \"Never\" is supported when podFailurePolicy is specified",
            ],
        ),
        (
            &[("spec.completionMode", json!("Indexed")), ("spec.completions", Value::Null)],
            &["spec.completions: Required value: when completion mode is Indexed"],
        ),
        (
            &[("spec.maxFailedIndexes", json!(1))],
            &[
                "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
                "spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode",
            ],
        ),
    ];
    for (changes, expected) in rows {
        assert_eq!(run(&job::KIND, changed(&base, changes), None), *expected, "{changes:?}");
    }
    let long = "j".repeat(62);
    let mut indexed = changed(
        &base,
        &[("metadata.name", json!(long)), ("spec.completionMode", json!("Indexed"))],
    );
    for label in ["job-name", "batch.kubernetes.io/job-name"] {
        indexed["spec"]["template"]["metadata"]["labels"][label] = json!(long);
    }
    let expected = format!(
        "metadata.name: Invalid value: \"{long}\": will not able to create pod with invalid DNS label: {long}-0"
    );
    assert_eq!(run(&job::KIND, indexed, None), [expected]);
}

/// A new Job takes its labels from the template only once the generated ones are there.
#[test]
fn labels_wait_for_the_generated_ones() {
    let labels = |o: &Value| o.at("metadata.labels").cloned().unwrap_or_default();
    let mut new = json!({"metadata": {"name": "j"}, "spec": {"template":
        {"metadata": {"labels": {"a": "b"}}}}});
    (job::KIND.hooks.default.unwrap())(&mut new);
    assert_eq!(labels(&new), Value::Null);
    let mut manual = json!({"metadata": {"name": "j"}, "spec": {"manualSelector": true,
        "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}}}});
    (job::KIND.hooks.default.unwrap())(&mut manual);
    assert_eq!(labels(&manual), json!({"a": "b"}));
    assert_eq!(labels(&job())["job-name"], "j");
}

#[test]
fn job_updates() {
    let base = job();
    let more = changed(&base, &[("spec.completions", json!(2))]);
    assert_eq!(
        run(&job::KIND, more, Some(&base)),
        ["spec.completions: Invalid value: 2: field is immutable"]
    );
    let indexed = changed(&base, &[("spec.completionMode", json!("Indexed"))]);
    let more = changed(&indexed, &[("spec.completions", json!(2))]);
    assert_eq!(
        run(&job::KIND, more, Some(&indexed)),
        [
            "spec.completions: Invalid value: 2: can only be modified in tandem with spec.parallelism"
        ]
    );
    let placed = [("spec.template.spec.nodeSelector", json!({"a": "b"}))];
    let errors = run(&job::KIND, changed(&base, &placed), Some(&base));
    assert!(
        errors[0].starts_with("spec.template: Invalid value: {")
            && errors[0].ends_with(": field is immutable"),
        "{errors:?}"
    );
    let suspended = changed(&base, &[("spec.suspend", json!(true))]);
    assert_eq!(
        run(&job::KIND, changed(&suspended, &placed), Some(&suspended)),
        Vec::<String>::new()
    );
}

#[test]
fn job_statuses() {
    let base =
        changed(&job(), &[("status", json!({"startTime": "2026-01-01T00:00:00Z", "failed": 1}))]);
    let rows = [
        (
            json!({"startTime": "2026-01-01T00:00:00Z", "failed": 0}),
            vec!["status.failed: Invalid value: 0: cannot decrease the failed counter"],
        ),
        (
            json!({"startTime": "2026-01-01T00:00:00Z", "failed": 1,
            "conditions": [{"type": "Failed", "status": "True"}]}),
            vec![
                "status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition",
            ],
        ),
        (
            json!({"startTime": "2026-01-01T00:00:00Z", "failed": 1, "completionTime": "2026-01-01T00:00:01Z"}),
            vec![
                "status.completionTime: Invalid value: \"2026-01-01T00:00:01Z\": cannot set completionTime when there is no Complete=True condition",
            ],
        ),
    ];
    for (status, expected) in rows {
        let mut causes = Causes::default();
        (job::KIND.hooks.validate_status.unwrap())(
            &changed(&base, &[("status", status)]),
            &base,
            &mut causes,
        );
        assert_eq!(lines(causes), expected);
    }
    assert_eq!(jobspec::count_indexes("0-2,4", 5), Ok(4));
    assert_eq!(
        jobspec::count_indexes("3,1", 5).unwrap_err(),
        "non-increasing order, previous: 3, current: 1"
    );
}

#[test]
fn cronjobs() {
    let mut template = template();
    template["spec"]["restartPolicy"] = json!("Never");
    let base = json!({"metadata": {"name": "c"}, "spec": {"schedule": "* * * * *",
        "concurrencyPolicy": "Allow", "jobTemplate": {"spec": {"template": template}}}});
    assert_eq!(run(&cronjob::KIND, base.clone(), None), Vec::<String>::new());
    let long = "c".repeat(53);
    let rows = [
        ("metadata.name", json!(long), format!("metadata.name: Invalid value: \"{long}\": must be no more than 52 characters")),
        ("spec.schedule", json!("* * *"), "spec.schedule: Invalid value: \"* * *\": expected exactly 5 fields, found 3: [* * *]".into()),
        ("spec.schedule", json!("61 * * * *"), "spec.schedule: Invalid value: \"61 * * * *\": end of range (61) above maximum (59): 61".into()),
        ("spec.schedule", json!("TZ=UTC * * * * *"), "spec.schedule: Invalid value: \"TZ=UTC * * * * *\": cannot use TZ or CRON_TZ in schedule, use timeZone field instead".into()),
        ("spec.timeZone", json!("x"), "spec.timeZone: Invalid value: \"x\": unknown time zone x".into()),
        ("spec.timeZone", json!(""), "spec.timeZone: Invalid value: \"\": timeZone must be nil or non-empty string".into()),
        ("spec.timeZone", json!("Local"), "spec.timeZone: Invalid value: \"Local\": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones".into()),
        ("spec.jobTemplate.spec.selector", json!({}), "spec.jobTemplate.spec.selector: Invalid value: {}: `selector` will be auto-generated".into()),
    ];
    for (path, value, expected) in rows {
        assert_eq!(run(&cronjob::KIND, changed(&base, &[(path, value)]), None), [expected]);
    }
}
