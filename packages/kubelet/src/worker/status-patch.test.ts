import { describe, expect, it } from 'vitest';
import { statusPatch } from './status-manager.ts';

const POD = { metadata: { uid: 'u' } };

describe('statusPatch', () => {
  it('sends only what differs, for this pod and no other of its name', () => {
    const from = { phase: 'Pending', hostIP: '1.1.1.1' };

    expect(statusPatch(POD, from, { phase: 'Running', hostIP: '1.1.1.1' })).toEqual({
      metadata: { uid: 'u' },
      status: { phase: 'Running' },
    });
    expect(statusPatch(POD, from, from)).toBeUndefined();
  });

  it('takes back by name what is merged by key', () => {
    const from = {
      podIPs: [{ ip: '1.1.1.1' }],
      reason: 'x',
      conditions: [{ type: 'Ready', status: 'False', reason: 'r', message: 'm' }],
    };

    const patch = statusPatch(POD, from, { podIPs: [{ ip: '2.2.2.2' }], conditions: [{ type: 'Ready', status: 'True' }] });

    expect(patch?.['status']).toEqual({
      podIPs: [{ ip: '2.2.2.2' }, { ip: '1.1.1.1', $patch: 'delete' }],
      reason: null,
      conditions: [{ type: 'Ready', status: 'True', reason: null, message: null }],
    });
  });

  it("says nothing of other people's conditions", () => {
    const from = { conditions: [{ type: 'x/gate', status: 'True' }] };

    expect(statusPatch(POD, from, { conditions: [] })).toBeUndefined();
  });
});
