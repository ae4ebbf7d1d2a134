import type { Descriptions } from './shared.ts';

/** Ingresses, NetworkPolicies and addresses. */
export const NETWORKING: Descriptions = {
  'networking.v1.HTTPIngressPath': {
    '': 'Where requests for a path go.',
    backend: 'Who gets the requests.',
    path: 'Begins with `/`. Which requests match is up to `pathType`.',
    pathType:
      '`Exact`: this path. `Prefix`: this path and all below it, element by element. `ImplementationSpecific`: as the controller likes.',
  },
  'networking.v1.HTTPIngressRuleValue': {
    '': 'Where requests of one host go, by their paths. The longest path that matches wins.',
    paths: 'The paths.',
  },
  'networking.v1.IPAddress': {
    '': 'An address that somebody has taken, such as the cluster IP of a Service. Its name is the address.',
  },
  'networking.v1.IPAddressSpec': {
    '': 'Whose address it is.',
    parentRef: 'The object that has the address.',
  },
  'networking.v1.IPBlock': {
    '': 'A range of addresses, with holes.',
    cidr: 'The range, such as `192.0.2.0/24` or `2001:db8::/64`.',
    except: 'Parts of the range that are left out.',
  },
  'networking.v1.Ingress': {
    '': 'Leads HTTP requests from outside to Services, by host and path.',
  },
  'networking.v1.IngressBackend': {
    '': 'Who gets requests: a Service or another object.',
    resource: 'An object in the namespace of the Ingress. Not together with `service`.',
    service: 'A Service in the namespace of the Ingress.',
  },
  'networking.v1.IngressClass': {
    '': 'A kind of Ingresses: which controller looks after them, and how.',
  },
  'networking.v1.IngressClassParametersReference': {
    '': 'An object with settings for a controller.',
    kind: 'The kind of the object.',
    namespace: 'The namespace of the object, if its scope is `Namespace`.',
    scope: '`Cluster` or `Namespace`: where the object is.',
  },
  'networking.v1.IngressClassSpec': {
    '': 'Who looks after the Ingresses of a class.',
    controller: 'The name of the controller, such as `example.com/ingress`. Cannot be changed.',
    parameters: "Further settings, in an object of the controller's own kind.",
  },
  'networking.v1.IngressLoadBalancerIngress': {
    '': 'Where an Ingress can be reached.',
    hostname: 'Its name in DNS, if the load balancer has one.',
    ip: 'Its address, if the load balancer has one.',
    ports: 'Its ports.',
  },
  'networking.v1.IngressLoadBalancerStatus': {
    '': 'Where an Ingress can be reached.',
    ingress: 'The addresses.',
  },
  'networking.v1.IngressPortStatus': {
    '': 'How one port of a load balancer is.',
    error: 'What is wrong with it, in one word.',
    port: 'The port.',
    protocol: '`TCP`, `UDP` or `SCTP`.',
  },
  'networking.v1.IngressRule': {
    '': 'Where requests for a host go.',
    host: 'The host, such as `www.example.com`, or `*.example.com` for all names one level below. All hosts if absent.',
    http: 'What becomes of its HTTP requests.',
  },
  'networking.v1.IngressServiceBackend': {
    '': 'A port of a Service.',
    name: 'The Service.',
    port: 'The port.',
  },
  'networking.v1.IngressSpec': {
    '': 'What is wanted of an Ingress.',
    defaultBackend: 'Who gets the requests that no rule matches.',
    ingressClassName: 'Which class it is of, and so which controller looks after it.',
    rules: 'Where requests go, by host and path. What none of them matches goes to `defaultBackend`.',
    tls: 'Certificates for its hosts.',
  },
  'networking.v1.IngressStatus': {
    '': 'What was last observed of an Ingress.',
    loadBalancer: 'Where it can be reached.',
  },
  'networking.v1.IngressTLS': {
    '': 'The certificate of some hosts.',
    hosts: 'The hosts that the certificate is for.',
    secretName: 'The Secret with the certificate and its key, in the namespace of the Ingress.',
  },
  'networking.v1.NetworkPolicy': {
    '': 'Which connections the pods of a namespace may have.',
  },
  'networking.v1.NetworkPolicyEgressRule': {
    '': 'What pods may connect to. Both peers and ports have to match.',
    ports: 'The ports; all if absent.',
    to: 'The peers; all if absent.',
  },
  'networking.v1.NetworkPolicyIngressRule': {
    '': 'Who may connect to pods. Both peers and ports have to match.',
    from: 'The peers; all if absent.',
    ports: 'The ports; all if absent.',
  },
  'networking.v1.NetworkPolicyPeer': {
    '': 'Somebody to talk to: pods, or a range of addresses.',
    ipBlock: 'A range of addresses. Not together with the selectors.',
    namespaceSelector: 'Namespaces by their labels. With `podSelector`: pods in these namespaces; else all of their pods.',
    podSelector: 'Pods by their labels, in the namespace of the policy unless there is a `namespaceSelector`.',
  },
  'networking.v1.NetworkPolicyPort': {
    '': 'A port, or several next to each other.',
    endPort: 'The last port of a range that `port` is the first of.',
    port: 'The port, by its number or by the name that the pod gives it; all if absent.',
    protocol: '`TCP`, `UDP` or `SCTP`. Defaults to `TCP`.',
  },
  'networking.v1.NetworkPolicySpec': {
    '': 'Whom pods may talk to. A pod that no policy selects may talk to everybody.',
    egress: 'What the pods may connect to. If there is no rule, nothing.',
    ingress: 'Who may connect to the pods. If there is no rule, nobody.',
    podSelector: 'The pods in this namespace that it is about; all if it is empty.',
    policyTypes: '`Ingress`, `Egress` or both: the directions that it is about.',
  },
  'networking.v1.ParentReference': {
    '': 'The object that has an address.',
    group: 'The API group of the object.',
    resource: 'The resource of the object, such as `services`.',
  },
  'networking.v1.ServiceBackendPort': {
    '': 'A port of a Service, by its name or number.',
    name: 'The name of the port.',
    number: 'The number of the port.',
  },
  'networking.v1.ServiceCIDR': {
    '': 'A range of addresses that Services get theirs from.',
  },
  'networking.v1.ServiceCIDRSpec': {
    '': 'What is wanted of a range for Services.',
    cidrs: 'The range, or one of each family. Cannot be changed.',
  },
  'networking.v1.ServiceCIDRStatus': {
    '': 'What was last observed of a range for Services.',
  },
};
