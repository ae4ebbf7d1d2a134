from kubernetes.stream import portforward

from cluster import NAMESPACE, core, pod, run

run(pod("web", image="nginx:1.22"))
for _ in range(3):
    forwarded = portforward(core.connect_get_namespaced_pod_portforward, "web", NAMESPACE, ports="80")
    socket = forwarded.socket(80)
    socket.setblocking(True)
    socket.sendall(b"GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n")
    answer = b""
    while piece := socket.recv(4096):
        answer += piece
    socket.close()
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert forwarded.error(80) is None, forwarded.error(80)
print("done")
