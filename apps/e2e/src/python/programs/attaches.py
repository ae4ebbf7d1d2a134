from kubernetes.stream import stream

from cluster import NAMESPACE, core, pod, run

run(pod("reader", command=["cat"], stdin=True, stdin_once=True))
joined = stream(
    core.connect_get_namespaced_pod_attach, "reader", NAMESPACE, _preload_content=False,
    stderr=True, stdin=True, stdout=True, tty=False,
)
joined.write_stdin("hello\n")
answer = ""
while "hello\n" not in answer:
    assert joined.is_open(), answer
    answer += joined.read_stdout(timeout=60)
joined.close()
print("done")
