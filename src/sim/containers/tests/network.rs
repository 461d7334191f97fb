//! The simulated network as containers see it.

use super::*;

const AGNHOST: &str = "registry.k8s.io/e2e-test-images/agnhost:2.63.0";

/// Two pods that answer with their host name, one that asks, and a service over the two.
async fn lab(service: Value) -> Lab {
    let lab = Lab::new();
    lab.put("namespaces", json!({"metadata": {"name": "demo", "uid": "n"}})).await;
    for name in ["client", "one", "two"] {
        let args = if name == "client" { json!(["pause"]) } else { json!(["serve-hostname"]) };
        lab.pod(name, AGNHOST, json!({"args": args})).await;
    }
    let mut all = json!({"metadata": {"name": "names", "namespace": "demo", "uid": "s"},
        "spec": {"clusterIP": "172.30.0.60", "type": "ClusterIP",
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 9376,
                "nodePort": 30080}]}});
    for (key, value) in service.as_object().unwrap() {
        all["spec"][key] = value.clone();
    }
    lab.put("services", all).await;
    let ports = json!([{"name": "http", "port": 9376, "protocol": "TCP"}]);
    let two = json!([
        {"addresses": ["10.217.2.11"], "hostname": "one"},
        {"addresses": ["10.217.2.12"]},
    ]);
    lab.slice("names", ports, two).await;
    lab.clock.advance(SignedDuration::from_secs(60));
    lab
}

impl Lab {
    /// What a script says in the pod that asks, all in one.
    async fn ask(&self, script: &str) -> String {
        self.exec("client", &format!("{{ {script}; }} 2>&1")).await.0
    }
}

#[tokio::test]
async fn services_are_names_addresses_and_ports() {
    let lab = lab(json!({})).await;
    let rows = [
        ("curl -s names", "one"),
        ("curl -s http://172.30.0.60:80/", "one"),
        ("curl -s names.demo.svc:80", "one"),
        ("curl -s 192.168.126.12:30080", "one"),
        ("dig +short names.demo.svc.cluster.local", "172.30.0.60\n"),
        ("dig +short +search names.demo", "172.30.0.60\n"),
        ("dig +short names", ""),
        (
            "dig +short _http._tcp.names.demo.svc.cluster.local SRV",
            "0 100 80 names.demo.svc.cluster.local.\n",
        ),
        ("dig +short -x 172.30.0.60", "names.demo.svc.cluster.local.\n"),
        ("dig +short -x 10.217.2.12", "10-217-2-12.names.demo.svc.cluster.local.\n"),
        ("dig +short 10-217-2-12.demo.pod.cluster.local", "10.217.2.12\n"),
        ("getent hosts api.crc.testing", "192.168.126.11  api.crc.testing\n"),
    ];
    for (script, expected) in rows {
        let said = lab.ask(script).await;
        // Either of the two may answer.
        assert_eq!(said.replace("two", "one"), expected, "{script}");
    }
    let mut asked = std::pin::pin!(lab.ask("curl -sS --max-time 2 names:81"));
    let said = loop {
        tokio::select! {
            biased;
            said = &mut asked => break said,
            () = tokio::task::yield_now() => lab.clock.advance(SignedDuration::from_secs(1)),
        }
    };
    assert!(said.contains("Connection timed out"), "{said}");
}

#[tokio::test]
async fn headless_services_are_their_endpoints() {
    let lab = lab(json!({"clusterIP": "None"})).await;
    let rows = [
        ("dig +short names.demo.svc.cluster.local | sort", "10.217.2.11\n10.217.2.12\n"),
        ("dig +short one.names.demo.svc.cluster.local", "10.217.2.11\n"),
        ("dig +short two.names.demo.svc.cluster.local", ""),
        ("curl -s one.names:9376", "one"),
        (
            "dig +short _http._tcp.names.demo.svc.cluster.local SRV",
            "0 50 80 one.names.demo.svc.cluster.local.\n\
             0 50 80 10-217-2-12.names.demo.svc.cluster.local.\n",
        ),
    ];
    for (script, expected) in rows {
        assert_eq!(lab.ask(script).await, expected, "{script}");
    }
}

