# SPDX-License-Identifier: Apache-2.0
"""conf/kubernetes: what Kubernetes' own schemas and its standard for pods say of it, and its containers run as a kubelet would, with
LocalStack itself in them."""

import base64
import copy
import itertools
import os
import re
import time

import kubernetes_validate
import pytest
import yaml
from packaging.requirements import Requirement

from conftest import REPOSITORY, Workshop
from pods import IMAGE_COMMAND, Node, end, hook_wheel, rest, switched_on
from servers import Nginx

FOLDER = REPOSITORY / "conf/kubernetes"
DEPLOYMENTS = ["deployment", "deployment-init"]
FILES = sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != "kustomization")
START_S = 60  # that LocalStack itself may take to start, on a busy machine
SHUTDOWN_S = 5  # LocalStack's SHUTDOWN_TIMEOUT
INDEX, USER, PASSWORD = "https://index.example/simple/", "user", "s3cret"
HEALTH = "/_localstack/health"


def read(name, on=False):
    text = (FOLDER / f"{name}.yaml").read_text()
    return yaml.safe_load(switched_on(text) if on else text)


def pod_of(name):
    return read(name)["spec"]["template"]["spec"]


def all_containers(pod):
    return [*pod.get("initContainers", []), *pod["containers"]]


def settings():
    return yaml.safe_load(read("configmap")["data"]["extensions.yaml"])


# ---- as it stands there

@pytest.mark.parametrize("version", ["1.27", kubernetes_validate.latest_version()])
@pytest.mark.parametrize("on", [False, True], ids=["as it is", "all switched on"])
@pytest.mark.parametrize("name", FILES)
def test_a_manifest_satisfies_kubernetes_schema(name, on, version):
    kubernetes_validate.validate(read(name, on), version, strict=True)


def test_the_schemas_are_strict():
    wrong = read("deployment")
    wrong["spec"]["template"]["spec"]["enableServiceLink"] = False
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def test_kustomize_takes_each_file_once_and_one_deployment():
    kustomization = read("kustomization")
    assert kustomization["resources"] == [r for r in read("kustomization", on=True)["resources"] if (FOLDER / r).exists()]
    assert sorted(kustomization["resources"]) == sorted(f"{name}.yaml" for name in FILES if name != "deployment-init")
    [image] = read("kustomization", on=True)["images"]
    assert {c["image"] for d in DEPLOYMENTS for c in all_containers(pod_of(d))} == {image["name"]} == {"localstack-with-extensions"}


def test_names_lead_to_what_is_there():
    have = {(o["kind"], o["metadata"]["name"]): o for o in map(read, FILES)}
    [service] = [o for o in have.values() if o["kind"] == "Service"]
    secret = read("secret", on=True)["stringData"]
    for name in DEPLOYMENTS:
        spec = read(name)["spec"]
        labels = spec["template"]["metadata"]["labels"]
        for selector in (spec["selector"]["matchLabels"], service["spec"]["selector"]):
            assert selector.items() <= labels.items()
        pod = spec["template"]["spec"]
        for volume in pod["volumes"]:
            for kind, key, field in (("ConfigMap", "configMap", "name"), ("Secret", "secret", "secretName"),
                                     ("PersistentVolumeClaim", "persistentVolumeClaim", "claimName")):
                assert key not in volume or (kind, volume[key][field]) in have
            assert {item["key"] for item in volume.get("secret", {}).get("items", [])} <= secret.keys()
        mounted = {m["name"] for c in all_containers(pod) for m in c["volumeMounts"]}
        assert mounted == {v["name"] for v in pod["volumes"]}
        assert not [m for c in all_containers(pod) for m in c["volumeMounts"] if "subPath" in m]  # it would not follow the ConfigMap
        ports = {p["name"]: p["containerPort"] for c in pod["containers"] for p in c["ports"]}
        assert service["spec"]["ports"][0]["targetPort"] in ports
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert pod["containers"][0][probe]["httpGet"] == {"path": HEALTH, "port": "gateway"}
        for variable in (e for c in all_containers(pod) for e in c["env"] if "valueFrom" in e):
            ref = variable["valueFrom"]["secretKeyRef"]
            assert ("Secret", ref["name"]) in have and ref["key"] in secret and ref["optional"]


