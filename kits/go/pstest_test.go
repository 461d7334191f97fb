package pstest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

const configMap = `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "default"}, "data": {"a": "b"}}`

const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: "registry.access.redhat.com/ubi9/nginx-120:1-86"}]}
`

// get asks the API with the administrator's certificate.
func get(t *testing.T, c *Cluster, method, path string) (int, map[string]any) {
	t.Helper()
	data := func(name string) []byte {
		found := regexp.MustCompile(name + `: (\S+)`).FindSubmatch(c.Kubeconfig)
		bytes, err := base64.StdEncoding.DecodeString(string(found[1]))
		if err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(data("certificate-authority-data"))
	pair, err := tls.X509KeyPair(data("client-certificate-data"), data("client-key-data"))
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	request, err := http.NewRequest(method, c.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body := map[string]any{}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, body
}

func TestARolloutIsSettled(t *testing.T) {
	c := Start(t)
	c.Apply(web)
	c.Settled()
	_, body := get(t, c, "GET", "/apis/apps/v1/namespaces/default/deployments/web")
	if ready := body["status"].(map[string]any)["readyReplicas"]; ready != 3.0 {
		t.Fatalf("%v ready", ready)
	}
}

func TestCheckpointsForksAndResets(t *testing.T) {
	const path = "/api/v1/namespaces/default/configmaps/m"
	c := Start(t)
	c.Apply(configMap)
	c.Checkpoint("with-map")
	fork := c.Fork()
	if code, body := get(t, fork, "DELETE", path); code != 200 {
		t.Fatal(body)
	}
	expect := func(want int) {
		t.Helper()
		if code, body := get(t, c, "GET", path); code != want {
			t.Fatal(code, body)
		}
	}
	expect(200)
	c.Reset()
	expect(404)
	c.ResetTo("with-map")
	expect(200)
}

func TestTheClock(t *testing.T) {
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	c := StartWith(t, Settings{Time: start})
	if now := c.Clock().Step(15 * time.Minute); !now.Equal(start.Add(15 * time.Minute)) {
		t.Fatal(now)
	}
}

func TestFaultsAndWhatHappened(t *testing.T) {
	c := Start(t)
	name := c.AddFault("--verb=get", "--resource=configmaps", "--name=m", "--status=503", "--times=1", "--for=10m")
	c.Apply(configMap)
	c.Checkpoint("made")
	const path = "/api/v1/namespaces/default/configmaps/m"
	for _, want := range []int{503, 200} {
		if code, body := get(t, c, "GET", path); code != want {
			t.Fatal(code, body)
		}
	}
	rules := c.Faults()
	if len(rules) != 1 || rules[0].Metadata.Name != name || rules[0].Status.Applied != 1 {
		t.Fatal(rules)
	}
	c.RemoveFaults(name)
	if rules := c.Faults(); len(rules) != 0 {
		t.Fatal(rules)
	}
	if all := c.Trail(""); !strings.Contains(all, "configmaps default/m created") {
		t.Fatal(all)
	}
	if since := c.Trail("made"); strings.Contains(since, "configmaps default/m created") {
		t.Fatal(since)
	}
	if _, err := c.RunErr("fault", "add", "--status=200"); err == nil || !strings.Contains(err.Error(), "from 400 to 599") {
		t.Fatal(err)
	}
}

func TestThatFails(t *testing.T) {
	if _, wanted := os.LookupEnv("KIT_FAILS"); !wanted {
		t.Skip("it shows what is told of a test that fails")
	}
	Start(t).Apply(configMap)
	t.Fatal("on purpose")
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	c := Start(t)
	if _, err := c.RunErr("time", "step", "soon"); err == nil || !strings.Contains(err.Error(), "must be a duration") {
		t.Fatal(err)
	}
}
