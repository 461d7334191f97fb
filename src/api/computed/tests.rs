//! Projects, reviews and tokens through a whole server.

use super::*;
use crate::{
    access::{Access, Credentials, Keys, authn, bootstrap},
    api::{Body, Caller, Event, Options, Verb},
    importer::{Importer, Routes},
    kinds,
    object::{ObjectExt, encode, json, name::key},
    runtime::Containers,
    settings::Settings,
    store::{self, Expect, Op, Store},
    world::{Entropy, StepClock, World},
};
use futures_util::StreamExt;

/// A server with an empty store.
pub(super) fn server(containers: Option<Arc<dyn Containers>>) -> Arc<Server> {
    let clock = StepClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    let world = World::new(Arc::new(clock), Entropy::seeded(5));
    let (stop, stopping) = tokio::sync::watch::channel(false);
    std::mem::forget(stop);
    Arc::new(Server {
        store: Store::open(&store::Options::default()).unwrap(),
        access: Access::new(Keys::generate(&world.entropy).unwrap()).unwrap(),
        settings: Arc::new(Settings::default()),
        importer: Importer::new(Arc::clone(&world.clock), Routes::default(), String::new(), None),
        webhooks: crate::webhook::Client::new(Arc::clone(&world.clock), String::new()),
        refusals: Default::default(),
        journal: None,
        faults: Default::default(),
        time: None,
        world,
        containers,
        pages: Default::default(),
        stopping,
    })
}

/// A server with what a new cluster has.
pub(in crate::api) async fn cluster() -> Arc<Server> {
    let server = server(None);
    let objects = bootstrap::objects(&server.world, &server.settings, "secret");
    let ops = objects.into_iter().filter_map(|mut object| {
        let kind = kinds::by_kind(object.str_at("apiVersion"), object.str_at("kind"))?;
        object.set_at("metadata.uid", server.world.entropy.uuid());
        Some(Op::Put {
            resource: kind.stored_as_shared(),
            key: key(object.namespace(), object.name()).into(),
            expect: Expect::Absent,
            body: encode(&object),
            claims: vec![],
        })
    });
    server.store.commit(ops.collect()).await.unwrap();
    server
}

fn user(name: &str) -> Caller {
    let groups = vec![authn::OAUTH.into(), authn::AUTHENTICATED.into()];
    Caller { name: name.into(), uid: format!("uid-{name}"), groups, ..Caller::default() }
}

fn ask(who: &Caller, verb: Verb, resource: &str, name: &str, body: Value) -> Request {
    let body = if body.is_null() { Body::Empty } else { Body::Object(body, vec![]) };
    let caller = Arc::new(who.clone());
    let kind = kinds::by_resource(resource).unwrap();
    Request {
        caller,
        verb,
        kind,
        sub: "",
        namespace: String::new(),
        name: name.into(),
        options: Options::default(),
        body,
    }
}

async fn one(server: &Arc<Server>, request: Request) -> Result<Value, Error> {
    match server.call(request).await?.response {
        Response::One(_, item) => Ok(item.value()),
        _ => panic!("not one object"),
    }
}

async fn names(server: &Arc<Server>, who: &Caller) -> Vec<String> {
    let request = ask(who, Verb::List, "projects.project.openshift.io", "", Value::Null);
    match server.call(request).await.unwrap().response {
        Response::List(list) => list.items.iter().map(|i| i.value().name().to_owned()).collect(),
        _ => panic!("not a list"),
    }
}

const PROJECTS: &str = "projects.project.openshift.io";
const REQUESTS: &str = "projectrequests.project.openshift.io";

