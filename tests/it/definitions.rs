//! What operators on OpenShift import is there when a flag asks for it (`--crds openshift`).

use crate::support::{
    Lab,
    lab::{get, request, saying, send},
};
use pocketshift::object::ObjectExt;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinds_that_operators_import_are_served() {
    let lab = Lab::of(saying(["--crds=openshift"])).await;
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let all = get(&lab.client, path).await.expect(200);
    for definition in all.list_at("items") {
        for wanted in ["NamesAccepted", "Established"] {
            let condition = definition.condition(wanted).map(|c| c.str_at("status"));
            assert_eq!(condition, Some("True"), "{wanted} of {}", definition.name());
        }
        let problem = definition.condition("NonStructuralSchema");
        assert!(problem.is_none(), "{}: {problem:?}", definition.name());
    }
    let monitors = "/apis/monitoring.coreos.com/v1/namespaces/default/servicemonitors";
    let monitor = json!({"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor",
        "metadata": {"name": "m"}, "spec": {"selector": {"matchLabels": {"a": "b"}},
            "endpoints": [{"port": "web", "interval": "30s"}]}});
    let made = send(&lab.client, "POST", monitors, "", Some(&monitor)).await.expect(201);
    assert_eq!(made["spec"], monitor["spec"], "what is not described is kept");
    let mut wrong = monitor;
    wrong["metadata"]["name"] = json!("n");
    wrong["spec"] = json!({"endpoints": "web"});
    let refused = send(&lab.client, "POST", monitors, "", Some(&wrong)).await.expect(422);
    let message = refused.str_at("message");
    assert!(message.contains("spec.endpoints in body must be of type array"), "{message}");
    assert!(message.contains("spec.selector: Required value"), "{message}");

    let sets = "/apis/machine.openshift.io/v1beta1/namespaces/default/machinesets";
    let set = json!({"apiVersion": "machine.openshift.io/v1beta1", "kind": "MachineSet",
        "metadata": {"name": "s"}, "spec": {"replicas": 2}});
    send(&lab.client, "POST", sets, "", Some(&set)).await.expect(201);
    let scale = get(&lab.client, &format!("{sets}/s/scale")).await.expect(200);
    assert_eq!(scale["spec"]["replicas"], 2);
    let explained = get(&lab.client, "/openapi/v3/apis/operators.coreos.com/v1alpha1").await;
    assert!(explained.text().contains("startingCSV"));
    lab.stop().await;
}

/// What `oc get crd` shows: what is a definition here, and nothing that is served without one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definitions_are_listed_if_there_are_any() {
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?limit=500";
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    let names = async |lab: &Lab| {
        let table = request(&lab.client, "GET", path, &[("accept", table)], vec![]).await;
        let table = table.expect(200);
        assert_eq!(table["kind"], "Table");
        let columns = table.list_at("columnDefinitions").iter();
        let columns: Vec<&str> = columns.map(|c| c.str_at("name")).collect();
        assert_eq!(columns, ["Name", "Created At"]);
        let rows = table.list_at("rows").iter();
        rows.map(|r| r["cells"][0].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let lab = Lab::start().await;
    assert_eq!(names(&lab).await, Vec::<String>::new(), "kinds that are built in have none");
    lab.stop().await;

    let lab = Lab::of(saying(["--crds=openshift"])).await;
    let listed = names(&lab).await;
    for wanted in [
        "catalogsources.operators.coreos.com",
        "consolelinks.console.openshift.io",
        "machinesets.machine.openshift.io",
        "prometheusrules.monitoring.coreos.com",
        "servicemonitors.monitoring.coreos.com",
    ] {
        assert!(listed.iter().any(|name| name == wanted), "{wanted}: {listed:?}");
    }
    let mut sorted = listed.clone();
    sorted.sort();
    assert_eq!(listed, sorted);
    for name in &listed {
        let served = lab.server().catalogue().by_resource(name);
        assert!(served.is_some_and(|k| k.custom.is_some()), "{name} is served as it is listed");
    }
    lab.stop().await;
}
