from kubernetes import watch

from cluster import NAMESPACE, core, pod, run

run(pod("talker"))
assert core.read_namespaced_pod_log("talker", NAMESPACE) == "one\ntwo\nthree\n"
assert core.read_namespaced_pod_log("talker", NAMESPACE, tail_lines=1, timestamps=True).endswith("Z three\n")
lines = []
following = watch.Watch()
for line in following.stream(core.read_namespaced_pod_log, "talker", NAMESPACE):
    lines.append(line)
    if line == "three":
        following.stop()
assert lines == ["one", "two", "three"], lines
print("done")
