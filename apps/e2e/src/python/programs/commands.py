from kubernetes.stream import stream

from cluster import NAMESPACE, core, pod, run

run(pod("box", command=["sleep", "1000"]))
streams = {"stderr": True, "stdin": False, "stdout": True, "tty": False}
said = stream(core.connect_get_namespaced_pod_exec, "box", NAMESPACE, command=["echo", "hello"], **streams)
assert said == "hello\n", said

ran = stream(
    core.connect_get_namespaced_pod_exec, "box", NAMESPACE, command=["sh", "-c", "exit 3"], _preload_content=False, **streams
)
ran.run_forever(timeout=60)
assert ran.returncode == 3, ran.returncode

shell = stream(
    core.connect_get_namespaced_pod_exec, "box", NAMESPACE, command=["sh"], _preload_content=False,
    stderr=True, stdin=True, stdout=True, tty=True,
)
shell.write_stdin("echo from the shell\n")
answer = ""
while answer.count("from the shell") < 2:
    assert shell.is_open(), answer
    answer += shell.read_stdout(timeout=60)
shell.write_stdin("exit\n")
shell.run_forever(timeout=60)
print("done")
