//! Clients written by others, unmodified, against a cluster: `kubectl`, and the official clients
//! for Python and Node.

use crate::support::{
    clients::{Kubectl, Place, blocking},
    repository, tools,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python() {
    let place = Place::start().await;
    let program = blocking(tools::python).await;
    place.script(program, repository("tests/clients/python/walk.py")).await;
    place.lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node() {
    let place = Place::start().await;
    let folder = blocking(tools::node).await;
    place.script("node".into(), folder.join("walk.mjs")).await;
    place.lab.stop().await;
}

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: 'registry.access.redhat.com/ubi9/nginx-120:1-86'}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl() {
    let place = Place::start().await;
    let web = place.file("web.yaml", WEB);
    let deployment = WEB.split("---").next().unwrap_or_default();
    let typo = place.file("typo.yaml", &deployment.replace("replicas: 2", "replicsa: 2"));
    let home = place.folder.path().to_owned();
    blocking(move || {
        let k = Kubectl::new(home);
        typed_creates(&k);
        applies(&k, &web, &typo);
        rolls(&k);
        reads(&k);
        deletes(&k, &web);
    })
    .await;
    place.lab.stop().await;
}

/// `kubectl create KIND` sends protobuf and nothing else.
fn typed_creates(k: &Kubectl) {
    k.run("create namespace kube");
    k.run("config set-context --current --namespace kube");
    assert_eq!(
        k.run("create deployment api --image=registry.access.redhat.com/ubi9/nginx-120:1-86 --replicas=0"),
        "deployment.apps/api created\n"
    );
    assert_eq!(k.json("get deployment api")["spec"]["replicas"], 0);
    k.run("create configmap settings --from-literal=a=1");
    assert_eq!(k.json("get configmap settings")["data"]["a"], "1");
    k.run("create secret generic hidden --from-literal=p=s");
    k.run("create serviceaccount robot");
    k.run("create role reader --verb=get --resource=pods");
    k.run("create rolebinding reads --role=reader --serviceaccount=kube:robot");
    let may = "auth can-i get pods --as=system:serviceaccount:kube:robot";
    assert_eq!(k.run(may).trim(), "yes");
    k.run("create quota q --hard=count/services=5");
    k.run("create service clusterip s --tcp=80:8080");
    k.run("create job once --image=registry.access.redhat.com/ubi9/ubi -- true");
    k.run("wait --for=condition=complete job/once --timeout=60s");
    assert_eq!(k.run("create token robot").split('.').count(), 3);
    assert!(k.fails("create namespace kube").contains("(AlreadyExists)"));
}

fn applies(k: &Kubectl, web: &str, typo: &str) {
    let refused = k.fails(&format!("apply -f {typo} --validate=strict"));
    assert!(refused.contains("unknown field \"spec.replicsa\""), "{refused}");
    assert_eq!(
        k.run(&format!("apply -f {web}")),
        "deployment.apps/web created\nservice/web created\n"
    );
    assert_eq!(
        k.run(&format!("apply -f {web}")),
        "deployment.apps/web unchanged\nservice/web unchanged\n"
    );
    assert!(k.run(&format!("diff -f {web}")).is_empty());
    k.run(&format!("apply -f {web} --server-side --force-conflicts"));
    let again = k.run(&format!("apply -f {web} --server-side --dry-run=server"));
    assert!(again.contains("serverside-applied (server dry run)"), "{again}");
}

fn rolls(k: &Kubectl) {
    let done = "deployment \"web\" successfully rolled out\n";
    assert!(k.run("rollout status deployment/web --timeout=60s").ends_with(done));
    k.run("set image deployment/web web=registry.access.redhat.com/ubi9/nginx-120:1-87");
    assert!(k.run("rollout status deployment/web --timeout=60s").ends_with(done));
    k.run("annotate deployment/web kubernetes.io/change-cause=newer");
    let history = k.run("rollout history deployment/web");
    assert!(history.contains("2         newer"), "{history}");
    k.run("rollout undo deployment/web");
    assert!(k.run("rollout status deployment/web --timeout=60s").ends_with(done));
    let image = k.json("get deployment web");
    assert_eq!(
        image["spec"]["template"]["spec"]["containers"][0]["image"],
        "registry.access.redhat.com/ubi9/nginx-120:1-86"
    );
    k.run("scale deployment/web --replicas=3");
    k.run("wait --for=jsonpath={.status.availableReplicas}=3 deployment/web --timeout=60s");
}

fn reads(k: &Kubectl) {
    let wide = k.run("get deployment web -o wide");
    let header: Vec<&str> = wide.lines().next().unwrap_or_default().split_whitespace().collect();
    assert_eq!(
        header,
        ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", "CONTAINERS", "IMAGES", "SELECTOR"]
    );
    assert!(wide.lines().nth(1).is_some_and(|l| l.contains("3/3")), "{wide}");
    let explained = k.run("explain deployment.spec.strategy");
    assert!(
        explained.contains("rollingUpdate") && explained.contains("DESCRIPTION"),
        "{explained}"
    );
    assert!(k.run("explain route.spec").contains("FIELDS"));
    let described = k.run("describe deployment web");
    assert!(described.contains("ScalingReplicaSet"), "{described}");
    assert!(k.run("get all").contains("replicaset.apps/web-"));
    assert!(k.run("api-resources --api-group=route.openshift.io").contains("Route"));
    let missing = k.fails("get deployment nobody");
    assert_eq!(missing, "Error from server (NotFound): deployments.apps \"nobody\" not found\n");
    let unknown = k.fails("get nothings");
    assert_eq!(unknown, "error: the server doesn't have a resource type \"nothings\"\n");
    assert!(k.home.join(".kube/cache/discovery").exists());
}

fn deletes(k: &Kubectl, web: &str) {
    let gone = k.run(&format!("delete -f {web} --timeout=60s"));
    assert!(gone.starts_with("deployment.apps \"web\" deleted"), "{gone}");
    k.run("wait --for=delete pod -l app=web --timeout=60s");
    k.run("delete namespace kube --timeout=60s");
    assert!(k.fails("get namespace kube").contains("(NotFound)"));
}
