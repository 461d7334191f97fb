package io.pocketshift;

import org.junit.jupiter.api.extension.AfterTestExecutionCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/** Gives a test that asks for a {@link Cluster} a fresh one: one server per run, one cluster per test. */
public final class PocketshiftExtension implements ParameterResolver, AfterTestExecutionCallback {
  private static final ExtensionContext.Namespace OWN = ExtensionContext.Namespace.create(PocketshiftExtension.class);

  private record Shared(Host host) implements ExtensionContext.Store.CloseableResource {
    @Override
    public void close() {
      host.close();
    }
  }

  private record One(Cluster cluster) implements ExtensionContext.Store.CloseableResource {
    @Override
    public void close() {
      cluster.close();
    }
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    Class<?> type = parameter.getParameter().getType();
    return type == Cluster.class || type == Host.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    Shared shared = context.getRoot().getStore(OWN)
        .getOrComputeIfAbsent(Shared.class, key -> new Shared(new Host()), Shared.class);
    if (parameter.getParameter().getType() == Host.class) {
      return shared.host();
    }
    return context.getStore(OWN)
        .getOrComputeIfAbsent(One.class, key -> new One(shared.host().create()), One.class).cluster();
  }

  /** What happened in the cluster is told when a test fails. */
  @Override
  public void afterTestExecution(ExtensionContext context) {
    One one = context.getStore(OWN).get(One.class, One.class);
    if (one != null && context.getExecutionException().isPresent()) {
      String trail;
      try {
        trail = one.cluster().trail();
      } catch (PocketshiftException why) {
        trail = "not to be had: " + why.getMessage();
      }
      // Not every runner shows what is only published.
      context.publishReportEntry("pocketshift trail", trail);
      System.err.println("pocketshift trail:\n" + trail);
    }
  }
}
