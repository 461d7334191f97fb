//! Programs of images, asked over the simulated network.

use super::*;

const AGNHOST: &str = "registry.k8s.io/e2e-test-images/agnhost:2.63.0";

/// A pod that asks, and one that runs this.
async fn lab(image: &str, more: Value) -> Lab {
    let lab = Lab::new();
    lab.put("namespaces", json!({"metadata": {"name": "demo", "uid": "n"}})).await;
    lab.pod("client", AGNHOST, json!({"args": ["pause"]})).await;
    lab.pod("it", image, more).await;
    lab.clock.advance(SignedDuration::from_secs(5));
    lab
}

impl Lab {
    async fn get(&self, url: &str) -> String {
        self.exec("client", &format!("curl -s '{url}'")).await.0
    }

    /// What a command of the image prints, with its code.
    async fn run(&self, argv: &[&str]) -> (String, Ended) {
        self.command("it", argv).await
    }
}

#[tokio::test]
async fn netexec_answers_by_its_paths() {
    let lab =
        lab(AGNHOST, json!({"args": ["netexec", "--http-port=8083", "--udp-port=8084"]})).await;
    let at = "http://10.217.2.11:8083";
    let rows = [
        ("/hostName", "it"),
        ("/hostname", "it"),
        ("/echo?msg=hi", "hi"),
        ("/serverport", "8083"),
        ("/readyz", "ok"),
        ("/healthz", ""),
        ("/header?key=Accept", "*/*"),
        ("/shell?cmd=echo%20x", "{\"output\":\"x\\n\"}"),
        ("/shell?cmd=exit%203", "{\"error\":\"exit status 3\"}"),
        (
            "/dial?request=hostname&protocol=http&host=10.217.2.11&port=8083&tries=2",
            "{\"responses\":[\"it\",\"it\"]}",
        ),
        (
            "/dial?request=hostname&protocol=udp&host=10.217.2.11&port=8084&tries=1",
            "{\"responses\":[\"it\"]}",
        ),
        ("/dial?host=10.217.2.11&port=1", "request parameter not specified. <nil>\n"),
    ];
    for (path, expected) in rows {
        assert_eq!(lab.get(&format!("{at}{path}")).await, expected, "{path}");
    }
    let ask = format!("curl -s -o /dev/null -w '%{{http_code}}' '{at}/echo?code=418'");
    assert_eq!(lab.exec("client", &ask).await.0, "418");
    let mut root = pod("it", AGNHOST, json!({"args": ["netexec", "--http-port=8083"]}));
    root["spec"]["securityContext"] = json!({"runAsUser": 0});
    root["status"]["podIP"] = json!("10.217.2.11");
    root["status"]["containerStatuses"][0]["containerID"] = json!("cri-o://id-it-1");
    lab.put("pods", root).await;
    let upload = format!("echo data >/tmp/f; curl -s -F file=@/tmp/f {at}/upload");
    let said = lab.exec("client", &upload).await.0;
    assert!(said.starts_with("{\"output\":\"/uploads/upload"), "{said}");
    let client = lab.get(&format!("{at}/clientip")).await;
    assert!(client.starts_with("10.217.2.10:"), "{client}");
    let log = lab.log("it", LogOptions::default()).await;
    for line in ["Started HTTP server on port 8083", "GET /upload", "GET /clientip\n"] {
        assert!(log.contains(&format!(" log.go:198] {line}")), "{line}\n{log}");
    }
}

#[tokio::test]
async fn servers_of_files_show_what_is_there() {
    let lab = lab(AGNHOST, json!({"args": ["test-webserver"]})).await;
    assert_eq!(lab.get("http://10.217.2.11/etc/hostname").await, "it\n");
    lab.exec("it", "mkdir /tmp/r; echo OK >/tmp/r/a").await;
    assert_eq!(lab.get("http://10.217.2.11/tmp/r/a").await, "OK\n");
    assert!(lab.get("http://10.217.2.11/tmp/r/").await.contains("<a href=\"a\">a</a>"));
    let code = "curl -s -o /dev/null -w '%{http_code}' http://10.217.2.11";
    let rows = [("/localhost.crt", "200"), ("/no", "404"), ("/tmp", "301")];
    for (path, expected) in rows {
        assert_eq!(lab.exec("client", &format!("{code}{path}")).await.0, expected, "{path}");
    }
}

#[tokio::test]
async fn images_with_content_serve_it() {
    for (image, root) in [
        ("docker.io/library/nginx:1.27", "/usr/share/nginx/html"),
        ("docker.io/library/httpd:2.4", "/usr/local/apache2/htdocs"),
    ] {
        let lab = lab(image, json!({})).await;
        let mut pod = pod("it", image, json!({"volumeMounts": [{"name": "v", "mountPath": root}]}));
        pod["status"]["podIP"] = json!("10.217.2.11");
        pod["spec"]["securityContext"] = json!({"runAsUser": 0});
        pod["spec"]["volumes"] = json!([{"name": "v", "configMap": {"name": "pages"}}]);
        let pages = json!({"metadata": {"name": "pages", "namespace": "demo", "uid": "c"},
            "data": {"index.html": "<h1>mine</h1>\n", "a.txt": "text\n"}});
        lab.put("configmaps", pages).await;
        lab.put("pods", pod).await;
        assert_eq!(lab.get("http://10.217.2.11/").await, "<h1>mine</h1>\n", "{image}");
        assert_eq!(lab.get("http://10.217.2.11/a.txt").await, "text\n", "{image}");
        assert!(lab.get("http://10.217.2.11/no").await.contains("404 Not Found"), "{image}");
    }
}

