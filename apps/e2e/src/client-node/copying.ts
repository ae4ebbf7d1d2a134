import type { CaseTable } from '../testing/shell-case.ts';

/** What client-node needs real containers for: there is no `tar` in simulated ones. */
export const COPYING: CaseTable = {
  cp: [
    {
      title: 'files, there and back',
      steps: [
        { run: 'kubectl apply -f box.yaml && kubectl wait --for=condition=Ready pod/box --timeout=180s' },
        { run: 'mkdir there && head -c 2000000 /dev/urandom > there/big && copy.ts to box main there /tmp' },
        { run: 'mkdir back && copy.ts from box main big back && cmp there/big back/big' },
      ],
    },
  ],
};