#[tokio::test]
async fn external_names_are_aliases() {
    let external = json!({"type": "ExternalName", "externalName": "foo.example.com", "ports": []});
    let lab = lab(external).await;
    let cname = "dig +short names.demo.svc.cluster.local CNAME";
    assert_eq!(lab.ask(cname).await, "foo.example.com.\n");
    let inside = json!({"type": "ExternalName", "externalName": "web.demo.svc.cluster.local"});
    let service = |name: &str, spec| json!({"metadata": {"name": name, "namespace": "demo", "uid": name}, "spec": spec});
    lab.put("services", service("names", inside)).await;
    lab.put("services", service("web", json!({"clusterIP": "172.30.0.61"}))).await;
    let said = lab.ask("nslookup names.demo.svc.cluster.local; echo $?").await;
    assert!(said.contains("canonical name = web.demo.svc.cluster.local.\n"), "{said}");
    assert!(said.ends_with("Address: 172.30.0.61\n\n0\n"), "{said}");
}

#[tokio::test]
async fn clients_stay_with_their_endpoint_when_the_service_says_so() {
    let many = "for i in $(seq 0 15); do echo; curl -q -s --connect-timeout 2 --max-time 60 \
                http://$at/ ; done | sort -u | grep -c .";
    let sticky = lab(json!({"sessionAffinity": "ClientIP"})).await;
    for at in ["172.30.0.60:80", "192.168.126.12:30080"] {
        assert_eq!(sticky.ask(&many.replace("$at", at)).await, "1\n", "{at}");
    }
    let free = lab(json!({"sessionAffinity": "None"})).await;
    assert_eq!(free.ask(&many.replace("$at", "172.30.0.60:80")).await, "2\n");
}

#[tokio::test]
async fn hand_made_slices_lead_where_they_say() {
    let lab = lab(json!({"ports": [
        {"name": "a", "port": 80, "protocol": "TCP"}, {"name": "b", "port": 81, "protocol": "TCP"}]}))
    .await;
    let slice = |name: &str, port: &str, ip: &str| {
        json!({"metadata": {"name": name, "namespace": "demo", "uid": name,
            "labels": {"kubernetes.io/service-name": "names"}}, "addressType": "IPv4",
            "ports": [{"name": port, "port": 9376, "protocol": "TCP"}],
            "endpoints": [{"addresses": [ip]}]})
    };
    lab.put("endpointslices.discovery.k8s.io", slice("x", "a", "10.217.2.11")).await;
    lab.put("endpointslices.discovery.k8s.io", slice("y", "b", "10.217.2.12")).await;
    assert_eq!(lab.ask("curl -s 172.30.0.60:80; curl -s 172.30.0.60:81").await, "onetwo");
}

#[tokio::test]
async fn host_ports_are_the_nodes() {
    let lab = lab(json!({})).await;
    let ports = |ip: &str| {
        json!({"args": ["serve-hostname"], "ports": [{"containerPort": 9376, "hostPort": 5000,
            "hostIP": ip, "protocol": "TCP"}]})
    };
    lab.pod("loop", AGNHOST, ports("127.0.0.1")).await;
    lab.pod("node", AGNHOST, ports("192.168.126.12")).await;
    let mut host = pod("host", AGNHOST, json!({"args": ["pause"]}));
    host["spec"]["hostNetwork"] = json!(true);
    host["status"]["podIP"] = json!("192.168.126.12");
    lab.put("pods", host).await;
    lab.clock.advance(SignedDuration::from_secs(60));
    let ask = async |at: &str| {
        lab.exec("host", &format!("curl -sS --connect-timeout 5 {at}:5000 2>&1")).await.0
    };
    assert_eq!(ask("127.0.0.1").await, "loop");
    assert_eq!(ask("192.168.126.12").await, "node");
    assert!(ask("192.168.126.11").await.contains("Could not connect"));
}

#[tokio::test]
async fn scripts_may_listen() {
    let lab = lab(json!({})).await;
    let ask = async {
        loop {
            let said = lab.ask("nc -v 10.217.2.11 8000 </dev/null").await;
            if !said.contains("refused") {
                break said;
            }
            tokio::task::yield_now().await;
        }
    };
    let (served, said) = tokio::join!(lab.exec("one", "echo hello | nc -N -l 8000"), ask);
    assert_eq!(served.1, exit(0));
    assert_eq!(said, "Connection to 10.217.2.11 8000 port [tcp/*] succeeded!\nhello\n");
    assert!(lab.ask("nc -v 10.217.2.11 8000").await.contains("Connection refused"));
}
