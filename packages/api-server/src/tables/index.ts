export type { TableColumn } from './columns.ts';
export { tableOf, type Table, type TableListMetadata, type TableOptions, type TableRow } from './table.ts';
