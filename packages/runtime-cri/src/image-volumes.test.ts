import { expect, it } from 'vitest';
import { mountsImages } from './image-volumes.ts';

it.each([
  { name: 'containerd', version: '1.6.20~ds1', want: false },
  { name: 'containerd', version: 'v2.0.5', want: false },
  { name: 'containerd', version: 'v2.1.0', want: true },
  { name: 'containerd', version: '3.0.0', want: true },
  { name: 'cri-o', version: '1.30.9', want: false },
  { name: 'cri-o', version: '1.31.0', want: true },
  { name: 'other', version: '9.9.9', want: false },
])('$name $version mounts images: $want', ({ name, version, want }) => {
  expect(mountsImages(name, version)).toBe(want);
});
