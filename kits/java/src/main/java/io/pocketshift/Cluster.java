package io.pocketshift;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A cluster of its own: address, registries, certificates, clock. */
public final class Cluster implements AutoCloseable {
  private final Host host;
  private final String name;
  private final String url;
  private final Path kubeconfig;

  Cluster(Host host, String name, String url, Path kubeconfig) {
    this.host = host;
    this.name = name;
    this.url = url;
    this.kubeconfig = kubeconfig;
  }

  /** Its name on the host. */
  public String name() {
    return name;
  }

  /** Where the API listens. */
  public String url() {
    return url;
  }

  /** The administrator's kubeconfig, as fabric8's {@code Config.fromKubeconfig} takes it. */
  public String kubeconfig() {
    try {
      return Files.readString(kubeconfig);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A file that holds it. */
  public Path kubeconfigFile() {
    return kubeconfig;
  }

  /** Runs a command of the program that is about a cluster: {@code run("node", "fail", "worker01")}. */
  public String run(String... words) {
    List<String> all = new ArrayList<>(List.of(words));
    all.addAll(List.of("--cluster", name));
    return host.run(all);
  }

  /** Applies manifests (YAML or JSON) as the administrator. */
  public void apply(String manifests) {
    try {
      Path file = Files.writeString(kubeconfig.resolveSibling(name + ".apply"), manifests);
      host.run(List.of("cluster", "apply", name, file.toString()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns when the cluster has done all there is to do now. */
  public void settled() {
    host.run(List.of("cluster", "settled", name));
  }

  /** Keeps what the cluster is now. */
  public void checkpoint(String checkpoint) {
    host.run(List.of("cluster", "checkpoint", name, checkpoint));
  }

  /** Puts the cluster back to its start. */
  public void reset() {
    host.run(List.of("cluster", "reset", name));
  }

  /** Puts the cluster back to a checkpoint. */
  public void resetTo(String checkpoint) {
    host.run(List.of("cluster", "reset", name, "--to", checkpoint));
  }

  /**
   * Lets requests, nodes, disks, pulls or containers fail by rule; answers the rule's name. The words are those of
   * {@code pocketshift fault add}: {@code addFault("--verb=create", "--resource=configmaps", "--status=503", "--times=1")}.
   */
  public String addFault(String... words) {
    return run(joined(List.of("fault", "add"), words)).strip();
  }

  /** The rules, a line each: its name, how often it has matched and was applied, what it says. */
  public List<String> faults() {
    return run("fault", "list").lines().toList();
  }

  /** Takes away the rules of these names, or all. */
  public void removeFaults(String... names) {
    run(joined(List.of("fault", "remove"), names.length == 0 ? new String[] {"--all"} : names));
  }

  private static String[] joined(List<String> first, String... rest) {
    List<String> all = new ArrayList<>(first);
    all.addAll(List.of(rest));
    return all.toArray(String[]::new);
  }

  /** What happened, by whom and because of what, as far back as it is known. */
  public String trail() {
    return run("trail");
  }

  /** The same since a checkpoint, a resourceVersion or a moment. */
  public String trailSince(String since) {
    return run("trail", "--since=" + since);
  }

  /** A cluster that begins as this one is now. */
  public Cluster fork() {
    return host.fork(this);
  }

  /** Its clock. */
  public Clock clock() {
    return new Clock(this);
  }

  /** Ends the cluster. */
  @Override
  public void close() {
    host.run(List.of("cluster", "delete", name));
  }
}
