// Package pstest gives every test a cluster of its own: one server per process, one cluster per test.
package pstest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Host is a running server with any number of clusters.
type Host struct {
	folder  string
	process *exec.Cmd
	number  atomic.Int64
}

// Cluster is a cluster of its own: address, registries, certificates, clock. Its methods end the test
// when something goes wrong; those that end in Err answer the error.
type Cluster struct {
	// Name of the cluster on its host.
	Name string `json:"name"`
	// URL where the API listens.
	URL string `json:"url"`
	// Registry is host and port of the registries.
	Registry string `json:"registry"`
	// KubeadminPassword is the password of the user kubeadmin.
	KubeadminPassword string `json:"kubeadminPassword"`
	// Kubeconfig is the administrator's, as clientcmd.RESTConfigFromKubeConfig takes it.
	Kubeconfig []byte `json:"-"`
	// KubeconfigFile is a file that holds it.
	KubeconfigFile string `json:"-"`

	host *Host
	t    testing.TB
}

// Settings of a cluster: the zero value is a cluster like the host's.
type Settings struct {
	// Nodes is the number of simulated nodes.
	Nodes int
	// Time is what the clock shows; it stands still.
	Time time.Time
	// SeedRandom is the seed of names, uids and addresses.
	SeedRandom *uint64
	// Flags are further flags of `pocketshift cluster create`.
	Flags []string
}

func program() string {
	if named := os.Getenv("POCKETSHIFT"); named != "" {
		return named
	}
	return "pocketshift"
}

func environment(kubeconfig string) []string {
	var kept []string
	for _, one := range os.Environ() {
		if !strings.HasPrefix(one, "POCKETSHIFT") {
			kept = append(kept, one)
		}
	}
	return append(kept, "POCKETSHIFT_KUBECONFIG="+kubeconfig)
}

// NewHost starts a server; flags are added to those of `pocketshift serve`.
func NewHost(flags ...string) (*Host, error) {
	folder, err := os.MkdirTemp("", "pocketshift-")
	if err != nil {
		return nil, err
	}
	host := &Host{folder: folder}
	words := append([]string{"serve", "--in-memory", "--instant", "--secure-port", "0",
		"--registry-port", "0", "--router-http-port", "off", "--router-https-port", "off"}, flags...)
	host.process = exec.Command(program(), words...)
	host.process.Env = environment(host.kubeconfig())
	var said bytes.Buffer
	host.process.Stderr = &said
	out, err := host.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := host.process.Start(); err != nil {
		os.RemoveAll(folder)
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "-u kubeadmin") {
			go func() {
				// Nobody else reads it, and a full pipe would hold the server up.
				for lines.Scan() {
				}
			}()
			return host, nil
		}
	}
	_ = host.process.Wait()
	os.RemoveAll(folder)
	return nil, fmt.Errorf("the server did not start: %s", strings.TrimSpace(said.String()))
}

func (h *Host) kubeconfig() string { return filepath.Join(h.folder, "kubeconfig") }

// Run runs a command of the program against this server; it answers what that prints.
func (h *Host) Run(words ...string) (string, error) {
	command := exec.Command(program(), words...)
	command.Env = environment(h.kubeconfig())
	out, err := command.Output()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return "", errors.New(strings.TrimPrefix(strings.TrimSpace(string(ended.Stderr)), "pocketshift: "))
	}
	return string(out), err
}

// Stop stops the server and everything in it.
func (h *Host) Stop() {
	_ = h.process.Process.Signal(os.Interrupt)
	_ = h.process.Wait()
	os.RemoveAll(h.folder)
}

// Create creates a cluster; an empty name stands for one that nobody has.
func (h *Host) Create(t testing.TB, name string, settings Settings) (*Cluster, error) {
	if name == "" {
		name = fmt.Sprintf("test-%d", h.number.Add(1))
	}
	words := []string{"cluster", "create", name, "-o", "json"}
	if settings.Nodes > 0 {
		words = append(words, "--nodes", strconv.Itoa(settings.Nodes))
	}
	if !settings.Time.IsZero() {
		words = append(words, "--time", settings.Time.UTC().Format(time.RFC3339Nano))
	}
	if settings.SeedRandom != nil {
		words = append(words, "--seed-random", strconv.FormatUint(*settings.SeedRandom, 10))
	}
	return h.found(t, append(words, settings.Flags...))
}

func (h *Host) found(t testing.TB, words []string) (*Cluster, error) {
	made, err := h.Run(words...)
	if err != nil {
		return nil, err
	}
	cluster := &Cluster{host: h, t: t}
	config := struct{ Kubeconfig string }{}
	if err := errors.Join(json.Unmarshal([]byte(made), cluster), json.Unmarshal([]byte(made), &config)); err != nil {
		return nil, err
	}
	cluster.Kubeconfig = []byte(config.Kubeconfig)
	cluster.KubeconfigFile = filepath.Join(h.folder, cluster.Name+".kubeconfig")
	return cluster, os.WriteFile(cluster.KubeconfigFile, cluster.Kubeconfig, 0o600)
}

var shared = sync.OnceValues(func() (*Host, error) { return NewHost() })

// Main runs the tests and stops the server they shared: `func TestMain(m *testing.M) { os.Exit(pstest.Main(m)) }`.
// Without it the server ends when its parent does not read it any more.
func Main(m *testing.M) int {
	code := m.Run()
	if host, err := shared(); err == nil {
		host.Stop()
	}
	return code
}

// Start gives the test a fresh cluster, which is deleted when the test ends.
func Start(t testing.TB) *Cluster { return StartWith(t, Settings{}) }

