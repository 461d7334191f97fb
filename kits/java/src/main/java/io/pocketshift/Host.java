package io.pocketshift;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** A running server with any number of clusters. */
public final class Host implements AutoCloseable {
  private final Path folder;
  private final Process process;
  private final AtomicLong number = new AtomicLong();

  /** Starts a server; {@code flags} are added to those of {@code pocketshift serve}. */
  public Host(String... flags) {
    try {
      folder = Files.createTempDirectory("pocketshift-");
      List<String> words = new ArrayList<>(List.of(program(), "serve", "--in-memory", "--instant",
          "--secure-port", "0", "--registry-port", "0", "--router-http-port", "off",
          "--router-https-port", "off"));
      words.addAll(Arrays.asList(flags));
      File log = folder.resolve("log").toFile();
      process = builder(words).redirectError(log).start();
      var out = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
      String line;
      do {
        line = out.readLine();
        if (line == null) {
          throw new PocketshiftException("the server did not start: " + Files.readString(log.toPath()).strip());
        }
      } while (!line.contains("-u kubeadmin"));
      // Nobody else reads it, and a full pipe would hold the server up.
      Thread reader = new Thread(() -> drain(out));
      reader.setDaemon(true);
      reader.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void drain(BufferedReader out) {
    try {
      while (out.readLine() != null) {
        // Nobody wants it.
      }
    } catch (IOException e) {
      // It ends with the server.
    }
  }

  private static String program() {
    String named = System.getenv("POCKETSHIFT");
    return named == null || named.isEmpty() ? "pocketshift" : named;
  }

  private ProcessBuilder builder(List<String> words) {
    ProcessBuilder builder = new ProcessBuilder(words);
    builder.environment().keySet().removeIf(name -> name.startsWith("POCKETSHIFT"));
    builder.environment().put("POCKETSHIFT_KUBECONFIG", folder.resolve("kubeconfig").toString());
    return builder;
  }

  /** Runs a command of the program against this server; answers what that prints. */
  public String run(List<String> words) {
    List<String> all = new ArrayList<>(List.of(program()));
    all.addAll(words);
    try {
      Path errors = Files.createTempFile(folder, "said", "");
      Process command = builder(all).redirectError(errors.toFile()).start();
      command.getOutputStream().close();
      String out = new String(command.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int code = command.waitFor();
      String said = Files.readString(errors).strip();
      Files.delete(errors);
      if (code != 0) {
        throw new PocketshiftException(said.replaceFirst("^pocketshift: ", ""));
      }
      return out;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PocketshiftException("interrupted");
    }
  }

  /** Creates a cluster; flags are those of {@code pocketshift cluster create}. */
  public Cluster create(String... flags) {
    List<String> words = new ArrayList<>(List.of("cluster", "create", "test-" + number.incrementAndGet()));
    words.addAll(Arrays.asList(flags));
    return begun(words);
  }

  Cluster fork(Cluster from) {
    return begun(new ArrayList<>(
        List.of("cluster", "fork", from.name(), from.name() + "-" + number.incrementAndGet())));
  }

  private Cluster begun(List<String> words) {
    String name = words.get(words.get(1).equals("fork") ? 3 : 2);
    Path kubeconfig = folder.resolve(name + ".kubeconfig");
    String said = run(words).strip();
    try {
      // With a token: fabric8's client reads no key on an elliptic curve.
      Files.writeString(kubeconfig, run(List.of("cluster", "kubeconfig", name, "--token")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new Cluster(this, name, said.substring(said.lastIndexOf(' ') + 1), kubeconfig);
  }

  /** The names of all clusters. */
  public List<String> clusters() {
    return run(List.of("cluster", "list")).lines().skip(1).map(line -> line.split(" ")[0]).toList();
  }

  /** Stops the server and everything in it. */
  @Override
  public void close() {
    process.destroy();
    try {
      process.waitFor();
      try (var files = Files.walk(folder)) {
        files.sorted(java.util.Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
