"""Clusters for tests: one server per run, one cluster per test.

    with pocketshift.Host() as host:
        with host.create() as cluster:
            cluster.apply(manifests)
            cluster.settled()
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading

__all__ = ["Clock", "Cluster", "Host", "PocketshiftError"]


class PocketshiftError(RuntimeError):
    """The program's own words about what it did not do."""


def program():
    """The program: the one POCKETSHIFT names, the one installed beside Python, or the first on the path."""
    named = os.environ.get("POCKETSHIFT")
    if named:
        return named
    name = "pocketshift.exe" if sys.platform == "win32" else "pocketshift"
    folders = [sysconfig.get_path("scripts"), os.path.dirname(sys.executable)]
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    found = shutil.which("pocketshift")
    if not found:
        raise PocketshiftError("there is no pocketshift on the path; set POCKETSHIFT to the program")
    return found


def flags(settings):
    """Settings as flags of the program: True stands alone, lists are repeated."""
    words = []
    for key, value in settings.items():
        flag = "--" + key.strip("_").replace("_", "-")
        for one in value if isinstance(value, (list, tuple)) else [value]:
            words.append(flag if one is True else f"{flag}={one}")
    return words


class Host:
    """A running server with any number of clusters."""

    def __init__(self, *flags):
        self._folder = tempfile.TemporaryDirectory(prefix="pocketshift-")
        self._numbers = itertools.count(1)
        self._program = program()
        self.kubeconfig = os.path.join(self._folder.name, "kubeconfig")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("POCKETSHIFT")}
        environment["POCKETSHIFT_KUBECONFIG"] = self.kubeconfig
        self._environment = environment
        command = [self._program, "serve", "--in-memory", "--instant", "--secure-port", "0",
                   "--registry-port", "0", "--router-http-port", "off", "--router-https-port", "off"]
        self._log = open(os.path.join(self._folder.name, "log"), "w+", encoding="utf-8")
        self._process = subprocess.Popen(
            command + list(flags), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self._log, env=environment, text=True)
        said = ""
        while "-u kubeadmin" not in said:
            line = self._process.stdout.readline()
            if not line:
                self._process.wait()
                self._log.seek(0)
                raise PocketshiftError(f"the server did not start: {said}{self._log.read()}".strip())
            said += line
        # Nobody else reads it, and a full pipe would hold the server up.
        threading.Thread(target=self._process.stdout.read, daemon=True).start()

    def run(self, *words):
        """Runs a command of the program against this server; answers what it prints."""
        done = subprocess.run([self._program, *words], env=self._environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise PocketshiftError(done.stderr.strip().removeprefix("pocketshift: "))
        return done.stdout

    def create(self, name=None, **settings):
        """Creates a cluster. Settings are those of `pocketshift cluster create`: nodes=1,
        time="2030-01-01T00:00:00Z", seed_random=7."""
        name = name or f"test-{next(self._numbers)}"
        made = self.run("cluster", "create", name, "-o", "json", *flags(settings))
        return Cluster(self, json.loads(made))

    def clusters(self):
        """The names of all clusters."""
        return [line.split()[0] for line in self.run("cluster", "list").splitlines()[1:]]

    def stop(self):
        """Stops the server and everything in it."""
        self._process.terminate()
        self._process.wait()
        self._log.close()
        self._folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Cluster:
    """A cluster of its own: address, registries, certificates, clock."""

    def __init__(self, host, made):
        self._host = host
        self.name = made["name"]
        self.url = made["url"]
        self.registry = made["registry"]
        self.kubeadmin_password = made["kubeadminPassword"]
        self.kubeconfig_text = made["kubeconfig"]
        self.kubeconfig = os.path.join(os.path.dirname(host.kubeconfig), self.name + ".kubeconfig")
        with open(self.kubeconfig, "w", encoding="utf-8") as file:
            file.write(self.kubeconfig_text)
        self.clock = Clock(self)

    def run(self, *words):
        """Runs a command of the program that is about a cluster: run("node", "fail", "worker01")."""
        return self._host.run(*words, "--cluster", self.name)

    def apply(self, manifests):
        """Applies manifests (YAML or JSON text, or a list of objects) as the administrator."""
        if not isinstance(manifests, str):
            manifests = json.dumps({"kind": "List", "items": list(manifests)})
        path = os.path.join(os.path.dirname(self.kubeconfig), self.name + ".apply")
        with open(path, "w", encoding="utf-8") as file:
            file.write(manifests)
        self._host.run("cluster", "apply", self.name, path)

    def settled(self):
        """Returns when the cluster has done all there is to do now."""
        self._host.run("cluster", "settled", self.name)

    def checkpoint(self, name):
        """Keeps what the cluster is now."""
        self._host.run("cluster", "checkpoint", self.name, name)

    def reset(self, to=None):
        """Puts the cluster back to a checkpoint, or to its start."""
        self._host.run("cluster", "reset", self.name, *(["--to", to] if to else []))

    def add_fault(self, name=None, **rule):
        """Lets requests, nodes, disks, pulls or containers fail by rule; answers the rule's name. The
        words are those of `pocketshift fault add`: verb="create", resource="configmaps", status=503,
        times=1; what is called as a word of Python has a _ behind it: for_="10m"."""
        return self.run("fault", "add", *([name] if name else []), *flags(rule)).strip()

    def faults(self):
        """The rules, each with how often it has matched and was applied."""
        return json.loads(self.run("fault", "list", "--json"))["items"]

    def remove_faults(self, *names):
        """Takes away the rules of these names, or all."""
        self.run("fault", "remove", *(names or ["--all"]))

    def trail(self, since=None):
        """What happened, by whom and because of what: since a checkpoint, a resourceVersion or a moment,
        or as far back as it is known."""
        return self.run("trail", *([f"--since={since}"] if since else []))

    def fork(self, name=None):
        """A cluster that begins as this one is now."""
        name = name or f"{self.name}-{next(self._host._numbers)}"
        return Cluster(self._host, json.loads(
            self._host.run("cluster", "fork", self.name, name, "-o", "json")))

    def delete(self):
        """Ends the cluster."""
        self._host.run("cluster", "delete", self.name)
        os.unlink(self.kubeconfig)

    def client(self):
        """An ApiClient of the `kubernetes` package for the administrator."""
        from kubernetes import config
        return config.new_client_from_config(config_file=self.kubeconfig)

    def core_v1(self):
        """The core API of the `kubernetes` package."""
        from kubernetes import client
        return client.CoreV1Api(self.client())

    def apps_v1(self):
        """The apps API of the `kubernetes` package."""
        from kubernetes import client
        return client.AppsV1Api(self.client())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.delete()


class Clock:
    """A cluster's clock. A move returns when all work that was due is done."""

    def __init__(self, cluster):
        self._cluster = cluster

    def _time(self, *words):
        return self._cluster.run("time", *words).split(" ")[0]

    def now(self):
        """What it shows."""
        return self._time("show")

    def stop(self):
        """Lets it stand still."""
        return self._time("stop")

    def run(self):
        """Lets it run as the machine's."""
        return self._time("run")

    def rate(self, times):
        """Lets it run so many times as fast."""
        return self._time("rate", str(times))

    def step(self, by):
        """Moves it on: "90s", "15m", "1h30m"."""
        return self._time("step", by)

    def next(self):
        """Moves it on to when something happens next."""
        return self._time("next")

    def until(self, moment):
        """Moves it on to a moment."""
        return self._time("until", moment)
