//! Every text of the validation of builds.

use super::{super::defaults, build, cleaned, config};
use crate::{
    error::Causes,
    object::{Value, json},
};

/// A config that is in order, but for these fields of its spec.
fn problems(change: &Value) -> Vec<String> {
    let mut o = json!({"metadata": {"name": "b", "namespace": "n"}, "spec": {
        "source": {"git": {"uri": "https://example.com/x.git"}},
        "strategy": {"sourceStrategy": {"from": {"kind": "ImageStreamTag", "name": "php:8"}}}}});
    crate::object::merge(&mut o["spec"], change);
    defaults::config(&mut o);
    let mut causes = Causes::default();
    config(&o, None, &mut causes);
    causes.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect()
}

fn check(rows: &[(Value, &[&str])]) {
    for (change, expected) in rows {
        let found = problems(change);
        let fits = |(said, wanted): (&String, &&str)| match wanted.split_once("...") {
            Some((start, end)) => said.starts_with(start) && said.ends_with(end),
            None => said == wanted,
        };
        let all = found.len() == expected.len() && found.iter().zip(*expected).all(fits);
        assert!(all, "{change}\n{found:#?}");
    }
}

const FROM: &str = "spec.strategy.sourceStrategy.from";

#[test]
fn sources() {
    let source = |s: Value| json!({"source": s});
    let docker =
        |s: Value| json!({"source": s, "strategy": {"sourceStrategy": null, "dockerStrategy": {}}});
    let tag = json!({"kind": "ImageStreamTag", "name": "a:b"});
    let copied = |from: &str, to: &str| {
        source(json!({"images": [{"from": tag, "paths": [
            {"sourcePath": from, "destinationDir": to}]}]}))
    };
    check(&[
        (json!({}), &[]),
        (
            docker(json!({"git": null})),
            &[
                "spec.source: Invalid value: \"\": must provide a value for at least one source input(git, binary, dockerfile, images).",
            ],
        ),
        (
            source(json!({"binary": {}})),
            &[
                "spec.source.git: Invalid value: \"\": may not be set when binary is also set",
                "spec.source.binary: Invalid value: \"\": may not be set when git is also set",
            ],
        ),
        (source(json!({"git": {"uri": ""}})), &["spec.source.git.uri: Required value"]),
        (
            source(json!({"git": null, "binary": {"asFile": "a/b"}})),
            &[
                "spec.source.binary.asFile: Invalid value: \"a/b\": file name may not contain slashes or relative path segments and must be a valid POSIX filename",
            ],
        ),
        (
            source(json!({"dockerfile": "x".repeat(60_001)})),
            &["spec.source.dockerfile: Invalid value: \"\": must be smaller than 60000 bytes"],
        ),
        (
            source(json!({"contextDir": "a/../../b"})),
            &[
                "spec.source.contextDir: Invalid value: \"a/../../b\": context dir must not be a relative path",
            ],
        ),
        (source(json!({"sourceSecret": {}})), &["spec.source.sourceSecret.name: Required value"]),
        (
            source(json!({"images": [{"from": tag}]})),
            &[
                "spec.source.images[0].paths: Required value: must specify 'paths' or 'as'",
                "spec.source.images[0].as: Required value: must specify 'paths' or 'as'",
            ],
        ),
        (
            source(json!({"images": [{"from": tag, "as": ["", "x"]}, {"from": tag, "as": ["x"]}]})),
            &[
                "spec.source.images[0].as[0]: Invalid value: \"\": must not be empty",
                "spec.source.images[1].as[0]: Duplicate value: \"x\"",
            ],
        ),
        (
            copied("", ""),
            &[
                "spec.source.images[0].paths[0].sourcePath: Required value",
                "spec.source.images[0].paths[0].destinationDir: Required value",
                "spec.source.images[0].paths[0].sourcePath: Invalid value: \"\": must be an absolute path",
            ],
        ),
        (
            copied("/a", "/b"),
            &[
                "spec.source.images[0].paths[0].destinationDir: Invalid value: \"/b\": must be a relative path",
            ],
        ),
        (
            copied("/a", "../b"),
            &[
                "spec.source.images[0].paths[0].destinationDir: Invalid value: \"../b\": destination dir cannot start with '..'",
            ],
        ),
        (
            source(json!({"secrets": [{"secret": {"name": "A"}, "destinationDir": ".."}]})),
            &[
                "spec.source.secrets[0].secret: Invalid value: {...}: must be valid secret name",
                "spec.source.secrets[0].destinationDir: Invalid value: \"..\": destination dir cannot start with '..'",
            ],
        ),
        (
            docker(json!({"configMaps": [{"configMap": {"name": "a"}, "destinationDir": "/b"}]})),
            &[
                "spec.source.configMaps[0].destinationDir: Invalid value: \"/b\": for the docker strategy the destinationDir has to be relative path",
            ],
        ),
    ]);
}