def test_the_two_deployments_differ_in_the_init_container_alone():
    one, two = map(read, DEPLOYMENTS)
    [init] = two["spec"]["template"]["spec"].pop("initContainers")
    [main], [after] = (d["spec"]["template"]["spec"].pop("containers") for d in (one, two))
    assert one == two
    assert init["image"] == after["image"] and init["securityContext"] == after["securityContext"] == main["securityContext"]
    assert init["volumeMounts"] == main["volumeMounts"]
    env = {c["name"]: {e["name"]: e.get("value") for e in c["env"]} for c in (init, after)}
    assert env["localstack"]["EXTENSION_SYNC"] == "never" and not env["extensions"].items() & env["localstack"].items()
    assert {m["name"] for m in after["volumeMounts"]}.isdisjoint({"credentials", "cache"})
    for container in (main, after):
        for key in ("env", "volumeMounts", "startupProbe"):
            del container[key]
    assert main == after


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_there_is_time_to_install_to_start_and_to_end(name):
    spec = read(name)["spec"]
    pod = spec["template"]["spec"]
    [main] = pod["containers"]
    sync = settings().get("timeout", 300) if name == "deployment" else 0
    assert main["startupProbe"]["periodSeconds"] * main["startupProbe"]["failureThreshold"] >= sync + START_S
    assert pod["terminationGracePeriodSeconds"] > SHUTDOWN_S
    assert spec["strategy"] == {"type": "Recreate"} and spec["replicas"] == 1
    # Kubernetes' variables for the Service "localstack" would be settings.
    assert pod["enableServiceLinks"] is False and pod["automountServiceAccountToken"] is False
    for container in all_containers(pod):
        assert container["imagePullPolicy"] == "IfNotPresent"  # an image without a tag would be looked for at each start


# ---- the Pod Security Standard "restricted", in words of our own

