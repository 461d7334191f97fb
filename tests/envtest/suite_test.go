package operator

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

var (
	config *rest.Config
	users  func(name string, groups ...string) (*rest.Config, error)
	kube   client.Client
)

// TestMain is what every suite of a kubebuilder project does before and after its tests.
func TestMain(m *testing.M) {
	ctrl.SetLogger(zap.New(zap.WriteTo(os.Stderr)))
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	env := &envtest.Environment{
		CRDDirectoryPaths:     []string{"crd.yaml"},
		ErrorIfCRDPathMissing: true,
		WebhookInstallOptions: envtest.WebhookInstallOptions{Paths: []string{"webhooks.yaml"}},
	}
	began := time.Now()
	var err error
	if config, err = env.Start(); err != nil {
		return 1, err
	}
	fmt.Printf("started after %v\n", time.Since(began).Round(time.Millisecond))
	users = func(name string, groups ...string) (*rest.Config, error) {
		user, err := env.AddUser(envtest.User{Name: name, Groups: groups}, nil)
		if err != nil {
			return nil, err
		}
		return user.Config(), nil
	}
	if err := AddToScheme(scheme.Scheme); err != nil {
		return 1, err
	}
	hooks := env.WebhookInstallOptions
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:  scheme.Scheme,
		Metrics: metricsserver.Options{BindAddress: "0"},
		WebhookServer: webhook.NewServer(webhook.Options{
			Host: hooks.LocalServingHost, Port: hooks.LocalServingPort, CertDir: hooks.LocalServingCertDir,
		}),
	})
	if err != nil {
		return 1, err
	}
	if err := (&Reconciler{mgr.GetClient()}).SetupWithManager(mgr); err != nil {
		return 1, err
	}
	if err := ctrl.NewWebhookManagedBy(mgr, &Gadget{}).WithDefaulter(Default{}).WithValidator(Judge{}).Complete(); err != nil {
		return 1, err
	}
	if kube, err = client.New(config, client.Options{Scheme: scheme.Scheme}); err != nil {
		return 1, err
	}
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	at := fmt.Sprintf("%s:%d", hooks.LocalServingHost, hooks.LocalServingPort)
	err = eventually(func() error {
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: time.Second}, "tcp", at, &tls.Config{InsecureSkipVerify: true})
		if err == nil {
			err = conn.Close()
		}
		return err
	})
	if err != nil {
		return 1, err
	}
	code := m.Run()
	cancel()
	if err := <-done; err != nil {
		return 1, err
	}
	began = time.Now()
	err = env.Stop()
	fmt.Printf("stopped after %v\n", time.Since(began).Round(time.Millisecond))
	return code, err
}

// eventually asks until there is no error, for at most half a minute.
func eventually(look func() error) error {
	var last error
	err := wait.PollUntilContextTimeout(context.Background(), 50*time.Millisecond, 30*time.Second, true,
		func(context.Context) (bool, error) { last = look(); return last == nil, nil })
	if err != nil {
		return fmt.Errorf("%w; last: %v", err, last)
	}
	return nil
}

func gadget(name, color string, count int32) *Gadget {
	return &Gadget{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Spec:       GadgetSpec{Color: color, Count: &count},
	}
}

func TestReconciler(t *testing.T) {
	ctx := context.Background()
	one := gadget("one", "", 3)
	if err := kube.Create(ctx, one); err != nil {
		t.Fatal(err)
	}
	if one.Spec.Color != "grey" {
		t.Fatalf("the webhook was not asked: %+v", one.Spec)
	}
	key := client.ObjectKeyFromObject(one)
	settled := func(generation int64, count string) error {
		var config corev1.ConfigMap
		if err := kube.Get(ctx, key, &config); err != nil {
			return err
		}
		if err := kube.Get(ctx, key, one); err != nil {
			return err
		}
		ready := meta.IsStatusConditionTrue(one.Status.Conditions, "Ready")
		if config.Data["count"] != count || !ready || one.Status.ObservedGeneration != generation {
			return fmt.Errorf("%v %+v", config.Data, one.Status)
		}
		if owner := metav1.GetControllerOf(&config); owner == nil || owner.UID != one.UID {
			return fmt.Errorf("owned by %v", owner)
		}
		return nil
	}
	if err := eventually(func() error { return settled(1, "3") }); err != nil {
		t.Fatal(err)
	}
	patch := client.MergeFrom(one.DeepCopyObject().(*Gadget))
	*one.Spec.Count = 5
	if err := kube.Patch(ctx, one, patch); err != nil {
		t.Fatal(err)
	}
	if err := eventually(func() error { return settled(2, "5") }); err != nil {
		t.Fatal(err)
	}
}

func TestRefusals(t *testing.T) {
	ctx := context.Background()
	err := kube.Create(ctx, gadget("hidden", "invisible", 1))
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "nobody would find it") {
		t.Fatalf("the webhook: %v", err)
	}
	if err := kube.Create(ctx, gadget("many", "red", 10)); !apierrors.IsInvalid(err) {
		t.Fatalf("the schema: %v", err)
	}
	joe, err := users("joe", "qa")
	if err != nil {
		t.Fatal(err)
	}
	his, err := client.New(joe, client.Options{Scheme: scheme.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	if err := his.Create(ctx, gadget("his", "red", 1)); !apierrors.IsForbidden(err) {
		t.Fatalf("his rights: %v", err)
	}
}

// TestProtobuf reads what the typed and the metadata clients read, which ask for protobuf.
func TestProtobuf(t *testing.T) {
	ctx := context.Background()
	proto := rest.CopyConfig(config)
	proto.ContentType = "application/vnd.kubernetes.protobuf"
	proto.AcceptContentTypes = "application/vnd.kubernetes.protobuf"
	typed := kubernetes.NewForConfigOrDie(proto)
	pods := typed.CoreV1().Pods("default")
	watcher, err := pods.Watch(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Stop()
	zero := int64(0)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "p", Labels: map[string]string{"a": "b"}},
		Spec: corev1.PodSpec{
			TerminationGracePeriodSeconds: &zero,
			Containers:                    []corev1.Container{{Name: "c", Image: "i"}},
			Volumes: []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{
				ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "m"}}}}},
		},
	}
	made, err := pods.Create(ctx, pod, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if made.Spec.Volumes[0].ConfigMap.Name != "m" || made.UID == "" || made.CreationTimestamp.IsZero() {
		t.Fatalf("%+v", made)
	}
	list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: "a=b"})
	if err != nil || len(list.Items) != 1 || list.Items[0].Name != "p" || list.ResourceVersion == "" {
		t.Fatalf("%v %+v", err, list)
	}
	if event := <-watcher.ResultChan(); event.Type != watch.Added || event.Object.(*corev1.Pod).Name != "p" {
		t.Fatalf("%+v", event)
	}
	if _, err := pods.Get(ctx, "none", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	gadgets := GroupVersion.WithResource("gadgets")
	if _, err := metadata.NewForConfigOrDie(config).Resource(gadgets).List(ctx, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	if groups, err := typed.Discovery().ServerGroups(); err != nil || len(groups.Groups) == 0 {
		t.Fatal(err)
	}
}
