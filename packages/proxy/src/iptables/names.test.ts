import { describe, expect, it } from 'vitest';
import { endpointChain, serviceChain } from './names.ts';

describe('chain names', () => {
  // As kube-proxy names them on every cluster.
  it.each([
    { key: 'default/kubernetes:https', protocol: 'TCP', chain: 'KUBE-SVC-NPX46M4PTMTKRN6Y' },
    { key: 'kube-system/kube-dns:dns', protocol: 'UDP', chain: 'KUBE-SVC-TCOU7JCQXEZGVUNU' },
    { key: 'kube-system/kube-dns:dns-tcp', protocol: 'TCP', chain: 'KUBE-SVC-ERIFXISQEP7F7OF4' },
  ] as const)('$key is $chain', ({ chain, ...port }) => {
    expect(serviceChain('SVC', port)).toBe(chain);
  });

  it('names endpoints by address and port', () => {
    const port = { key: 'ns1/svc1:p80', protocol: 'TCP' } as const;

    expect(endpointChain(port, { address: '10.180.0.1', port: 80 })).toBe('KUBE-SEP-SXIVWICOYRO3J4NJ');
  });
});
