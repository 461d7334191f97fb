package io.pocketshift;

/** The program's own words about what it did not do. */
public final class PocketshiftException extends RuntimeException {
  private static final long serialVersionUID = 1;

  PocketshiftException(String message) {
    super(message);
  }
}