// StartWith is Start with settings.
func StartWith(t testing.TB, settings Settings) *Cluster {
	t.Helper()
	host, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := host.Create(t, "", settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			trail, err := cluster.RunErr("trail")
			if err != nil {
				trail = "not to be had: " + err.Error()
			}
			t.Logf("pocketshift trail:\n%s", trail)
		}
		cluster.Delete()
	})
	return cluster
}

// RunErr runs a command of the program that is about a cluster: RunErr("node", "fail", "worker01").
func (c *Cluster) RunErr(words ...string) (string, error) {
	return c.host.Run(append(words, "--cluster", c.Name)...)
}

// Run is RunErr that ends the test when the command fails.
func (c *Cluster) Run(words ...string) string {
	c.t.Helper()
	return c.must(c.RunErr(words...))
}

func (c *Cluster) must(out string, err error) string {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// Apply applies manifests (YAML or JSON) as the administrator.
func (c *Cluster) Apply(manifests string) {
	c.t.Helper()
	path := strings.TrimSuffix(c.KubeconfigFile, "kubeconfig") + "apply"
	if err := os.WriteFile(path, []byte(manifests), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.must(c.host.Run("cluster", "apply", c.Name, path))
}

// Settled returns when the cluster has done all there is to do now.
func (c *Cluster) Settled() {
	c.t.Helper()
	c.must(c.host.Run("cluster", "settled", c.Name))
}

// Checkpoint keeps what the cluster is now.
func (c *Cluster) Checkpoint(name string) {
	c.t.Helper()
	c.must(c.host.Run("cluster", "checkpoint", c.Name, name))
}

// Reset puts the cluster back to its start.
func (c *Cluster) Reset() {
	c.t.Helper()
	c.must(c.host.Run("cluster", "reset", c.Name))
}

// ResetTo puts the cluster back to a checkpoint.
func (c *Cluster) ResetTo(checkpoint string) {
	c.t.Helper()
	c.must(c.host.Run("cluster", "reset", c.Name, "--to", checkpoint))
}

// Fault is a rule by which requests, nodes, disks, pulls or containers fail, with how often it has matched
// and was applied.
type Fault struct {
	Metadata struct{ Name string }
	Spec     json.RawMessage
	Status   struct{ Matched, Applied uint64 }
}

// AddFault adds a rule and answers its name. The words are those of `pocketshift fault add`:
// AddFault("--verb=create", "--resource=configmaps", "--status=503", "--times=1").
func (c *Cluster) AddFault(words ...string) string {
	c.t.Helper()
	return strings.TrimSpace(c.Run(append([]string{"fault", "add"}, words...)...))
}

// Faults are the rules.
func (c *Cluster) Faults() []Fault {
	c.t.Helper()
	var list struct{ Items []Fault }
	if err := json.Unmarshal([]byte(c.Run("fault", "list", "--json")), &list); err != nil {
		c.t.Fatal(err)
	}
	return list.Items
}

// RemoveFaults takes away the rules of these names, or all.
func (c *Cluster) RemoveFaults(names ...string) {
	c.t.Helper()
	if len(names) == 0 {
		names = []string{"--all"}
	}
	c.Run(append([]string{"fault", "remove"}, names...)...)
}

// Trail tells what happened, by whom and because of what: since a checkpoint, a resourceVersion or a
// moment; as far back as it is known when since is empty.
func (c *Cluster) Trail(since string) string {
	c.t.Helper()
	if since == "" {
		return c.Run("trail")
	}
	return c.Run("trail", "--since="+since)
}

// Fork is a cluster that begins as this one is now; it is deleted when the test ends.
func (c *Cluster) Fork() *Cluster {
	c.t.Helper()
	name := fmt.Sprintf("%s-%d", c.Name, c.host.number.Add(1))
	fork, err := c.host.found(c.t, []string{"cluster", "fork", c.Name, name, "-o", "json"})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(fork.Delete)
	return fork
}

// Delete ends the cluster.
func (c *Cluster) Delete() {
	_, _ = c.host.Run("cluster", "delete", c.Name)
	os.Remove(c.KubeconfigFile)
}

// Clock is the cluster's clock. A move returns when all work that was due is done.
func (c *Cluster) Clock() Clock { return Clock{c} }

// Clock moves a cluster's time.
type Clock struct{ c *Cluster }

func (k Clock) time(words ...string) time.Time {
	k.c.t.Helper()
	shown, _, _ := strings.Cut(k.c.Run(append([]string{"time"}, words...)...), " ")
	now, err := time.Parse(time.RFC3339Nano, shown)
	if err != nil {
		k.c.t.Fatal(err)
	}
	return now
}

// Now is what the clock shows.
func (k Clock) Now() time.Time { k.c.t.Helper(); return k.time("show") }

// Stop lets it stand still.
func (k Clock) Stop() time.Time { k.c.t.Helper(); return k.time("stop") }

// Run lets it run as the machine's.
func (k Clock) Run() time.Time { k.c.t.Helper(); return k.time("run") }

// Step moves it on.
func (k Clock) Step(by time.Duration) time.Time { k.c.t.Helper(); return k.time("step", by.String()) }

// Next moves it on to when something happens next.
func (k Clock) Next() time.Time { k.c.t.Helper(); return k.time("next") }

// Until moves it on to a moment.
func (k Clock) Until(moment time.Time) time.Time {
	k.c.t.Helper()
	return k.time("until", moment.UTC().Format(time.RFC3339Nano))
}