#[test]
fn strategies() {
    let own = |s: Value| json!({"strategy": {"sourceStrategy": s}});
    let from = |kind: &str, name: &str, namespace: &str| {
        own(json!({"from": {"kind": kind, "name": name, "namespace": namespace}}))
    };
    let other = |s: Value| {
        let mut strategy = json!({"sourceStrategy": null});
        crate::object::merge(&mut strategy, &s);
        json!({"strategy": strategy})
    };
    let pipeline = |s: Value| other(json!({"jenkinsPipelineStrategy": s}));
    check(&[
        (
            other(json!({})),
            &[
                "spec.strategy: Invalid value: {...}: must provide a value for exactly one of sourceStrategy, customStrategy, dockerStrategy, or jenkinsPipelineStrategy",
            ],
        ),
        (
            from("ImageStreamTag", "", ""),
            &["spec.strategy.sourceStrategy.from.name: Required value"],
        ),
        (
            from("ImageStreamTag", "php", "N"),
            &[
                "spec.strategy.sourceStrategy.from.name: Invalid value: \"php\": must be <name>:<tag>",
                "spec.strategy.sourceStrategy.from.namespace: Invalid value: \"N\": must be a valid namespace",
            ],
        ),
        (
            from("ImageStreamTag", "PHP:8", ""),
            &[
                "spec.strategy.sourceStrategy.from.name: Invalid value: \"PHP\": invalid name syntax",
            ],
        ),
        (
            from("DockerImage", "a b", "n"),
            &[
                "spec.strategy.sourceStrategy.from.namespace: Invalid value: \"n\": not valid when used with a 'DockerImage'",
                "spec.strategy.sourceStrategy.from.name: Invalid value: \"a b\": not a valid Docker pull specification: invalid reference format",
            ],
        ),
        (
            from("Pod", "x", ""),
            &[
                "spec.strategy.sourceStrategy.from.kind: Invalid value: \"Pod\": must be 'ImageStreamTag', 'ImageStreamImage', or 'DockerImage'",
            ],
        ),
        (
            own(json!({"pullSecret": {}})),
            &["spec.strategy.sourceStrategy.pullSecret.name: Required value"],
        ),
        (
            own(
                json!({"env": [{"name": "1a"}, {}, {"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}]}),
            ),
            &[
                "spec.strategy.sourceStrategy.env[0].name: Invalid value: \"1a\": a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')",
                "spec.strategy.sourceStrategy.env[1].name: Required value",
                "spec.strategy.sourceStrategy.env[2].valueFrom.ResourceFieldRef: Invalid value: \"A\": ResourceFieldRef is not valid for valueFrom in build environment variables",
            ],
        ),
        (
            other(
                json!({"dockerStrategy": {"dockerfilePath": "../x", "imageOptimizationPolicy": "X"}}),
            ),
            &[
                "spec.strategy.dockerStrategy.imageOptimizationPolicy: Invalid value: \"X\": must be unset, 'None', 'SkipLayers', or 'SkipLayersAndWarn'",
                "spec.strategy.dockerStrategy.dockerfilePath: Invalid value: \"../x\": dockerfilePath must be a relative path within your source location",
            ],
        ),
        (
            pipeline(json!({"jenkinsfile": "a", "jenkinsfilePath": "b"})),
            &[
                "spec.strategy.jenkinsPipelineStrategy: Invalid value: {...}: must provide a value for at most one of jenkinsfilePath, or jenkinsfile",
            ],
        ),
        (
            {
                let mut o = pipeline(json!({"jenkinsfilePath": "/a"}));
                o["source"] = json!({"git": null});
                o
            },
            &[
                "spec.source.git: Invalid value: \"\": must be set when using Jenkins Pipeline strategy with Jenkinsfile from a git repo",
                "spec.strategy.jenkinsPipelineStrategy.jenkinsfilePath: Invalid value: \"/a\": jenkinsfilePath must be a relative path within your source location",
            ],
        ),
        (
            pipeline(json!({"jenkinsfile": "x".repeat(100_001)})),
            &[
                "spec.strategy.jenkinsPipelineStrategy.jenkinsfile: Invalid value: \"\": must be smaller than 100000 bytes",
            ],
        ),
        (
            own(
                json!({"volumes": [{"name": "V", "source": {"type": "CSI", "secret": {}}, "mounts": [{"destinationPath": "a:b"}, {}]}]}),
            ),
            &[
                "spec.strategy.sourceStrategy.volumes[0].name: Invalid value: \"V\": ...",
                "spec.strategy.sourceStrategy.volumes[0].source.secret.secretName: Required value",
                "spec.strategy.sourceStrategy.volumes[0].source.type: Invalid value: \"CSI\": source type and specified type must match",
                "spec.strategy.sourceStrategy.volumes[0].mounts[0].destinationPath: Invalid value: \"a:b\": must not contain ':'",
                "spec.strategy.sourceStrategy.volumes[0].mounts[0].destinationPath: Invalid value: \"a:b\": must be an absolute path",
                "spec.strategy.sourceStrategy.volumes[0].mounts.destinationPath: Required value: must not be blank",
            ],
        ),
        (
            own(json!({"volumes": [{"name": "v", "source": {}}]})),
            &[
                "spec.strategy.sourceStrategy.volumes[0].source.type: Required value: must not be blank",
                "spec.strategy.sourceStrategy.volumes[0].source: Invalid value: {}: must specify one volume source",
                "spec.strategy.sourceStrategy.volumes[0].mounts: Required value: must supply at least one mount",
            ],
        ),
    ]);
    assert!(problems(&from("ImageStreamImage", "a@sha256:1", "")).is_empty(), "{FROM}");
}

#[test]
fn triggers_and_what_becomes_of_images() {
    let triggers = |t: Value| json!({"triggers": t});
    let hook = |kind: &str, field: &str, h: Value| triggers(json!([{"type": kind, field: h}]));
    let output = |o: Value| json!({"output": o});
    let to = |kind: &str, name: &str, namespace: &str| {
        output(json!({"to": {"kind": kind, "name": name, "namespace": namespace}}))
    };
    let change = |from: Value| json!({"type": "ImageChange", "imageChange": from});
    check(&[
        (hook("GitHub", "x", json!({})), &["spec.triggers[0].github: Required value"]),
        (
            hook("GitLab", "gitlab", json!({})),
            &[
                "spec.triggers[0].gitlab: Invalid value: {}: must provide a value for at least one of secret or secretReference",
            ],
        ),
        (
            hook("Bitbucket", "bitbucket", json!({"secret": "s", "allowEnv": true})),
            &[
                "spec.triggers[0].bitbucket.allowEnv: Invalid value: {...}: git webhooks cannot allow env vars",
            ],
        ),
        (
            hook("Generic", "generic", json!({"secretReference": {}, "allowEnv": true})),
            &["spec.triggers[0].generic.secretReference.name: Required value"],
        ),
        // What nobody knows is dropped before anybody looks.
        (triggers(json!([{"type": "Odd"}, {"type": "ConfigChange"}])), &[]),
        (
            triggers(json!([
                change(json!({})),
                change(
                    json!({"from": {"kind": "ImageStreamTag", "name": "php:8", "namespace": "n"}})
                )
            ])),
            &[
                "spec.triggers: Invalid value: [...]: multiple ImageChange triggers refer to the same image stream tag",
            ],
        ),
        (
            triggers(json!([change(json!({"from": {"kind": "DockerImage", "name": "x"}}))])),
            &[
                "spec.triggers[0].imageChange.from.kind: Invalid value: \"DockerImage\": only an ImageStreamTag type of reference is allowed in an ImageChange trigger.",
            ],
        ),
        (
            triggers(json!([change(json!({"from": {"kind": "ImageStreamTag", "name": "x"}}))])),
            &["spec.triggers[0].from.name: Invalid value: \"x\": must be <name>:<tag>"],
        ),
        (
            json!({"triggers": [change(json!({}))],
                "strategy": {"sourceStrategy": {"from": {"kind": "DockerImage", "name": "x"}}}}),
            &[
                "spec.triggers[0].imageChange: Invalid value: \"build from: ...: a default ImageChange trigger can only be used when the build strategy includes an ImageStreamTag reference.",
            ],
        ),
        (
            to("ImageStreamTag", "x", "N"),
            &[
                "spec.output.to.name: Invalid value: \"x\": ImageStreamTag object references must be in the form <name>:<tag>",
                "spec.output.to.namespace: Invalid value: \"N\": namespace must be a valid subdomain",
            ],
        ),
        (
            to("ImageStreamTag", "X:y", ""),
            &[
                "spec.output.to.name: Invalid value: \"X\": ImageStreamTag name contains invalid syntax",
            ],
        ),
        (
            to("DockerImage", "", "n"),
            &[
                "spec.output.to.namespace: Invalid value: \"n\": namespace is not valid when used with a 'DockerImage'",
                "spec.output.to.name: Invalid value: \"\": name is not a valid Docker pull specification: ...",
            ],
        ),
        (
            to("Pod", "x", ""),
            &[
                "spec.output.to.kind: Invalid value: \"Pod\": the target of build output must be an 'ImageStreamTag' or 'DockerImage'",
            ],
        ),
        (output(json!({"pushSecret": {}})), &["spec.output.pushSecret.name: Required value"]),
        (
            output(json!({"imageLabels": [{}, {"name": "a b"}, {"name": "c"}, {"name": "c"}]})),
            &[
                "spec.output.imageLabels[0].name: Required value",
                "spec.output.imageLabels[1].name: Invalid value: \"a b\": ...",
                "spec.output.imageLabels[3].name: Invalid value: \"c\": duplicate name",
            ],
        ),
        (
            json!({"runPolicy": "Any", "failedBuildsHistoryLimit": -1, "completionDeadlineSeconds": 0}),
            &[
                "spec.runPolicy: Invalid value: \"Any\": run policy must Parallel, Serial, or SerialLatestOnly",
                "spec.failedBuildsHistoryLimit: Invalid value: -1: must be greater than or equal to 0",
                "spec.completionDeadlineSeconds: Invalid value: 0: completionDeadlineSeconds must be a positive integer greater than 0",
            ],
        ),
        (
            json!({"postCommit": {"command": ["a"], "script": "b"}}),
            &["spec.postCommit: Invalid value: {...}: cannot use command and script together"],
        ),
        (
            json!({"nodeSelector": {"a b": "c"}}),
            &["spec.nodeSelector[a b]: Invalid value: \"c\": must be a valid node selector"],
        ),
    ]);
}

#[test]
fn builds_stay_what_they_are() {
    let made = |phase: &str, seconds: i64, secret: &str| {
        json!({"spec": {"completionDeadlineSeconds": seconds,
            "output": {"pushSecret": {"name": secret}}}, "status": {"phase": phase}})
    };
    let rows = [
        (made("Running", 5, "other"), vec![]),
        (
            made("Complete", 6, "s"),
            vec![
                "spec: Invalid value: \"content of spec is not printed out, please refer to the details\": spec is immutable, diff: {\"spec\":{\"completionDeadlineSeconds\":6}}",
            ],
        ),
    ];
    for (new, expected) in rows {
        let mut causes = Causes::default();
        build(&new, Some(&made("Running", 5, "s")), &mut causes);
        let found: Vec<String> =
            causes.0.into_iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        assert_eq!(found, expected, "{new}");
    }
    let mut causes = Causes::default();
    build(&made("Running", 5, "s"), Some(&made("Failed", 5, "s")), &mut causes);
    let found = causes.0.into_iter().map(|c| c.message).collect::<Vec<_>>();
    assert_eq!(
        found,
        ["Invalid value: \"Running\": phase cannot be updated from a terminal state"]
    );
}

#[test]
fn paths_are_cleaned() {
    let rows = [
        ("", "."),
        ("./a/", "a"),
        ("a/../..", ".."),
        ("/../a", "/a"),
        ("../../x", "../../x"),
        ("a//b", "a/b"),
    ];
    for (path, expected) in rows {
        assert_eq!(cleaned(path), expected, "{path}");
    }
}
