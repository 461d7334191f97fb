package io.pocketshift.envtest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fabric8.kubeapitest.junit.EnableKubeAPIServer;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.apiextensions.v1.CustomResourceDefinition;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What a suite does to the server that its launcher started; it knows nothing of which server that is. */
@EnableKubeAPIServer
class SuiteTest {
  private static final ResourceDefinitionContext SITES = new ResourceDefinitionContext.Builder()
      .withGroup("example.com").withVersion("v1").withKind("Site").withPlural("sites").withNamespaced(true).build();
  private static final String DEFINITION = """
      apiVersion: apiextensions.k8s.io/v1
      kind: CustomResourceDefinition
      metadata: {name: sites.example.com}
      spec:
        group: example.com
        scope: Namespaced
        names: {plural: sites, kind: Site}
        versions:
          - name: v1
            served: true
            storage: true
            subresources: {status: {}}
            schema:
              openAPIV3Schema:
                type: object
                properties:
                  spec:
                    type: object
                    properties:
                      text: {type: string, maxLength: 5, default: hello}
                    x-kubernetes-validations: [{rule: "self.text != 'bad'", message: not that}]
                  status: {type: object, properties: {ready: {type: boolean}}}
      """;

  static KubernetesClient client;

  @BeforeAll
  static void define() {
    CustomResourceDefinition definition = Serialization.unmarshal(DEFINITION, CustomResourceDefinition.class);
    client.resource(definition).create();
    client.resource(definition).waitUntilCondition(d -> d != null && d.getStatus() != null
        && d.getStatus().getConditions().stream()
            .anyMatch(c -> c.getType().equals("Established") && c.getStatus().equals("True")), 10, TimeUnit.SECONDS);
  }

  private static GenericKubernetesResource site(String name, Map<String, Object> spec) {
    GenericKubernetesResource site = new GenericKubernetesResource();
    site.setApiVersion("example.com/v1");
    site.setKind("Site");
    site.setMetadata(new io.fabric8.kubernetes.api.model.ObjectMetaBuilder().withName(name).withNamespace("default").build());
    site.setAdditionalProperty("spec", spec);
    return site;
  }

  @Test
  void customResourcesAreKeptAndJudged() {
    var sites = client.genericKubernetesResources(SITES).inNamespace("default");
    GenericKubernetesResource made = sites.resource(site("one", Map.of())).create();
    assertEquals("hello", made.get("spec", "text"));
    made.setAdditionalProperty("status", Map.of("ready", true));
    assertEquals(Boolean.TRUE, sites.resource(made).updateStatus().get("status", "ready"));
    var tooLong = assertThrows(KubernetesClientException.class,
        () -> sites.resource(site("two", Map.of("text", "too long"))).create());
    assertTrue(tooLong.getMessage().contains("Too long: may not be more than 5 bytes"), tooLong.getMessage());
    var bad = assertThrows(KubernetesClientException.class,
        () -> sites.resource(site("two", Map.of("text", "bad"))).create());
    assertTrue(bad.getMessage().contains("spec: Invalid value: not that"), bad.getMessage());
    var applied = sites.resource(site("three", Map.of("text", "x"))).serverSideApply();
    assertEquals("fabric8", applied.getMetadata().getManagedFields().get(0).getManager());
  }

  @Test
  void informersHearOfChanges() throws Exception {
    client.resource(new NamespaceBuilder().withNewMetadata().withName("heard").endMetadata().build()).create();
    var latch = new java.util.concurrent.CountDownLatch(2);
    var maps = client.configMaps().inNamespace("heard");
    try (var informer = maps.runnableInformer(0)) {
      informer.addEventHandler(new io.fabric8.kubernetes.client.informers.ResourceEventHandler<>() {
        @Override
        public void onAdd(io.fabric8.kubernetes.api.model.ConfigMap map) {
          latch.countDown();
        }

        @Override
        public void onUpdate(io.fabric8.kubernetes.api.model.ConfigMap old, io.fabric8.kubernetes.api.model.ConfigMap map) {
        }

        @Override
        public void onDelete(io.fabric8.kubernetes.api.model.ConfigMap map, boolean unknown) {
          latch.countDown();
        }
      });
      informer.run();
      var map = new ConfigMapBuilder().withNewMetadata().withName("m").endMetadata().addToData("a", "b").build();
      maps.resource(map).create();
      maps.withName("m").delete();
      assertTrue(latch.await(20, TimeUnit.SECONDS));
    }
  }

  @Test
  void itIsAnApiServerAlone() {
    assertEquals("36", client.getKubernetesVersion().getMinor());
    client.resource(new NamespaceBuilder().withNewMetadata().withName("left").endMetadata().build()).create();
    client.namespaces().withName("left").delete();
    assertEquals("Terminating", client.namespaces().withName("left").get().getStatus().getPhase());
  }
}