#[tokio::test]
async fn what_is_put_beside_the_images_own_page() {
    let lab =
        lab("docker.io/library/nginx:1.27", json!({"securityContext": {"runAsUser": 0}})).await;
    lab.exec("it", "echo more >/usr/share/nginx/html/a.txt").await;
    assert_eq!(lab.get("http://10.217.2.11/a.txt").await, "more\n");
    assert!(lab.get("http://10.217.2.11/").await.contains("Welcome to nginx!"));
    lab.exec("it", "echo mine >/usr/share/nginx/html/index.html").await;
    assert_eq!(lab.get("http://10.217.2.11/").await, "mine\n");
}

#[tokio::test]
async fn ports_answer_with_their_variables() {
    let env = json!([{"name": "SERVE_PORT_80", "value": "foo"},
        {"name": "SERVE_TLS_PORT_444", "value": "tls"},
        {"name": "SERVE_UDP_PORT_53", "value": "datagram"}]);
    let lab = lab(AGNHOST, json!({"args": ["porter"], "env": env})).await;
    assert_eq!(lab.get("http://10.217.2.11/any").await, "foo");
    assert_eq!(lab.get("https://10.217.2.11:444/").await, "tls");
    assert_eq!(lab.get("http://10.217.2.11:444/").await, "");
    let asked = lab.exec("client", "echo x | nc -u -w 0 10.217.2.11 53").await.0;
    assert_eq!(asked, "datagram");
}

#[tokio::test]
async fn health_goes_with_time() {
    let lab = lab(AGNHOST, json!({"args": ["liveness"]})).await;
    assert_eq!(lab.get("http://10.217.2.11:8080/healthz").await, "ok");
    lab.clock.advance(SignedDuration::from_secs(10));
    assert!(lab.get("http://10.217.2.11:8080/healthz").await.starts_with("error: 1"));
}

#[tokio::test]
async fn guests_are_remembered_and_passed_on() {
    let lab = lab(AGNHOST, json!({"args": ["guestbook", "--http-port", "6379"]})).await;
    let replica = json!({"args": ["guestbook", "--replicaof", "it", "--http-port", "6379"],});
    lab.pod("replica", AGNHOST, replica).await;
    let service = |name: &str, ip: &str| {
        json!({"metadata": {"name": name, "namespace": "demo", "uid": name},
            "spec": {"clusterIP": ip, "ports": [{"port": 6379, "protocol": "TCP"}]}})
    };
    for (name, ip, to) in [
        ("it", "172.30.0.70", "10.217.2.11"),
        ("agnhost-primary", "172.30.0.71", "10.217.2.11"),
        ("agnhost-replica", "172.30.0.72", "10.217.2.12"),
    ] {
        lab.put("services", service(name, ip)).await;
        lab.slice(name, json!([{"port": 6379}]), json!([{"addresses": [to]}])).await;
    }
    lab.clock.advance(SignedDuration::from_secs(5));
    let front = |query: &str| format!("http://10.217.2.11:6379/guestbook?{query}");
    assert_eq!(lab.get(&front("cmd=get&key=messages")).await, "{\"data\":\"\"}");
    let set = lab.get(&front("cmd=set&key=messages&value=TestEntry")).await;
    assert_eq!(set, "{\"message\":\"Updated\"}");
    assert_eq!(lab.get(&front("cmd=get&key=messages")).await, "{\"data\":\"TestEntry\"}");
}

#[tokio::test]
async fn reviews_are_answered() {
    let lab = lab(AGNHOST, json!({"args": ["webhook", "--port=8444"]})).await;
    assert_eq!(lab.get("https://10.217.2.11:8444/readyz").await, "ok");
    let post = "curl -s -k -H 'Content-Type: application/json' -d \
        '{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{\"uid\":\"u\"}}' \
        https://10.217.2.11:8444/always-deny";
    let said = lab.exec("client", post).await.0;
    let answer: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(answer["response"]["uid"], "u");
    assert_eq!(answer["response"]["status"]["message"], "this webhook denies all requests");
}

#[tokio::test]
async fn words_that_print_and_end() {
    let lab = lab(AGNHOST, json!({"args": ["pause"]})).await;
    let rows: &[(&[&str], &str)] = &[
        (&["/agnhost", "entrypoint-tester", "a", "b"], "[/agnhost entrypoint-tester a b]\n"),
        (&["/agnhost-2", "entrypoint-tester"], "[/agnhost-2 entrypoint-tester]\n"),
        (&["/agnhost", "dns-suffix"], "demo.svc.cluster.local,svc.cluster.local,cluster.local\n"),
        (&["/agnhost", "dns-server-list"], "172.30.0.10\n"),
        (
            &["/agnhost", "mounttest", "--file_perm=/tmp", "--file_mode=/tmp"],
            "mode of file \"/tmp\": dtrwxrwxrwx\nperms of file \"/tmp\": -rwxrwxrwx\n",
        ),
        (
            &["/agnhost", "mounttest", "--new_file_0660=/tmp/n", "--file_perm=/tmp/n"],
            "content of file \"/tmp/n\": mount-tester new file\n\nperms of file \"/tmp/n\": -rw-rw----\n",
        ),
    ];
    for (argv, expected) in rows {
        assert_eq!(lab.run(argv).await, ((*expected).to_owned(), exit(0)), "{argv:?}");
    }
    let (said, code) = lab.run(&["/agnhost", "mounttest", "--file_content=/no"]).await;
    assert_eq!(code, exit(1));
    assert_eq!(
        said,
        "error reading file content for \"/no\": open /no: no such file or directory\n"
    );
}
