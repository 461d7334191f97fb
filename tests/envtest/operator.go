// Package operator is a small operator as anybody writes them: a kind, a reconciler that keeps a
// ConfigMap for each object and counts in its status, and webhooks that fill in and refuse.
package operator

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// GroupVersion is where the kind is served.
var GroupVersion = schema.GroupVersion{Group: "test.pocketshift.io", Version: "v1"}

// GadgetSpec is what a user asks for.
type GadgetSpec struct {
	Color string `json:"color,omitempty"`
	Count *int32 `json:"count,omitempty"`
}

// GadgetStatus is what the operator has seen.
type GadgetStatus struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
}

// Gadget is the kind.
type Gadget struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              GadgetSpec   `json:"spec,omitempty"`
	Status            GadgetStatus `json:"status,omitempty"`
}

// DeepCopyObject copies the object.
func (g *Gadget) DeepCopyObject() runtime.Object {
	out := *g
	out.ObjectMeta = *g.ObjectMeta.DeepCopy()
	if g.Spec.Count != nil {
		count := *g.Spec.Count
		out.Spec.Count = &count
	}
	out.Status.Conditions = append([]metav1.Condition(nil), g.Status.Conditions...)
	return &out
}

// GadgetList is a list of the kind.
type GadgetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Gadget `json:"items"`
}

// DeepCopyObject copies the list.
func (l *GadgetList) DeepCopyObject() runtime.Object {
	out := *l
	out.Items = make([]Gadget, len(l.Items))
	for i := range l.Items {
		out.Items[i] = *l.Items[i].DeepCopyObject().(*Gadget)
	}
	return &out
}

// AddToScheme makes the kind known.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &Gadget{}, &GadgetList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}

// Reconciler keeps a ConfigMap for every Gadget.
type Reconciler struct {
	client.Client
}

// Reconcile looks at one Gadget.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var gadget Gadget
	if err := r.Get(ctx, req.NamespacedName, &gadget); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: gadget.Namespace, Name: gadget.Name}}
	_, err := controllerutil.CreateOrUpdate(ctx, r.Client, config, func() error {
		count := int32(0)
		if gadget.Spec.Count != nil {
			count = *gadget.Spec.Count
		}
		config.Data = map[string]string{"color": gadget.Spec.Color, "count": fmt.Sprint(count)}
		return controllerutil.SetControllerReference(&gadget, config, r.Scheme())
	})
	if err != nil {
		return ctrl.Result{}, err
	}
	gadget.Status.ObservedGeneration = gadget.Generation
	meta.SetStatusCondition(&gadget.Status.Conditions, metav1.Condition{
		Type: "Ready", Status: metav1.ConditionTrue, Reason: "Configured", ObservedGeneration: gadget.Generation,
	})
	err = r.Status().Update(ctx, &gadget)
	if apierrors.IsConflict(err) {
		return ctrl.Result{Requeue: true}, nil
	}
	return ctrl.Result{}, err
}

// SetupWithManager says what wakes the reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).For(&Gadget{}).Owns(&corev1.ConfigMap{}).Complete(r)
}

// Default fills in what was left out.
type Default struct{}

// Default gives a Gadget its colour.
func (Default) Default(_ context.Context, g *Gadget) error {
	if g.Spec.Color == "" {
		g.Spec.Color = "grey"
	}
	return nil
}

// Judge refuses what cannot be.
type Judge struct{}

// ValidateCreate refuses invisible Gadgets.
func (Judge) ValidateCreate(_ context.Context, g *Gadget) (admission.Warnings, error) {
	if g.Spec.Color == "invisible" {
		return nil, fmt.Errorf("nobody would find it")
	}
	if g.Spec.Color == "mauve" {
		return admission.Warnings{"mauve is out of fashion"}, nil
	}
	return nil, nil
}

// ValidateUpdate is the same.
func (j Judge) ValidateUpdate(ctx context.Context, _, g *Gadget) (admission.Warnings, error) {
	return j.ValidateCreate(ctx, g)
}

// ValidateDelete refuses nothing.
func (Judge) ValidateDelete(context.Context, *Gadget) (admission.Warnings, error) { return nil, nil }
