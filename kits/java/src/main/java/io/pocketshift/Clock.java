package io.pocketshift;

import java.time.Duration;
import java.time.Instant;

/** A cluster's clock. A move returns when all work that was due is done; to what it then shows. */
public final class Clock {
  private final Cluster cluster;

  Clock(Cluster cluster) {
    this.cluster = cluster;
  }

  private Instant time(String... words) {
    String[] all = new String[words.length + 1];
    all[0] = "time";
    System.arraycopy(words, 0, all, 1, words.length);
    return Instant.parse(cluster.run(all).split(" ")[0]);
  }

  /** What it shows. */
  public Instant now() {
    return time("show");
  }

  /** Lets it stand still. */
  public Instant stop() {
    return time("stop");
  }

  /** Lets it run as the machine's. */
  public Instant run() {
    return time("run");
  }

  /** Moves it on. */
  public Instant step(Duration by) {
    return time("step", by.toString());
  }

  /** Moves it on to when something happens next. */
  public Instant next() {
    return time("next");
  }

  /** Moves it on to a moment. */
  public Instant until(Instant moment) {
    return time("until", moment.toString());
  }
}
