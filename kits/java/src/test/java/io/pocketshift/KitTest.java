package io.pocketshift;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(PocketshiftExtension.class)
class KitTest {
  private static final String MAP =
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: m, namespace: default}, data: {a: b}}";
  private static final String WEB = """
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web, namespace: default}
      spec:
        replicas: 3
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec: {containers: [{name: c, image: "registry.access.redhat.com/ubi9/nginx-120:1-86"}]}
      """;

  private static KubernetesClient client(Cluster cluster) {
    return new KubernetesClientBuilder().withConfig(Config.fromKubeconfig(cluster.kubeconfig())).build();
  }

  @Test
  void aRolloutIsSettled(Cluster cluster) {
    cluster.apply(WEB);
    cluster.settled();
    try (var client = client(cluster)) {
      var web = client.apps().deployments().inNamespace("default").withName("web").get();
      assertEquals(3, web.getStatus().getReadyReplicas());
    }
  }

  @Test
  void checkpointsForksAndResets(Cluster cluster) {
    cluster.apply(MAP);
    cluster.checkpoint("with-map");
    try (var client = client(cluster)) {
      var map = client.configMaps().inNamespace("default").withName("m");
      try (var fork = cluster.fork(); var other = client(fork)) {
        other.configMaps().inNamespace("default").withName("m").delete();
      }
      assertEquals("b", map.get().getData().get("a"));
      cluster.reset();
      assertEquals(null, map.get());
      cluster.resetTo("with-map");
      assertEquals("b", map.get().getData().get("a"));
    }
  }

  @Test
  void theClock(Host host) {
    try (var cluster = host.create("--time", "2030-01-01T00:00:00Z")) {
      assertEquals(Instant.parse("2030-01-01T00:15:00Z"), cluster.clock().step(Duration.ofMinutes(15)));
    }
  }

  @Test
  void faultsAndWhatHappened(Cluster cluster) {
    String name = cluster.addFault("--verb=get", "--name=m", "--status=503", "--times=1", "--for=10m");
    cluster.apply(MAP);
    cluster.checkpoint("made");
    // What the client tries again it then gets.
    try (var client = client(cluster)) {
      assertEquals("b", client.configMaps().inNamespace("default").withName("m").get().getData().get("a"));
    }
    assertTrue(cluster.faults().get(0).startsWith(name + " matched "), cluster.faults().toString());
    assertTrue(cluster.faults().get(0).contains(" applied 1 "), cluster.faults().toString());
    cluster.removeFaults(name);
    assertTrue(cluster.faults().isEmpty());
    assertTrue(cluster.trail().contains("configmaps default/m created"), cluster.trail());
    assertFalse(cluster.trailSince("made").contains("configmaps default/m created"));
    assertThrows(PocketshiftException.class, () -> cluster.addFault("--status=200"));
  }

  @Test
  @EnabledIfEnvironmentVariable(named = "KIT_FAILS", matches = ".*")
  void thatFails(Cluster cluster) {
    cluster.apply(MAP);
    throw new AssertionError("on purpose");
  }

  @Test
  void clustersAreGoneWhenTheyAreDeleted(Host host) {
    var cluster = host.create();
    assertTrue(host.clusters().contains(cluster.name()));
    cluster.close();
    assertFalse(host.clusters().contains(cluster.name()));
    assertThrows(PocketshiftException.class, cluster::reset);
  }
}
