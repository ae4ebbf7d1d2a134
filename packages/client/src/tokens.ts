import { token } from '@keelson/base';
import type { Client } from './client.ts';

export const CLIENT = token<Client>('@keelson/client:Client');
