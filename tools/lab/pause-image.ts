// Writes the image of sandboxes, which the Docker adapter brings along, as an archive for `docker load` to standard output.
import { pauseImage } from '../../packages/runtime-docker/src/pause/pause-image.ts';

process.stdout.write(pauseImage(process.arch === 'x64' ? 'amd64' : process.arch));