def violations(pod):
    """What of a pod's specification the standard forbids."""
    found = []
    own = pod.get("securityContext", {})

    def demand(holds, what):
        if not holds:
            found.append(what)

    for key in ("hostNetwork", "hostPID", "hostIPC"):
        demand(not pod.get(key), key)
    for volume in pod.get("volumes", []):
        kinds = set(volume) - {"name"}
        demand(kinds <= {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"},
               f"volume {volume['name']}")
    demand({s["name"] for s in own.get("sysctls", [])} <= {"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range"}, "sysctls")
    containers = [*pod.get("initContainers", []), *pod["containers"], *pod.get("ephemeralContainers", [])]
    for container in containers:
        mine = {**own, **container.get("securityContext", {})}
        name = container["name"]
        demand(not mine.get("privileged"), f"{name}: privileged")
        demand(mine.get("allowPrivilegeEscalation") is False, f"{name}: allowPrivilegeEscalation")
        demand(mine.get("runAsNonRoot") is True, f"{name}: runAsNonRoot")
        demand(mine.get("runAsUser", 1) != 0, f"{name}: runAsUser")
        demand(mine.get("seccompProfile", {}).get("type") in ("RuntimeDefault", "Localhost"), f"{name}: seccompProfile")
        demand(mine.get("appArmorProfile", {}).get("type", "RuntimeDefault") in ("RuntimeDefault", "Localhost"), f"{name}: appArmorProfile")
        demand(mine.get("procMount", "Default") == "Default", f"{name}: procMount")
        demand("ALL" in mine.get("capabilities", {}).get("drop", []), f"{name}: drop")
        demand(set(mine.get("capabilities", {}).get("add", [])) <= {"NET_BIND_SERVICE"}, f"{name}: add")
        selinux = mine.get("seLinuxOptions", {})
        demand(selinux.get("type", "") in ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
               and not selinux.get("user") and not selinux.get("role"), f"{name}: seLinuxOptions")
        demand(not mine.get("windowsOptions", {}).get("hostProcess"), f"{name}: hostProcess")
        demand(not [p for p in container.get("ports", []) if p.get("hostPort")], f"{name}: hostPort")
        handlers = [container.get(p, {}) for p in ("startupProbe", "readinessProbe", "livenessProbe")]
        handlers += container.get("lifecycle", {}).values()
        demand(not [h for h in handlers for action in ("httpGet", "tcpSocket") if h.get(action, {}).get("host")], f"{name}: host")
    return found


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_the_pod_is_restricted(name):
    pod = pod_of(name)
    assert violations(pod) == []
    # And beyond the standard:
    for container in all_containers(pod):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["resources"]["limits"]["memory"] and container["resources"]["requests"].keys() == {"cpu", "memory"}


@pytest.mark.parametrize("where, key, value, said", [
    ("pod", "hostNetwork", True, "hostNetwork"),
    ("pod", "volumes", [{"name": "v", "hostPath": {"path": "/"}}], "volume v"),
    ("pod", "securityContext", {"runAsNonRoot": True}, "localstack: seccompProfile"),
    ("container", "privileged", True, "localstack: privileged"),
    ("container", "allowPrivilegeEscalation", True, "localstack: allowPrivilegeEscalation"),
    ("container", "runAsNonRoot", False, "localstack: runAsNonRoot"),
    ("container", "runAsUser", 0, "localstack: runAsUser"),
    ("container", "capabilities", {"drop": ["NET_RAW"]}, "localstack: drop"),
    ("container", "capabilities", {"drop": ["ALL"], "add": ["SYS_ADMIN"]}, "localstack: add"),
])
def test_the_standard_is_seen_to_be_broken(where, key, value, said):
    pod = copy.deepcopy(pod_of("deployment"))
    (pod if where == "pod" else pod["containers"][0]["securityContext"])[key] = value
    assert violations(pod) == [said]


# ---- its containers

class Cluster:
    """What a kubelet does with the manifests, on one node. Each line that is switched off is on, and the index is one of the test's."""

    def __init__(self, node, index):
        self.node, self.index, self.count = node, index, itertools.count()
        self.server = node.serve(lambda: Nginx(index, node.folder / "nginx", password=PASSWORD))
        self.objects = {}
        for name in ("configmap", "secret"):
            text = switched_on((FOLDER / f"{name}.yaml").read_text())
            for old, new in ((INDEX, self.server.url), ("machine index.example", "machine 127.0.0.1"), ("USER", USER), ("TOKEN", PASSWORD)):
                text = text.replace(old, new)
            self.apply(yaml.safe_load(text))
        self.claims = {}

    def apply(self, thing):
        data = dict(thing.get("data", {}))
        if thing["kind"] == "Secret":
            data = {k: base64.b64decode(v).decode() for k, v in data.items()} | thing.get("stringData", {})
        self.objects[thing["kind"], thing["metadata"]["name"]] = data

    def requirements(self):
        return [Requirement(line) for line in self.objects["ConfigMap", "localstack-extensions"]["extensions.txt"].splitlines()
                if line and not line.startswith("#")]

    def folder(self, group, mode):
        made = self.node.folder / f"volume-{next(self.count)}"
        made.mkdir()
        os.chown(made, 0, group)
        made.chmod(mode)
        return made

    def claim(self, name, group):
        if name not in self.claims:
            self.claims[name] = self.folder(group, 0o2775)
        return self.claims[name]

    def pod(self, name):
        return Pod(self, pod_of(name))


class Pod:
    def __init__(self, cluster, spec):
        self.cluster, self.spec, self.group = cluster, spec, spec["securityContext"]["fsGroup"]
        self.volumes = {volume["name"]: self.make(volume) for volume in spec["volumes"]}

    def make(self, volume):
        if "emptyDir" in volume:
            return self.cluster.folder(self.group, 0o2777)
        if "persistentVolumeClaim" in volume:
            return self.cluster.claim(volume["persistentVolumeClaim"]["claimName"], self.group)
        made = self.cluster.folder(self.group, 0o3777)
        self.project(made, volume)
        return made

    def project(self, folder, volume):
        """A ConfigMap's or Secret's files, in its way: links to links, so that all of them change at once."""
        source = volume.get("configMap") or volume["secret"]
        kind, name = ("ConfigMap", "name") if "configMap" in volume else ("Secret", "secretName")
        data = self.cluster.objects.get((kind, source[name]))
        assert data is not None or source.get("optional"), source
        data = data or {}
        items = {item["key"]: item["path"] for item in source.get("items", [])} or {key: key for key in data}
        stamp = f"..2026_01_01_00_00_{next(self.cluster.count)}"
        (folder / stamp).mkdir()
        for key, path in items.items():
            assert key in data or source.get("optional"), key
            if key in data:
                file = folder / stamp / path
                file.write_text(data[key])
                file.chmod(source.get("defaultMode", 0o644))
                os.chown(file, 0, self.group)
                if not (folder / path).is_symlink():
                    (folder / path).symlink_to(f"..data/{path}")
        (folder / "..data_tmp").symlink_to(stamp)
        (folder / "..data_tmp").replace(folder / "..data")

    def update(self):
        """As the kubelet does some time after a change."""
        for volume in self.spec["volumes"]:
            if "configMap" in volume or "secret" in volume:
                self.project(self.volumes[volume["name"]], volume)

    def environment(self, container):
        env = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443", "KUBERNETES_PORT": "tcp://10.96.0.1:443"}
        for variable in container["env"]:
            if "value" in variable:
                env[variable["name"]] = variable["value"]
                continue
            ref = variable["valueFrom"]["secretKeyRef"]
            value = self.cluster.objects.get(("Secret", ref["name"]), {}).get(ref["key"])
            assert value is not None or ref["optional"]
            if value is not None:
                env[variable["name"]] = value
        return env

    def run(self, container):
        how = {**self.spec["securityContext"], **container["securityContext"]}
        mounts = [(self.volumes[m["name"]], m["mountPath"], m.get("readOnly", False)) for m in container["volumeMounts"]]
        return self.cluster.node.run(
            container.get("command", IMAGE_COMMAND) + container.get("args", []), self.environment(container), uid=how["runAsUser"],
            gid=how["runAsGroup"], groups=[how["fsGroup"]], no_new_privileges=not how["allowPrivilegeEscalation"],
            read_only=how["readOnlyRootFilesystem"], mounts=mounts)

    def begin(self):
        [container] = self.spec["initContainers"]
        return self.run(container)

    def init(self):
        return rest(self.begin())

    def start(self):
        [container] = self.spec["containers"]
        running = self.run(container)
        running.next(r"^Ready\.$")
        return running

    def end(self, running):
        before = time.monotonic()
        assert end(running) == 0
        assert time.monotonic() - before < self.spec["terminationGracePeriodSeconds"]

    def probe(self):
        """What its probes get."""
        [container] = self.spec["containers"]
        port = {p["name"]: p["containerPort"] for p in container["ports"]}
        for probe in (container[p] for p in ("startupProbe", "readinessProbe", "livenessProbe")):
            get = probe["httpGet"]
            headers = {"Host": f"10.244.0.7:{port[get['port']]}", "User-Agent": "kube-probe/1.34", "Accept": "*/*"}
            status, body = self.cluster.node.get(get["path"], port[get["port"]], headers)
            assert status == 200 and b'"services"' in body


@pytest.fixture
def cluster(tmp_path, container_image):
    node = Node(tmp_path / "node", container_image)
    workshop = Workshop(tmp_path / "workshop")
    try:
        made = Cluster(node, workshop.index)
        for requirement in made.requirements():
            workshop.index.add(hook_wheel(workshop.folder / "new", requirement.name))
        yield made
    finally:
        node.close()


def loaded(running, cluster):
    return all(f"{r.name} is loaded" in running.said for r in cluster.requirements())


def ours(running):
    """What our programs have said."""
    return [line for line in running.said if re.match("localstack-(entrypoint|extensions): ", line)]


def fetched(cluster):
    return re.findall(r"GET /files/(\S+\.whl) ", cluster.server.access_log.read_text())


@pytest.mark.once
def test_localstack_in_the_deployment(cluster):
    assert len(cluster.requirements()) > 1
    pod = cluster.pod("deployment")
    running = pod.start()
    assert loaded(running, cluster), running.said
    assert not [line for line in ours(running) if re.search("warning|error", line)], running.said
    pod.probe()
    pod.end(running)
    assert len(fetched(cluster)) == len(cluster.requirements())
    # Its container is started again: there is nothing to do. A pod in its place: all is in the cache.
    before = len(cluster.server.requests())
    running = pod.start()
    assert loaded(running, cluster) and ours(running) == [], running.said
    pod.end(running)
    assert len(cluster.server.requests()) == before
    other = cluster.pod("deployment")
    running = other.start()
    assert loaded(running, cluster)
    other.end(running)
    assert len(fetched(cluster)) == len(cluster.requirements())


@pytest.mark.once
def test_a_change_of_the_config_map(cluster):
    pod = cluster.pod("deployment")
    pod.end(pod.start())
    settings = cluster.objects["ConfigMap", "localstack-extensions"]
    gone, *kept = cluster.requirements()
    settings["extensions.txt"] = "".join(f"{r}\n" for r in kept)
    pod.update()
    running = pod.start()
    assert [line for line in ours(running) if f" removed {gone.name} " in line], running.said
    assert loaded(running, cluster) and f"{gone.name} is loaded" not in running.said
    pod.end(running)


@pytest.mark.once
def test_without_a_secret(cluster):
    """The index then lets nobody in: everything is set aside, and LocalStack starts."""
    del cluster.objects["Secret", "localstack-extensions"]
    pod = cluster.pod("deployment")
    running = pod.start()
    assert [line for line in running.said if "is set aside" in line and "401" in line], running.said
    pod.probe()
    pod.end(running)


def test_localstack_behind_the_init_container(cluster):
    pod = cluster.pod("deployment-init")
    status, said = pod.init()
    assert status == 0 and "installed " in said, said
    before = len(cluster.server.requests())
    running = pod.start()
    assert loaded(running, cluster) and ours(running) == [], running.said
    pod.probe()
    pod.end(running)
    assert len(cluster.server.requests()) == before
    # With other settings its container alone stays as it is, and asks nobody; once the init container has run again, it has them.
    gone, *kept = everything = cluster.requirements()
    cluster.objects["ConfigMap", "localstack-extensions"]["extensions.txt"] = "".join(f"{r}\n" for r in kept)
    pod.update()
    running = pod.start()
    assert all(f"{r.name} is loaded" in running.said for r in everything) and ours(running) == [], running.said
    pod.end(running)
    assert len(cluster.server.requests()) == before
    status, said = pod.init()
    assert status == 0 and f"removed {gone.name} " in said, said
    running = pod.start()
    assert loaded(running, cluster) and f"{gone.name} is loaded" not in running.said, running.said
    pod.end(running)


def test_the_init_container_fails_for_what_cannot_be_installed(cluster):
    data = cluster.objects["ConfigMap", "localstack-extensions"]
    data["extensions.txt"] += "no-such-extension\n"
    data["extensions.yaml"] += "  retries: 0\n"  # the last group is index, and there is no other
    status, said = cluster.pod("deployment-init").init()
    assert status == 1 and "no-such-extension" in said and "is set aside" in said, said


def test_pods_that_start_at_once_share_the_cache(cluster):
    ends = [rest(running) for running in [cluster.pod("deployment-init").begin() for _ in range(4)]]
    assert [status for status, said in ends if "installed " in said] == [0] * 4, ends
    assert len(fetched(cluster)) == len(cluster.requirements())


def test_a_cache_that_the_storage_does_not_let_be_written(cluster):
    """NFS, for one, leaves owners as they are, whatever fsGroup says."""
    cache = cluster.claim("localstack-extensions-cache", 0)
    cache.chmod(0o755)
    status, said = cluster.pod("deployment-init").init()
    assert status == 0 and "installed " in said and "warning" in said and "/var/cache/localstack-extensions" in said, said


@pytest.mark.once
def test_a_user_whom_nobody_knows(cluster):
    """As OpenShift runs it: a user of the project's own, in the group 0, without a home folder."""
    spec = pod_of("deployment")
    spec["securityContext"].update(runAsUser=1000730000, runAsGroup=0, fsGroup=1000730000)
    pod = Pod(cluster, spec)
    running = pod.start()
    assert loaded(running, cluster), running.said
    assert not [line for line in ours(running) if re.search("warning|error", line)], running.said
    pod.end(running)


def give_to_group(folder, group):
    """What a kubelet does to a claim for fsGroup: all of it at each start, with fsGroupChangePolicy: Always."""
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            os.chown(path, -1, group)
            path.chmod(path.stat().st_mode & 0o7777 | (0o2770 if path.is_dir() else 0o660))


def test_volumes_that_are_given_to_the_group_at_each_start(cluster):
    """The cache serves as before, and a pod's own volume, where it lasts, is an unchanged one."""
    pod = cluster.pod("deployment-init")
    status, said = pod.init()
    assert status == 0 and len(fetched(cluster)) == len(cluster.requirements()), said
    for volume in ("cache", "localstack"):
        give_to_group(pod.volumes[volume], pod.group)
    status, said = cluster.pod("deployment-init").init()
    assert status == 0 and "installed " in said and "warning" not in said, said
    assert len(fetched(cluster)) == len(cluster.requirements())
    before = len(cluster.server.requests())
    [container] = pod.spec["initContainers"]
    status, said = rest(pod.run({**container, "command": ["localstack-entrypoint", "localstack-extensions", "check"]}))
    assert status == 0 and said.startswith("nothing is wrong with"), said
    assert len(cluster.server.requests()) == before