#[tokio::test]
async fn a_project_belongs_to_whom_it_was_made_for() {
    let server = cluster().await;
    let (dev, bob, root) = (user("developer"), user("bob"), Caller::component("root"));
    assert!(names(&server, &dev).await.is_empty());
    let watch = ask(&dev, Verb::Watch, PROJECTS, "", Value::Null);
    let Response::Watch(mut events) = server.call(watch).await.unwrap().response else { panic!() };

    let body = json!({"metadata": {"name": "mine"}, "displayName": "My", "description": "d"});
    let made = one(&server, ask(&dev, Verb::Create, REQUESTS, "", body.clone())).await.unwrap();
    assert_eq!(made["kind"], "Project");
    assert_eq!(made.annotation("openshift.io/display-name"), Some("My"));
    assert_eq!(made.annotation("openshift.io/requester"), Some("developer"));
    let Some(Event::Added(seen)) = events.next().await else { panic!("the project appears") };
    assert_eq!((seen.value()["kind"].as_str(), seen.value().name()), (Some("Project"), "mine"));

    let again = one(&server, ask(&dev, Verb::Create, REQUESTS, "", body)).await.unwrap_err();
    assert_eq!(again.to_string(), r#"project.project.openshift.io "mine" already exists"#);
    assert_eq!(names(&server, &dev).await, ["mine"]);
    assert_eq!(names(&server, &bob).await, Vec::<String>::new());
    assert!(names(&server, &root).await.len() > 10);
    assert!(one(&server, ask(&dev, Verb::Get, PROJECTS, "mine", Value::Null)).await.is_ok());
    let refused = one(&server, ask(&bob, Verb::Get, PROJECTS, "mine", Value::Null)).await;
    assert_eq!(
        refused.unwrap_err().to_string(),
        r#"projects.project.openshift.io "mine" is forbidden: User "bob" cannot get resource "projects" in API group "project.openshift.io" in the namespace "mine""#
    );
    let missing = one(&server, ask(&root, Verb::Get, PROJECTS, "no", Value::Null)).await;
    assert_eq!(missing.unwrap_err().to_string(), r#"projects.project.openshift.io "no" not found"#);

    // The right goes, and with it the project.
    let drop = Op::Delete {
        resource: "rolebindings.rbac.authorization.k8s.io".into(),
        key: "mine/admin".into(),
        expect: Expect::Present,
        last: None,
    };
    server.store.commit(vec![drop]).await.unwrap();
    assert!(matches!(events.next().await, Some(Event::Deleted(_))));
}

#[tokio::test]
async fn who_may_ask_for_a_project() {
    let server = cluster().await;
    let list = |who: &Caller| ask(who, Verb::List, REQUESTS, "", Value::Null);
    assert_eq!(one(&server, list(&user("developer"))).await.unwrap()["status"], "Success");
    let mut plain = user("x");
    plain.groups.remove(0);
    let refused = one(&server, list(&plain)).await.unwrap_err().status();
    assert_eq!(refused["message"], "You may not request a new project via this API.");
    assert_eq!(refused["code"], 403);
}

#[tokio::test]
async fn reviews_agree_with_what_happens() {
    let server = cluster().await;
    let (dev, root) = (user("developer"), Caller::component("root"));
    let resource = json!({"verb": "list", "resource": "nodes"});
    let review = json!({"spec": {"resourceAttributes": resource}});
    let kind = "selfsubjectaccessreviews.authorization.k8s.io";
    let said = one(&server, ask(&dev, Verb::Create, kind, "", review.clone())).await.unwrap();
    assert_eq!(said["status"], json!({"allowed": false}));
    let said = one(&server, ask(&root, Verb::Create, kind, "", review)).await.unwrap();
    assert_eq!(said["status"]["allowed"], true);
    let review = json!({"spec": {"user": "developer", "nonResourceAttributes": {"verb": "get", "path": "/version"},
        "groups": ["system:authenticated"]}});
    let kind = "subjectaccessreviews.authorization.k8s.io";
    let said = one(&server, ask(&root, Verb::Create, kind, "", review.clone())).await.unwrap();
    assert_eq!(said["status"]["allowed"], true);
    assert!(one(&server, ask(&dev, Verb::Create, kind, "", review)).await.is_err());
    let bad = one(&server, ask(&root, Verb::Create, kind, "", json!({"spec": {}}))).await;
    assert!(matches!(bad, Err(Error::Invalid { causes, .. }) if causes.len() == 2));

    // What oc login and oc status ask, about oneself.
    let kind = "subjectaccessreviews.authorization.openshift.io";
    let review = json!({"verb": "create", "resource": "projectrequests", "resourceAPIGroup": "project.openshift.io"});
    let said = one(&server, ask(&dev, Verb::Create, kind, "", review.clone())).await.unwrap();
    assert_eq!(
        (&said["kind"], &said["allowed"]),
        (&json!("SubjectAccessReviewResponse"), &json!(true))
    );
    let mut other = review;
    other["user"] = json!("bob");
    assert!(one(&server, ask(&dev, Verb::Create, kind, "", other)).await.is_err());

    let kind = "resourceaccessreviews.authorization.openshift.io";
    let review = json!({"verb": "delete", "resource": "nodes"});
    let said = one(&server, ask(&root, Verb::Create, kind, "", review)).await.unwrap();
    assert!(said.list_at("groups").iter().any(|g| g == "system:cluster-admins"));
    assert!(!said.list_at("users").iter().any(|u| u == "developer"));
}

#[tokio::test]
async fn who_am_i_and_whose_token_is_this() {
    let server = cluster().await;
    let (dev, root) = (user("developer"), Caller::component("root"));
    let kind = "selfsubjectreviews.authentication.k8s.io";
    let said = one(&server, ask(&dev, Verb::Create, kind, "", json!({}))).await.unwrap();
    assert_eq!(said.str_at("status.userInfo.username"), "developer");
    let tilde = ask(&dev, Verb::Get, "users.user.openshift.io", "~", Value::Null);
    let me = one(&server, tilde).await.unwrap();
    assert_eq!((me.name(), me.uid(), &me["groups"]), ("developer", "uid-developer", &json!([])));

    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "sa", "namespace": "default", "uid": "u1"}});
    let put = Op::Put {
        resource: "serviceaccounts".into(),
        key: "default/sa".into(),
        expect: Expect::Absent,
        body: encode(&account),
        claims: vec![],
    };
    server.store.commit(vec![put]).await.unwrap();
    let token = |seconds: i64| Request {
        sub: "token",
        namespace: "default".into(),
        ..ask(
            &root,
            Verb::Create,
            "serviceaccounts",
            "sa",
            json!({"spec": {"expirationSeconds": seconds}}),
        )
    };
    assert!(matches!(one(&server, token(10)).await, Err(Error::Invalid { .. })));
    let given = one(&server, token(3600)).await.unwrap();
    assert_eq!(given.str_at("status.expirationTimestamp"), "2026-01-01T01:00:00Z");
    let bearer = given.str_at("status.token");
    let caller = server
        .authenticate(&Credentials { bearer: Some(bearer), certificate: None }, &Default::default())
        .unwrap();
    assert_eq!(caller.name, "system:serviceaccount:default:sa");
    let kind = "tokenreviews.authentication.k8s.io";
    let review = json!({"spec": {"token": bearer}});
    let said = one(&server, ask(&root, Verb::Create, kind, "", review)).await.unwrap();
    assert_eq!(said.str_at("status.user.username"), "system:serviceaccount:default:sa");
    assert_eq!(said["status"]["authenticated"], true);
    let review = json!({"spec": {"token": "nonsense"}});
    let said = one(&server, ask(&root, Verb::Create, kind, "", review)).await.unwrap();
    assert!(said.at("status.authenticated").is_none());
}
